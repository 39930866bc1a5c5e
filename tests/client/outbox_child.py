"""A recorder that is killed: puts records and sends them, and says each thing after it is done.

Arguments: outbox, state, target, origin, vkey, number of the first record. Lines: `put N` when record N is durable, `sent N`
when a receipt for it was delivered.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

from tests.client.camera_records import raw_segment

from custody.client import Backoff, Drain, LedgerClient, Outbox, Queued, Receipt


def say(word: str, number: int) -> None:
    sys.stdout.write(f"{word} {number}\n")
    sys.stdout.flush()


def put(outbox: Outbox, first: int) -> None:
    for start in range(first, first + 400, 4):
        outbox.put_many([raw_segment(number) for number in range(start, start + 4)])
        for number in range(start, start + 4):
            say("put", number)


async def main(outbox_path: str, state: str, target: str, origin: str, vkey: str, first: str) -> None:
    outbox = Outbox(outbox_path)

    async def delivered(batch: Sequence[Queued], receipt: Receipt) -> None:
        assert len(receipt) == len(batch)
        for one in batch:
            say("sent", int.from_bytes(one.record_id[9:], "big"))

    async with await LedgerClient.connect(target, log=origin, vkeys=[vkey], state=state) as client:
        drain = Drain(outbox, client, batch_records=8, delivered=delivered, backoff=Backoff(base_s=0.001, cap_s=0.01))
        async with asyncio.TaskGroup() as group:
            group.create_task(drain.run())
            group.create_task(asyncio.to_thread(put, outbox, int(first)))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
