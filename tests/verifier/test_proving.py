"""`custody prove` and `custody verify proof`: one entry for somebody without access to the log."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
from tests.server.conftest import no_pauses, rig
from tests.server.ledger_rig import ORIGIN, Rig, record_id, segment

from custody.core.entry import decode_entry
from custody.core.note import SignatureType, SignerKey

__all__ = ["no_pauses", "rig"]

CUSTODY = str(Path(sys.executable).with_name("custody"))


async def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    line = [CUSTODY, *map(str, words)]
    return await asyncio.to_thread(subprocess.run, line, check=False, capture_output=True, text=True)


async def fill(rig: Rig) -> str:
    rig.start()
    for first in (0, 200, 400):
        await rig.submit([segment(number) for number in range(first, first + 200)])
    return rig.signer.signing.vkey.encode()


@pytest.mark.parametrize("how", ["index", "record", "file"])
async def test_an_entry_is_proven_offline(rig: Rig, tmp_path: Path, how: str) -> None:
    key = await fill(rig)
    footage = tmp_path / "clip.mp4"
    footage.write_bytes(b"file257")
    chosen = {
        "index": ("--index", "257"),
        "record": ("--record", record_id(257).hex()),
        "file": ("--file", str(footage)),
    }
    out = tmp_path / "entry"
    made = await run("prove", rig.database, "--key", key, *chosen[how], "--out", out)
    assert made.returncode == 0, made.stderr
    assert decode_entry(out.read_bytes()).record == segment(257)
    proof = tmp_path / "entry.tlog-proof"
    assert proof.read_bytes().startswith(b"c2sp.org/tlog-proof@v1\nindex 257\n")
    good = await run("verify", "proof", proof, out, "--key", key)
    assert (good.returncode, good.stdout.startswith(f"proven: entry 257 of {ORIGIN}")) == (0, True)
    policy = tmp_path / "policy"
    witness = SignerKey.from_seed("w.example/1", SignatureType.COSIGNATURE_ED25519, bytes(32))
    policy.write_text(f"log {key}\nwitness w {witness.vkey}\nquorum none\n")
    assert (await run("verify", "proof", proof, out, "--trust", policy)).returncode == 0
    policy.write_text(f"log {key}\nwitness w {witness.vkey}\nquorum w\n")
    assert "[quorum-missing]" in (await run("verify", "proof", proof, out, "--trust", policy)).stdout
    whole = out.read_bytes()
    out.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    bad = await run("verify", "proof", proof, out, "--key", key)
    assert (bad.returncode, "[inclusion-failed]" in bad.stdout) == (1, True)


async def test_what_is_not_there_is_not_proven(rig: Rig, tmp_path: Path) -> None:
    key = await fill(rig)
    nothing = tmp_path / "nothing.mp4"
    nothing.write_bytes(sha256(b"no footage").digest())
    for words in (("--index", "600"), ("--record", record_id(9_999).hex()), ("--file", str(nothing))):
        refused = await run("prove", rig.database, "--key", key, *words, "--out", tmp_path / "out")
        assert (refused.returncode, "[entry-unknown]" in refused.stderr) == (2, True)
    wrong: list[tuple[str, ...]] = [(), ("--index", "1", "--record", record_id(1).hex()), ("--record", "X")]
    for given in wrong:
        assert "[usage]" in (await run("prove", rig.database, "--key", key, *given, "--out", tmp_path / "out")).stderr
