"""A monitor follows a log, and proves a fork to a third party."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from tests.server.http.conftest import TOKEN, Site
from tests.server.ledger_rig import ORIGIN, START_US, segment

from custody.core.add_checkpoint import AddCheckpoint
from custody.core.bundle import decode_bundle, encode_bundle
from custody.core.checkpoint import Checkpoint, sign_checkpoint
from custody.core.fork_proof import parse_fork, verify_fork
from custody.core.hashing import leaf_hash
from custody.core.note import SignatureType, SignerKey
from custody.core.policy import parse_policy
from custody.core.proof import consistency_plan
from custody.core.tile import extend_tiles, next_edge
from custody.core.tree import EMPTY_FRONTIER, extend
from custody.signer.decide import Request
from custody.signer.errors import SignerRefusalError
from custody.verifier import record_ids
from custody.verifier.mirror.copying import Mirror
from custody.verifier.monitor import command
from custody.verifier.monitor.alarm import metrics_text
from custody.verifier.monitor.watching import MonitorPlan, Round, watch_once
from custody.verifier.tiles.credentials import Credentials
from custody.verifier.tiles.source import HttpSource
from custody.verifier.tiles.tile_log import TileLog
from custody.witness.decide import Held
from custody.witness.errors import WitnessRefusal
from custody.witness.folder import create_witness, open_witness

CUSTODY = str(Path(sys.executable).with_name("custody"))
NOW_US = START_US + 10_000_000_000
KEY = SignerKey.from_seed(ORIGIN, SignatureType.ED25519, bytes([1]) * 32)
"""The rig's key: whoever stole it can sign what he likes."""


async def mirrored(site: Site, folder: Path) -> Path:
    def run() -> None:
        source = HttpSource(f"{site.url}/{ORIGIN}", Credentials(token=TOKEN))
        try:
            Mirror(source, folder, [KEY.vkey]).run()
        finally:
            source.close()

    await asyncio.to_thread(run)
    return folder


def plan(place: str | Path, state: Path, **more: object) -> MonitorPlan:
    return MonitorPlan(place=str(place), keys=(KEY.vkey,), state=state, credentials=Credentials(token=TOKEN), **more)  # type: ignore[arg-type]


def codes(done: Round) -> set[str]:
    return {one.code for one in done.alarms}


async def fill(site: Site, entries: int) -> None:
    begin = site.rig.publication.size
    await site.rig.submit([segment(number) for number in range(begin, begin + entries)])


def rewrite(folder: Path, size: int, *, leave_out: int, upto: int, more: int = 0) -> None:
    """A forger with the stolen database and key: the same log without entry `leave_out`, signed again at `upto`."""
    entries = []
    for index in range(-(-size // 256)):
        width = min(256, size - 256 * index)
        name = f"{index:03d}" if width == 256 else f"{index:03d}.p/{width}"
        entries += decode_bundle((folder / "tile/entries" / name).read_bytes(), width)
    forged = (entries[:leave_out] + entries[leave_out + 1 :] + entries[:more])[:upto]
    extension = extend(EMPTY_FRONTIER, [leaf_hash(entry) for entry in forged])
    tiles = extend_tiles({}, extension)
    assert next_edge({}, extension, tiles) is not None
    for (level, index), content in tiles.items():
        width = len(content) // 32
        suffix = "" if width == 256 else f".p/{width}"
        path = folder / f"tile/{level}/{index:03d}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        if level == 0:
            path = folder / f"tile/entries/{index:03d}{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode_bundle(forged[256 * index : 256 * index + width]))
    checkpoint = Checkpoint(origin=ORIGIN, size=upto, root=extension.root)
    (folder / "checkpoint").write_bytes(sign_checkpoint(checkpoint, [KEY]).note.encode())


async def test_rounds_read_only_what_is_new(site: Site, tmp_path: Path) -> None:
    watching = plan(f"{site.url}/{ORIGIN}", tmp_path / "state")
    assert (await asyncio.to_thread(watch_once, watching, NOW_US)).size == 0
    for entries in (300, 1, 500):
        await fill(site, entries)
        done = await asyncio.to_thread(watch_once, watching, NOW_US)
        assert (done.size, done.new_entries) == (site.rig.publication.size, entries)
        assert not codes(done) & {"fork", "rollback", "root-mismatch"}
    again = await asyncio.to_thread(watch_once, watching, NOW_US)
    assert again.new_entries == 0


@pytest.mark.parametrize(("seen", "forged"), [(300, 300), (300, 420), (256, 300)])
async def test_a_stolen_database_and_a_stolen_key(site: Site, tmp_path: Path, seen: int, forged: int) -> None:
    """Signer and witness refuse it (see there); with the key itself stolen, the monitor proves it."""
    await fill(site, seen)
    watching = plan(f"{site.url}/{ORIGIN}", tmp_path / "state")
    assert (await asyncio.to_thread(watch_once, watching, NOW_US)).size == seen
    await fill(site, 450 - seen)
    folder = await mirrored(site, tmp_path / "stolen")
    rewrite(folder, 450, leave_out=7, upto=forged)
    done = await asyncio.to_thread(watch_once, plan(folder, tmp_path / "state"), NOW_US)
    assert codes(done) == {"fork"}
    assert done.exit_status == 1
    evidence = done.alarms[0].evidence
    assert evidence is not None
    assert [one.size for one in verify_fork(parse_fork(evidence.read_bytes()), KEY.vkey)] == [seen, forged]
    judge = await asyncio.to_thread(
        subprocess.run,
        [CUSTODY, "verify", "fork", str(evidence), "--key", KEY.vkey.encode()],
        check=False,
        capture_output=True,
        text=True,
    )
    assert (judge.returncode, judge.stdout.startswith("proven: ")) == (0, True)
    # It is told again at every round, and the good checkpoint stays.
    assert codes(await asyncio.to_thread(watch_once, plan(folder, tmp_path / "state"), NOW_US)) == {"fork"}
    assert (await asyncio.to_thread(watch_once, watching, NOW_US)).size == 450


@pytest.mark.parametrize("forged", [320, 300])
async def test_a_fork_is_refused_by_signer_and_witness_and_proven_by_the_monitor(
    site: Site, tmp_path: Path, forged: int
) -> None:
    """One theft from its beginning to the judge: the same forged tree before all three who watch."""
    await fill(site, 300)
    folder = await mirrored(site, tmp_path / "stolen")
    honest = (folder / "checkpoint").read_bytes()
    watching = plan(f"{site.url}/{ORIGIN}", tmp_path / "state")
    assert (await asyncio.to_thread(watch_once, watching, NOW_US)).size == 300
    create_witness(tmp_path / "witness", "w.example/1", lambda: b"throw-away", ml_dsa=False)
    with open_witness(tmp_path / "witness", lambda: b"throw-away") as witness:
        witness.memory.add_log(Held(origin=ORIGIN, keys=(KEY.vkey,)))
        witness.add_checkpoint(AddCheckpoint(old_size=0, proof=(), checkpoint=honest).encode())

        rewrite(folder, 300, leave_out=7, upto=forged, more=21)
        with closing(TileLog.open(str(folder))) as log:
            proof = consistency_plan(300, forged).assemble(log.node)
            note, root = log.note, log.checkpoint.root
        # The signer has the key and does not lend it to this tree.
        with pytest.raises(SignerRefusalError) as refused:
            site.rig.signer.signing.sign(
                Request(origin=ORIGIN, old_size=300, new_size=forged, new_root=root, proof=proof)
            )
        assert refused.value.code == ("signer-fork" if forged == 300 else "signer-inconsistent")
        # The thief has the key too, and signs for himself: the witness does not cosign.
        with pytest.raises(WitnessRefusal) as unseen:
            witness.add_checkpoint(AddCheckpoint(old_size=300, proof=proof, checkpoint=note).encode())
        assert (unseen.value.code, unseen.value.status) == (
            ("witness-fork", 409) if forged == 300 else ("witness-proof", 422)
        )
        assert witness.memory.held(ORIGIN).note == honest  # type: ignore[union-attr]
    # He shows it to readers all the same: the monitor keeps what convinces anybody, without the network.
    done = await asyncio.to_thread(watch_once, plan(folder, tmp_path / "state"), NOW_US)
    assert codes(done) == {"fork"}
    evidence = done.alarms[0].evidence
    assert evidence is not None
    judge = [CUSTODY, "verify", "fork", str(evidence), "--key", KEY.vkey.encode()]
    found = await asyncio.to_thread(subprocess.run, judge, check=False, capture_output=True, text=True)
    assert (found.returncode, found.stdout.startswith("proven: ")) == (0, True)


async def test_the_signer_refuses_the_stolen_database(site: Site, tmp_path: Path) -> None:
    await fill(site, 300)
    folder = await mirrored(site, tmp_path / "stolen")
    rewrite(folder, 300, leave_out=7, upto=299)
    leaves = [bytes([number % 256]) * 32 for number in range(400)]
    for size in (299, 350):
        root = extend(EMPTY_FRONTIER, leaves[:size]).root
        with pytest.raises(SignerRefusalError) as caught:
            site.rig.signer.signing.sign(Request(origin=ORIGIN, old_size=300, new_size=size, new_root=root, proof=()))
        assert caught.value.code in {"signer-request-malformed", "signer-inconsistent", "signer-rollback"}
    root = extend(EMPTY_FRONTIER, leaves[:300]).root
    with pytest.raises(SignerRefusalError) as caught:
        site.rig.signer.signing.sign(Request(origin=ORIGIN, old_size=300, new_size=300, new_root=root, proof=()))
    assert caught.value.code == "signer-fork"


async def test_a_rollback_is_an_alarm_with_both_checkpoints(site: Site, tmp_path: Path) -> None:
    await fill(site, 300)
    old = await mirrored(site, tmp_path / "old")
    await fill(site, 10)
    watching = plan(f"{site.url}/{ORIGIN}", tmp_path / "state")
    await asyncio.to_thread(watch_once, watching, NOW_US)
    done = await asyncio.to_thread(watch_once, plan(old, tmp_path / "state"), NOW_US)
    assert codes(done) == {"rollback"}
    evidence = done.alarms[0].evidence
    assert evidence is not None
    assert (old / "checkpoint").read_bytes() in evidence.read_bytes()


async def test_damage_is_an_alarm_and_is_not_held(site: Site, tmp_path: Path) -> None:
    await fill(site, 300)
    folder = await mirrored(site, tmp_path / "log")
    path = folder / "tile/entries/000"
    whole = path.read_bytes()
    path.write_bytes(whole[:50] + bytes([whole[50] ^ 1]) + whole[51:])
    done = await asyncio.to_thread(watch_once, plan(folder, tmp_path / "state"), NOW_US)
    assert done.exit_status == 1
    assert "root-mismatch" in codes(done)
    assert not (tmp_path / "state/checkpoint").exists()
    path.write_bytes(whole)
    assert (await asyncio.to_thread(watch_once, plan(folder, tmp_path / "state"), NOW_US)).size == 300


async def test_a_checkpoint_without_its_quorum_is_an_alarm(site: Site, tmp_path: Path) -> None:
    await fill(site, 3)
    witness = SignerKey.from_seed("w.example/1", SignatureType.COSIGNATURE_ED25519, bytes(32))
    policy = parse_policy(f"log {KEY.vkey}\nwitness w {witness.vkey}\nquorum w\n".encode())
    done = await asyncio.to_thread(watch_once, plan(f"{site.url}/{ORIGIN}", tmp_path / "s", policy=policy), NOW_US)
    assert codes(done) == {"quorum-missing"}


async def test_the_command_speaks_by_exit_status_webhook_and_metrics(site: Site, tmp_path: Path) -> None:
    await fill(site, 300)
    folder = await mirrored(site, tmp_path / "log")
    heard: list[dict[str, object]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    hook = HTTPServer(("127.0.0.1", 0), Hook)
    thread = Thread(target=hook.serve_forever)
    thread.start()
    metrics = tmp_path / "custody.prom"
    words = [CUSTODY, "monitor", str(folder), "--key", KEY.vkey.encode(), "--state", str(tmp_path / "state"), "--json"]
    words += ["--webhook", f"http://127.0.0.1:{hook.server_port}/", "--metrics", str(metrics)]
    try:
        first = await asyncio.to_thread(subprocess.run, words, check=False, capture_output=True, text=True)
        rewrite(folder, 300, leave_out=7, upto=299)
        (folder / "checkpoint").write_bytes(
            sign_checkpoint(Checkpoint(origin=ORIGIN, size=300, root=bytes(32)), [KEY]).note.encode()
        )
        second = await asyncio.to_thread(subprocess.run, words, check=False, capture_output=True, text=True)
    finally:
        hook.shutdown()
        thread.join()
        hook.server_close()
    assert json.loads(first.stdout)["size"] == 300, first.stderr
    assert second.returncode == 1, second.stderr
    assert json.loads(second.stdout)["alarms"][0]["code"] == "fork"
    assert heard[-1] == json.loads(second.stdout)
    assert 'code="fork"} 1' in metrics.read_text()
    assert "custody_monitor_fine" in metrics_text(Round(origin=ORIGIN, size=1, alarms=()), NOW_US, 0.5)
    missing = [
        CUSTODY,
        "monitor",
        str(tmp_path / "nothing"),
        "--key",
        KEY.vkey.encode(),
        "--state",
        str(tmp_path / "s2"),
    ]
    assert (await asyncio.to_thread(subprocess.run, missing, check=False, capture_output=True)).returncode == 2


async def test_a_round_whose_audit_could_not_end_is_an_alarm_and_the_next_goes_on(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await fill(site, 300)
    watching = plan(await mirrored(site, tmp_path / "log"), tmp_path / "state")
    voice = command._Voice(None, tmp_path / "custody.prom", as_json=True)
    with monkeypatch.context() as without_room:
        without_room.setattr(record_ids, "MEMORY_BYTES", 1)
        without_room.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
        assert await asyncio.to_thread(command._round, watching, voice) != 0
    assert 'code="log-unreadable"} 1' in (tmp_path / "custody.prom").read_text()
    await asyncio.to_thread(command._round, watching, voice)
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["size"] for one in told] == [0, 300]
    assert [alarm["code"] for alarm in told[0]["alarms"]] == ["log-unreadable"]
    assert "log-unreadable" not in {alarm["code"] for alarm in told[1]["alarms"]}


async def test_what_was_said_is_said_again_without_reading(site: Site, tmp_path: Path) -> None:
    """No camera of the log was ever registered, so the rules mind; a round with nothing new tells of it too."""
    await fill(site, 300)
    folder = await mirrored(site, tmp_path / "log")
    first = await asyncio.to_thread(watch_once, plan(folder, tmp_path / "state"), NOW_US)
    assert first.alarms
    (folder / "tile/entries/000").unlink()
    again = await asyncio.to_thread(watch_once, plan(folder, tmp_path / "state"), NOW_US)
    assert again.alarms == first.alarms
    for damage in (b"{", b'{"root": 1}', b"[]"):
        (tmp_path / "state/alarms.json").write_bytes(damage)
        assert (await asyncio.to_thread(watch_once, plan(folder, tmp_path / "state"), NOW_US)).exit_status == 1
