"""`growth`: is the ledger on PostgreSQL as fast at 20 million entries as at none, and how large does it become?

At each size: `custody serve` is started, appends are sent and proofs asked for through gRPC and the client library, which
verifies them. At the last size also: how long it took to start (at once after the log was grown, and again), bytes on disk, and one day of
one camera with proofs: right behind the appends, where autovacuum may still be at work, then with PostgreSQL and ledger just
started and the system's page cache emptied (where the benchmark may: it needs root), then once more. Each measurement begins behind a checkpoint of PostgreSQL: a log that was grown hundreds of
times faster than cameras fill one leaves gigabytes to be written, and an empty one nothing; that is not what is compared. At the
end `custody log check` must find that the log may be written, every entry is hashed up to the last signed root, and with
`CUSTODY_BENCH_VERIFY=1` (a quarter of an hour at 20 million) `custody verify log` finds every rule kept.

`CUSTODY_BENCH_GROWTH=0,200000,800000` chooses other sizes. The measurements themselves append too: they count as growth.
"""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import asyncpg

from bench.append_load import Load, append_speed
from bench.figures import Figure, figure, percentile
from bench.growing import SEGMENT_US, START_US, TURN, grow, stream
from bench.postgres_raw import bytes_per_entry
from bench.rig import CUSTODY, ORIGIN, Home, Rig, serving, signing
from custody.client import LedgerClient
from custody.core.checkpoint import open_checkpoint
from custody.core.hashing import leaf_hash
from custody.core.note import VerifierKey
from custody.core.tree import EMPTY_FRONTIER, extend
from custody.server.store.postgres.directory import PostgresDirectory

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "programs"))


from postgres_server import PostgresServer

NAME = "growth"
LONG = True
SIZES = tuple(map(int, os.environ.get("CUSTODY_BENCH_GROWTH", "0,5000000,20000000").split(",")))
VERIFY = os.environ.get("CUSTODY_BENCH_VERIFY", "0") == "1"
SETTINGS = {"max_wal_size": "4GB", "shared_buffers": "512MB", "wal_compression": "on"}
TRIES = 6
"""Of each measurement; the best counts, because other processes can only make one slower: between two tries of one run the speed
differs by up to a quarter, with autovacuum on or off."""
PROOFS = 500
PROOF_TRIES = 8
"""A proof takes a millisecond or two: a vacuum, or anybody else on one of two processors, doubles that for seconds."""
DAY = 8_640
"""Segments of 10 seconds."""
FLAT = 0.85


def run() -> list[Figure]:
    """Grows one log through all sizes, in a server and a folder of its own, which are removed at the end."""
    figures: list[Figure] = []
    with PostgresServer(SETTINGS) as server, signing(server.dsn("postgres")) as home:
        turns, size, first = 0, 0, None
        for wanted in SIZES:
            more = max(0, wanted - size) // TURN
            if more:
                grow(home, turns, more)
                turns += more
            begun = time.perf_counter()
            with serving(home):
                at_once_s = time.perf_counter() - begun
            settling = asyncio.run(_settle(server.dsn("postgres")))
            begun = time.perf_counter()
            with serving(home) as rig:
                started_s = time.perf_counter() - begun
                found, size = asyncio.run(_measure(rig, wanted, first))
                if wanted == SIZES[-1] and turns:
                    found.append(_day(rig, turns, 5, "right behind the appends"))
            if wanted == SIZES[-1] and turns:
                found += _days_from_disk(server, home, turns)
            first = first or found
            if wanted == SIZES[-1]:
                found.append(figure(f"at {wanted:,}: start of custody serve, just grown", at_once_s, "s", aim=5))
                found.append(figure("checkpoint of PostgreSQL after that", settling, "s"))
                found.append(figure(f"at {wanted:,}: start of custody serve", started_s, "s", aim=5))
                figures += say(asyncio.run(_bytes(server.dsn("postgres"), size)))
            figures += say(found)
        figures += say(_check(home, size))
    return figures


def say(figures: list[Figure]) -> list[Figure]:
    """Prints figures at once: whoever stops a long run keeps what it found."""
    for one in figures:
        aim = f" (aim {one['aim']:,.4g})" if one["aim"] is not None else ""
        print(f"  {one['figure']}: {one['value']:,.4g} {one['unit']}{aim}", flush=True)
    return figures


async def _settle(dsn: str) -> float:
    """Has PostgreSQL write out what is only in its memory and its WAL; how many seconds that took."""
    begun = time.perf_counter()
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()
    return time.perf_counter() - begun


async def _measure(rig: Rig, wanted: int, first: list[Figure] | None) -> tuple[list[Figure], int]:
    """Append speed and latency of proofs at this size, and the size afterwards; `first` is the same at the first size."""
    load = Load(batch=256, callers=64, total=100_000)
    await append_speed(rig, Load(batch=256, callers=64, total=20_000))  # connections, prepared statements, caches
    speed = max([(await append_speed(rig, load))[0] for _ in range(TRIES)])
    medians = []
    chooser = random.Random(wanted)
    async with await LedgerClient.connect(rig.target, log=ORIGIN, vkeys=[rig.vkey], timeout_s=120) as client:
        size = (await client.checkpoint()).checkpoint.size
        places = []
        for index in chooser.sample(range(size), PROOFS):
            places += [(found.index, found.leaf) async for found in client.read_range(index, 1)]
        for _ in range(PROOF_TRIES):
            times = []
            for index, leaf in places:
                begin = time.perf_counter()
                await client.prove_inclusion(index, leaf)
                times.append(time.perf_counter() - begin)
            medians.append((percentile(times, 0.5) * 1e3, percentile(times, 0.99) * 1e3))
    p50, p99 = min(medians)
    at_first = [one["value"] for one in first[:2]] if first else [None, None]
    return [
        figure(
            f"at {wanted:,}: append, batch 256, 64 callers",
            *(speed, "entries/s"),
            aim=at_first[0] and FLAT * at_first[0],
            limit=at_first[0],
        ),
        figure(
            f"at {wanted:,}: inclusion proof p50", p50, "ms", aim=at_first[1] and at_first[1] / FLAT, limit=at_first[1]
        ),
        figure(f"at {wanted:,}: inclusion proof p99", p99, "ms"),
    ], size


def _days_from_disk(server: PostgresServer, home: Home, turns: int) -> list[Figure]:
    """The same, by programs that were just started; then what the first read brought into memory serves the second."""
    server.stop()
    os.sync()
    try:
        Path("/proc/sys/vm/drop_caches").write_text("3\n")
        told = "everything from the disk"
    except OSError:
        told = "all programs just started (the page cache is not ours to empty)"
    server.start()
    with serving(home) as rig:
        return [_day(rig, turns, 20, told), _day(rig, turns, 20, "again")]


def _day(rig: Rig, turns: int, recorder: int, when: str) -> Figure:
    """One day of one camera, read and verified by the client: the middle of what was grown."""
    day = min(DAY, turns // 2)  # a small log has no whole day
    took = asyncio.run(_read_day(rig, stream(recorder, 3), START_US + (turns - day) // 2 * SEGMENT_US, day))
    return figure(f"{day:,} segments of one camera with proofs, {when}", took, "s", aim=1)


async def _read_day(rig: Rig, camera: str, begin_us: int, segments: int) -> float:
    async with await LedgerClient.connect(rig.target, log=ORIGIN, vkeys=[rig.vkey], timeout_s=120) as client:
        begun = time.perf_counter()
        count = 0
        async for _ in client.read_chain_time(f"footage/{camera}", begin_us, begin_us + segments * SEGMENT_US):
            count += 1
        took = time.perf_counter() - begun
    if not segments <= count <= segments + 1:
        raise RuntimeError(f"{camera} has {count} segments on a day")
    return took


async def _bytes(dsn: str, entries: int) -> list[Figure]:
    sizes = await bytes_per_entry(dsn, entries)
    rows = [figure("on disk, with all indexes", sizes.pop("all"), "bytes/entry", aim=600)]
    rows += [figure(f"on disk, {table}", value, "bytes/entry") for table, value in sizes.items() if value >= 1]
    return rows


def _check(home: Home, entries: int) -> list[Figure]:
    """Raises CalledProcessError, with what it says on stderr, when the log is not sound."""
    begin = time.perf_counter()
    subprocess.run([CUSTODY, "log", "check", "--store", home.store, "--signer", home.signer, ORIGIN], check=True)
    figures = [figure("custody log check", time.perf_counter() - begin, "s")]
    begin = time.perf_counter()
    asyncio.run(_hash_all(home))
    figures.append(
        figure("all entries hashed to the signed root", entries / (time.perf_counter() - begin), "entries/s")
    )
    if VERIFY:
        key = home.folder / "log.vkey"
        key.write_text(home.vkey + "\n")
        begin = time.perf_counter()
        subprocess.run([CUSTODY, "verify", "log", home.store, "--key", str(key)], check=True)
        figures.append(figure("custody verify log", entries / (time.perf_counter() - begin), "entries/s"))
    return figures


async def _hash_all(home: Home) -> None:
    """Raises unless the entries as they are stored lead to the root of the last checkpoint, and that is signed."""
    directory = await PostgresDirectory.connect(home.store)
    try:
        store = await directory.open(ORIGIN)
        note = (await store.state()).checkpoint
        checkpoint = open_checkpoint(note, VerifierKey.parse(home.vkey), origin=ORIGIN)
        frontier = EMPTY_FRONTIER
        while frontier.size < checkpoint.size:
            placed = await store.entries(frontier.size, min(1_024, checkpoint.size - frontier.size))
            if [index for index, _ in placed] != list(range(frontier.size, frontier.size + len(placed))) or not placed:
                raise RuntimeError(f"entries after {frontier.size} are missing")
            frontier = extend(frontier, [leaf_hash(entry) for _, entry in placed]).frontier
        if frontier.root() != checkpoint.root:
            raise RuntimeError("the entries do not lead to the signed root")
    finally:
        await directory.close()
