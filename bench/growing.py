"""Grows a log in PostgreSQL fast and honestly: the ledger's own sequencer in this process, without gRPC before it.

Everything is what `custody serve` does with a batch: strict admission, stamps, tree, one durable commit for a round, a
signature of the running signer for each, publication. Only the recorders' requests are made in a process beside it, so
that both processors are busy. Segments are 10 seconds long, of 200 cameras in turns: the worst case for whoever reads
one camera later. They tell of the past, as a backlog that is brought in does; ids and stamps are of now.
"""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import random
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection

import grpc

from bench.footage_commits import segment_record
from bench.rig import ORIGIN, Home
from custody.core.record_id import RANDOM_BYTES, make_record_id
from custody.server.admission import admit
from custody.server.app import GC_THRESHOLDS
from custody.server.batch import Batch
from custody.server.pool import Pool
from custody.server.publication import Publication
from custody.server.remote_signer import RemoteSigner
from custody.server.sequencer import MAX_ROUND_RECORDS, Sequencer
from custody.server.snapshot import Snapshots
from custody.server.store.postgres.directory import PostgresDirectory
from custody.v1 import ledger_pb2

RECORDERS = 25
CAMERAS = 8
"""Of each recorder; it sends the finished segments of all of them together."""
SEGMENT_US = 10_000_000
START_US = 1_767_225_600_000_000
"""2026-01-01T00:00:00Z: when camera footage begins."""
TURN = RECORDERS * CAMERAS
REQUESTS_AT_ONCE = MAX_ROUND_RECORDS // CAMERAS
SAY_EVERY = 1_000_000


def stream(recorder: int, camera: int) -> str:
    """Name of a camera."""
    return f"site-{recorder}/camera-{camera}"


def now_us() -> int:
    """Microseconds by the machine's clock."""
    return time.time_ns() // 1_000


def grow(home: Home, first_turn: int, turns: int) -> None:
    """Appends segments number `first_turn` + 1 to `first_turn` + `turns` of every camera. No ledger may be running."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    maker = context.Process(target=_make, args=(theirs, first_turn, turns), daemon=True)
    maker.start()
    theirs.close()
    try:
        asyncio.run(_grow(home, ours, turns * TURN))
    finally:
        maker.terminate()
        maker.join()


def _make(pipe: Connection, first_turn: int, turns: int) -> None:
    """Sends lists of (submitter, serialized AppendRequest)."""
    draw = random.Random(first_turn)
    offsets = [random.Random(7).randrange(1_000_000) + at for at in range(TURN)]
    requests: list[tuple[str, bytes]] = []
    for number in range(first_turn + 1, first_turn + turns + 1):
        for recorder in range(RECORDERS):
            records = []
            for camera in range(CAMERAS):
                at_us = START_US + number * SEGMENT_US + offsets[recorder * CAMERAS + camera]
                records.append(_segment(draw, at_us, stream(recorder, camera), number))
            request = ledger_pb2.AppendRequest(log=ORIGIN, records=records)
            requests.append((f"urn:custody:recorder:recorder-{recorder}", request.SerializeToString()))
            if len(requests) == REQUESTS_AT_ONCE:
                pipe.send(requests)
                requests = []
    pipe.send(requests)
    pipe.send([])


def _segment(draw: random.Random, at_us: int, camera: str, number: int) -> bytes:
    record_id = make_record_id(now_us(), os.urandom(RANDOM_BYTES))
    path = f"{camera}/2026/01/{number:012d}.mp4"
    return segment_record(draw, record_id, at_us, camera, path, number).SerializeToString()


async def _grow(home: Home, pipe: Connection, total: int) -> None:
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)  # as the ledger does
    directory = await PostgresDirectory.connect(home.store)
    async with grpc.aio.insecure_channel(home.signer) as channel:
        store = await directory.open(ORIGIN)
        sequencer = Sequencer(
            store=store,
            signer=RemoteSigner(channel),
            pool=Pool(),
            snapshots=Snapshots(
                interval_us=3_600_000_000,
                new_record_id=lambda at_us: make_record_id(at_us, os.urandom(RANDOM_BYTES)),
                now_us=now_us(),
            ),
            publication=Publication(),
            now_us=now_us,
        )
        writing = asyncio.create_task(sequencer.run())
        begun, done, said = time.perf_counter(), 0, 0
        waiting: asyncio.Task[None] | None = None
        try:
            # One round is prepared while the one before it is written.
            while requests := await asyncio.to_thread(pipe.recv):
                batches = [admit(ledger_pb2.AppendRequest.FromString(raw), who) for who, raw in requests]
                if waiting is not None:
                    await _or_end(waiting, writing)
                waiting = asyncio.create_task(_together(sequencer, batches))
                await asyncio.sleep(0)
                done += sum(len(batch.items) for batch in batches)
                if done - said >= SAY_EVERY:
                    said = done
                    print(
                        f"  grown by {done:,} of {total:,}: {done / (time.perf_counter() - begun):,.0f}/s", flush=True
                    )
            if waiting is not None:
                await _or_end(waiting, writing)
        finally:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
            await directory.close()


async def _together(sequencer: Sequencer, batches: Sequence[Batch]) -> None:
    await asyncio.gather(*(sequencer.submit(batch) for batch in batches))


async def _or_end(waiting: asyncio.Task[None], writing: asyncio.Task[None]) -> None:
    await asyncio.wait((waiting, writing), return_when=asyncio.FIRST_COMPLETED)
    if writing.done():
        writing.result()
    await waiting
