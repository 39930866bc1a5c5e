"""`identity`: what it costs to know who submits. Appends at batch 256: plain, with mutual TLS, with mutual TLS and seals.

Each mode has a ledger of its own, and the modes take turns over several rounds, so that a busy machine slows all alike.
Then one recorder floods the ledger from a process of its own, and another goes on beside it: how fast, and how long it waits.
Client, flood and ledger share the machine's processors, which parties on machines of their own do not. So the aims for the flood (half
the rate, twice the wait) are against the same beside a process that makes the flood's batches and sends none; all three are shown.
`CUSTODY_BENCH_IDENTITY=BATCHES,ROUNDS` makes a shorter run.
"""

import asyncio
import multiprocessing
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.figures import Figure, figure
from bench.rig import CUSTODY, ORIGIN, Rig, running, segment
from custody.client import LedgerClient, RefusedError, SealingKey, TlsFiles
from custody.core.record_id import RANDOM_BYTES, make_record_id
from custody.private.passphrase import from_file

NAME = "identity"
LONG = False

BATCH = 256
CALLERS = 8
ROLES = {"flood": "recorder"}
BATCHES, ROUNDS = map(int, os.environ.get("CUSTODY_BENCH_IDENTITY", "160,3").split(","))
FLOOD_CALLERS = 32
FLOOD_BATCH = 1_024


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
                    speeds[mode].append(asyncio.run(_measure(**settings))[0])
            flooded = _beside_a_flood(folder, secure)
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
    ] + flooded


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
        ("flood", "--scope", "site-13/*"),
    ):
        enrol = (
            "enrol",
            "--ca",
            f"{folder}/ca",
            *phrase,
            "--role",
            ROLES.get(role, role),
            "--name",
            role,
            "--out",
            f"{folder}/out",
        )
        _run(*enrol, "--passphrase-file", str(secret), *place)
    return [
        "--tls-cert", f"{folder}/out/ledger.crt", "--tls-key", f"{folder}/out/ledger.key",
        "--tls-passphrase-file", str(secret), "--client-ca", f"{folder}/ca/ca.pem", "--crl", f"{folder}/ca/crl.pem",
    ]  # fmt: skip


def _files(folder: Path, name: str) -> TlsFiles:
    out = folder / "out"
    return TlsFiles(
        roots=folder / "ca/ca.pem", certificate=out / f"{name}.crt", key=out / f"{name}.key",
        passphrase_file=folder / "secret",
    )  # fmt: skip


def _modes(folder: Path, plain: Rig, secure: Rig) -> dict[str, dict[str, Any]]:
    address = secure.addresses[-1]
    secret = folder / "secret"
    records = [str(path) for path in sorted((folder / "out").glob("*.record"))]
    administrator = _files(folder, "administrator")
    _run(
        "keys", "tell", *records, "--ledger", address, "--log", ORIGIN, "--trust", secure.vkey,
        "--tls-ca", str(administrator.roots), "--tls-cert", str(administrator.certificate),
        "--tls-key", str(administrator.key), "--tls-passphrase-file", str(secret),
    )  # fmt: skip
    out = folder / "out"
    key = SealingKey.read(out / "recorder.seal.key", (out / "recorder.seal.id").read_text().strip(), from_file(secret))
    tls = {"target": address, "vkey": secure.vkey, "credentials": _files(folder, "recorder").credentials()}
    return {
        "plain": {"target": plain.target, "vkey": plain.vkey, "credentials": None},
        "mutual TLS": tls,
        "mutual TLS and seals": {**tls, "sealing": key},
    }


def _beside_a_flood(folder: Path, secure: Rig) -> list[Figure]:
    """The same recorder alone and beside another that floods, in turns."""
    target, vkey = secure.addresses[-1], secure.vkey
    alone: list[tuple[float, float]] = []
    busy: list[tuple[float, float]] = []
    beside: list[tuple[float, float]] = []
    floods: list[float] = []
    context = multiprocessing.get_context("spawn")
    for _ in range(ROUNDS):
        credentials = _files(folder, "recorder").credentials()
        alone.append(asyncio.run(_measure(target, vkey, credentials)))
        for results, work, where in ((busy, _spin, ()), (beside, _flood, (folder, target, vkey))):
            flowing, taken = context.Event(), context.Value("q", 0)
            other = context.Process(target=work, args=(*where, flowing, taken), daemon=True)
            other.start()
            flowing.wait(60)
            before, begin = taken.value, time.perf_counter()
            results.append(asyncio.run(_measure(target, vkey, credentials)))
            if work is _flood:
                floods.append((taken.value - before) / (time.perf_counter() - begin))
            other.terminate()
            other.join(30)
    speed, wait_ms = (statistics.median(one) for one in zip(*alone, strict=True))
    spinning, spun_ms = (statistics.median(one) for one in zip(*busy, strict=True))
    slowed, waited_ms = (statistics.median(one) for one in zip(*beside, strict=True))
    name = f"batch {BATCH}, {CALLERS} callers"
    return [
        figure(f"{name}: beside a flood", slowed, "entries/s", aim=spinning / 2, limit=speed),
        figure(f"{name}: beside a process that only makes the flood's batches", spinning, "entries/s", limit=speed),
        figure("the flood's own entries that were taken", statistics.median(floods), "entries/s"),
        figure(f"{name}: wait for a receipt, alone", wait_ms, "ms"),
        figure(f"{name}: wait for a receipt, beside that process", spun_ms, "ms", limit=wait_ms),
        figure(f"{name}: wait for a receipt, beside a flood", waited_ms, "ms", aim=2 * spun_ms, limit=wait_ms),
    ]


def _spin(flowing: Any, taken: Any) -> None:
    """The flood's work without the flood; `taken` stays 0."""
    batch = [segment("site-13/cam-01", number + 1) for number in range(FLOOD_BATCH)]
    flowing.set()
    while not taken.value:
        _fresh(batch)


def _flood(folder: Path, target: str, vkey: str, flowing: Any, taken: Any) -> None:
    """As many and as large batches as its limits allow, without end; counts the records of its receipts in `taken`."""
    batch = [segment("site-13/cam-01", number + 1) for number in range(FLOOD_BATCH)]

    async def send() -> None:
        credentials = _files(folder, "flood").credentials()
        async with await LedgerClient.connect(
            target, log=ORIGIN, vkeys=[vkey], credentials=credentials, timeout_s=120
        ) as client:

            async def caller() -> None:
                while True:
                    try:
                        await client.append(_fresh(batch), retry=False)
                        flowing.set()
                        taken.value += FLOOD_BATCH
                    except RefusedError:
                        await asyncio.sleep(0)  # at its limit: it tries again at once

            await asyncio.gather(*(caller() for _ in range(FLOOD_CALLERS)))

    asyncio.run(send())


def _fresh(batch: list[bytes]) -> list[bytes]:
    """The same records under new ids; making them anew would slow the flood more than anything."""
    now_us = time.time_ns() // 1_000
    # A record begins with field 1, its id of 16 bytes.
    return [raw[:2] + make_record_id(now_us, os.urandom(RANDOM_BYTES)) + raw[18:] for raw in batch]


async def _measure(target: str, vkey: str, credentials: Any, sealing: SealingKey | None = None) -> tuple[float, float]:
    """Entries per second, and the median wait for a receipt in milliseconds."""
    waits: list[float] = []
    waiting = iter(
        [[segment(f"site-12/cam-{at % CALLERS:02d}", one + 1) for one in range(BATCH)] for at in range(BATCHES)]
    )
    async with await LedgerClient.connect(
        target, log=ORIGIN, vkeys=[vkey], credentials=credentials, sealing=sealing, timeout_s=120
    ) as client:
        await client.append([segment("site-12/cam-99", 1)])  # the handshake is not what is measured

        async def caller() -> None:
            for batch in waiting:
                sent = time.perf_counter()
                await client.append(batch)
                waits.append(1_000 * (time.perf_counter() - sent))

        begin = time.perf_counter()
        await asyncio.gather(*(caller() for _ in range(CALLERS)))
        return BATCH * BATCHES / (time.perf_counter() - begin), statistics.median(waits)


def _run(*arguments: str) -> None:
    subprocess.run([CUSTODY, *arguments], check=True, capture_output=True)
