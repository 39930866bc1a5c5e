"""What a package reads of a camera's chain: the period and its margins, on to what bounds it, and nothing left out."""

from __future__ import annotations

import asyncio
import os
import time

import pytest
from evidence import Evidence

from custody.client import LedgerClient
from custody.core.record_id import make_record_id
from custody.export.gather import Snapshot, read_footage, seq_in, take_snapshot
from custody.export.request import ExportRequest
from custody.v1 import record_pb2

LOG = "ledger.example/evidence"
STREAM = "site-12/cam-09"
HOUR_US = 3_600_000_000
BEGIN_US = time.time_ns() // 1_000 - 11 * HOUR_US // 2
"""The ledger stamps all that is told at half past five of this clock."""
DAY_US = 24 * HOUR_US


def told_at(number: int) -> int:
    """An hour of footage each; the recorder's clock was a month ahead at the third."""
    return BEGIN_US + number * HOUR_US + (30 * DAY_US if number == 3 else 0)


@pytest.fixture(scope="module")
def snapshot(evidence: Evidence) -> Snapshot:
    """After seven segments; an eighth came behind it."""
    return asyncio.run(_fill(evidence))


async def _fill(evidence: Evidence) -> Snapshot:
    made = [
        record_pb2.Record(
            record_id=make_record_id(told_at(number), os.urandom(10)),
            at_us=told_at(number),
            segment=record_pb2.Segment(
                stream=STREAM, number=number, duration_us=HOUR_US, size_bytes=9, file_sha256=os.urandom(32)
            ),
        )
        for number in range(1, 9)
    ]
    async with await LedgerClient.connect(evidence.target, log=LOG, vkeys=[evidence.vkey]) as client:
        await client.append(made[:7])
        found, _ = await take_snapshot(client)
        await client.append(made[7:])
    return found


@pytest.mark.parametrize(
    ("begin", "end", "expected"),
    [
        (2, 5, range(1, 7)),  # margins touch the neighbours, whose neighbours close the slice; 3 lies between them
        (6, 7, range(4, 8)),  # 8 was sequenced behind the snapshot
        (900, 901, range(1, 8)),  # nothing touches the period: the whole chain
        (4, 5, range(1, 7)),  # told when it had begun: it could stand anywhere from the beginning of the chain
        (30 * 24 + 3, 30 * 24 + 4, range(2, 8)),  # what the wrong clock called that day, which has not come: to the end
    ],
)
async def test_a_slice_has_every_number_from_neighbour_to_neighbour(
    evidence: Evidence, snapshot: Snapshot, begin: int, end: int, expected: range
) -> None:
    request = ExportRequest(
        log=LOG,
        streams=(STREAM,),
        from_us=BEGIN_US + begin * HOUR_US,
        to_us=BEGIN_US + end * HOUR_US,
        case_number="",
        recipient="",
    )
    async with await LedgerClient.connect(evidence.target, log=request.log, vkeys=[evidence.vkey]) as client:
        slice_ = await read_footage(client, STREAM, request, snapshot)
    assert [seq_in(one, f"footage/{STREAM}") for one in slice_] == list(expected)
