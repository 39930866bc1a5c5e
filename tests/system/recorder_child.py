"""A recorder that is killed again and again: keeps records in its outbox, sends them, says each thing after it is done.

Arguments: outbox, state, target (or several, with commas), origin, vkey, number of the first record. Lines on stdout: `recorder ready`; `put N` when
record N is durable here; `got N INDEX LEAF` when its receipt was verified. When its stdin ends it puts nothing more, sends
what is left, says `drained` and ends.
"""

from __future__ import annotations

import asyncio
import os
import sys
import traceback
from collections.abc import Sequence

from tests.client.camera_records import raw_segment

from custody.client import Backoff, Drain, LedgerClient, Outbox, Queued, Receipt

AHEAD = 64
"""Records that wait at most, so that there is always a load and never a flood."""
CAMERAS = 3
FAST = (
    ("grpc.initial_reconnect_backoff_ms", 20),
    ("grpc.min_reconnect_backoff_ms", 20),
    ("grpc.max_reconnect_backoff_ms", 100),
)


def say(*words: str | int) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


async def keep_putting(outbox: Outbox, first: int, room: asyncio.Event, ending: asyncio.Event) -> None:
    while not ending.is_set():
        while outbox.count >= AHEAD:
            room.clear()
            await room.wait()
        numbers = range(first, first + 4)
        records = [raw_segment(number, camera=f"cam-{number % CAMERAS}") for number in numbers]
        await asyncio.to_thread(outbox.put_many, records)
        for number in numbers:
            say("put", number)
        first = numbers.stop


async def main(outbox_path: str, state: str, target: str, origin: str, vkey: str, first: str) -> None:
    room = asyncio.Event()

    async def delivered(batch: Sequence[Queued], receipt: Receipt) -> None:
        for one, index, leaf in zip(batch, receipt.indexes, receipt.leaves, strict=True):
            say("got", int.from_bytes(one.record_id[9:], "big"), index, leaf.hex())
        room.set()

    outbox = Outbox(outbox_path)
    async with await LedgerClient.connect(
        target.split(","),
        log=origin,
        vkeys=[vkey],
        state=state,
        options=FAST,
        backoff=Backoff(base_s=0.005, cap_s=0.05),
    ) as client:
        drain = Drain(outbox, client, batch_records=8, delivered=delivered, backoff=Backoff(base_s=0.005, cap_s=0.05))
        ending = asyncio.Event()
        putting = asyncio.create_task(keep_putting(outbox, int(first), room, ending))
        draining = asyncio.create_task(drain.run())
        say("recorder ready")
        told = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
        await asyncio.wait({putting, draining, told}, return_when=asyncio.FIRST_COMPLETED)
        if not told.done():
            for task in (putting, draining):
                if task.done():
                    traceback.print_exception(task.exception())
            os._exit(1)  # an ordinary end would wait for the thread that reads stdin
        ending.set()
        await putting
        draining.cancel()
        await asyncio.gather(draining, return_exceptions=True)
        await drain.flush(60)
        assert outbox.count == 0
        assert outbox.dead_letters() == []
        assert client.conflicts() == []
    outbox.close()
    say("drained")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
