"""`identity`: what it costs to know who submits. Appends at batch 256: plain, with mutual TLS, with mutual TLS and seals.

Each mode has a ledger of its own, and the modes take turns over several rounds, so that a busy machine slows all alike.
"""

import asyncio
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.figures import Figure, figure
from bench.rig import CUSTODY, ORIGIN, Rig, running, segment
from custody.client import LedgerClient, SealingKey, TlsFiles
from custody.private.passphrase import from_file

NAME = "identity"
LONG = False

BATCH = 256
CALLERS = 8
BATCHES = 160
ROUNDS = 3


def run() -> list[Figure]:
    """Entries per second in each mode; the ratio is to plain text on the same kind of ledger."""
    with tempfile.TemporaryDirectory(prefix="custody-identity-") as name:
        folder = Path(name)
        options = _enrol(folder)
        # TLS and plain text to the same ledger would share a log; two ledgers keep the logs equally long.
        with running() as plain, running(None, "--listen", "127.0.0.1:0", *options) as secure:
            modes = _modes(folder, plain, secure)
            speeds: dict[str, list[float]] = {mode: [] for mode in modes}
            for _ in range(ROUNDS):
                for mode, settings in modes.items():
                    speeds[mode].append(asyncio.run(_measure(**settings)))
    middle = {mode: statistics.median(values) for mode, values in speeds.items()}
    aims = {"plain": None, "mutual TLS": 0.85, "mutual TLS and seals": 0.8}
    return [
        figure(
            f"batch {BATCH}, {CALLERS} callers: {mode}",
            value,
            "entries/s",
            aim=None if aims[mode] is None else aims[mode] * middle["plain"],
            limit=middle["plain"],
        )
        for mode, value in middle.items()
    ]


def _enrol(folder: Path) -> list[str]:
    secret = folder / "secret"
    secret.touch(mode=0o600)
    secret.write_text(os.urandom(16).hex() + "\n")
    phrase = ("--ca-passphrase-file", str(secret))
    _run("ca", "init", f"{folder}/ca", *phrase)
    for role, *place in (
        ("ledger", "--host", "127.0.0.1"),
        ("administrator",),
        ("recorder", "--scope", "site-12/*", "--seal"),
    ):
        enrol = ("enrol", "--ca", f"{folder}/ca", *phrase, "--role", role, "--name", role, "--out", f"{folder}/out")
        _run(*enrol, "--passphrase-file", str(secret), *place)
    return [
        "--tls-cert", f"{folder}/out/ledger.crt", "--tls-key", f"{folder}/out/ledger.key",
        "--tls-passphrase-file", str(secret), "--client-ca", f"{folder}/ca/ca.pem", "--crl", f"{folder}/ca/crl.pem",
    ]  # fmt: skip


def _modes(folder: Path, plain: Rig, secure: Rig) -> dict[str, dict[str, Any]]:
    address = secure.addresses[-1]
    secret = folder / "secret"

    def files(name: str) -> TlsFiles:
        out = folder / "out"
        return TlsFiles(
            roots=folder / "ca/ca.pem", certificate=out / f"{name}.crt", key=out / f"{name}.key", passphrase_file=secret
        )

    records = [str(path) for path in sorted((folder / "out").glob("*.record"))]
    administrator = files("administrator")
    _run(
        "keys", "tell", *records, "--ledger", address, "--log", ORIGIN, "--log-key", secure.vkey,
        "--tls-ca", str(administrator.roots), "--tls-cert", str(administrator.certificate),
        "--tls-key", str(administrator.key), "--tls-passphrase-file", str(secret),
    )  # fmt: skip
    out = folder / "out"
    key = SealingKey.read(out / "recorder.seal.key", (out / "recorder.seal.id").read_text().strip(), from_file(secret))
    tls = {"target": address, "vkey": secure.vkey, "credentials": files("recorder").credentials()}
    return {
        "plain": {"target": plain.target, "vkey": plain.vkey, "credentials": None},
        "mutual TLS": tls,
        "mutual TLS and seals": {**tls, "sealing": key},
    }


async def _measure(target: str, vkey: str, credentials: Any, sealing: SealingKey | None = None) -> float:
    waiting = iter(
        [[segment(f"site-12/cam-{at % CALLERS:02d}", one + 1) for one in range(BATCH)] for at in range(BATCHES)]
    )
    async with await LedgerClient.connect(
        target, log=ORIGIN, vkeys=[vkey], credentials=credentials, sealing=sealing, timeout_s=120
    ) as client:
        await client.append([segment("site-12/cam-99", 1)])  # the handshake is not what is measured

        async def caller() -> None:
            for batch in waiting:
                await client.append(batch)

        begin = time.perf_counter()
        await asyncio.gather(*(caller() for _ in range(CALLERS)))
        return BATCH * BATCHES / (time.perf_counter() - begin)


def _run(*arguments: str) -> None:
    subprocess.run([CUSTODY, *arguments], check=True, capture_output=True)
