"""Runs of consecutive segments, as records name them."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple

from custody.v1 import record_pb2

MAX_RANGES: Final = 256
"""Ranges in one record: core.limits.MAX_STREAMS_PER_RECORD."""


class Numbered(NamedTuple):
    """One segment of a stream."""

    stream: str
    number: int
    from_us: int
    to_us: int


def segment_ranges(segments: Iterable[Numbered]) -> list[record_pb2.SegmentRange]:
    """The fewest ranges that name exactly these segments, by stream and number."""
    ranges: list[record_pb2.SegmentRange] = []
    for stream, number, from_us, to_us in sorted(segments):
        last = ranges[-1] if ranges else None
        if last is not None and last.stream == stream and last.last + 1 == number:
            last.last = number
            last.from_us = min(last.from_us, from_us)
            last.to_us = max(last.to_us, to_us)
        else:
            ranges.append(
                record_pb2.SegmentRange(stream=stream, first=number, last=number, from_us=from_us, to_us=to_us)
            )
    return ranges


def by_record(ranges: Iterable[record_pb2.SegmentRange]) -> Iterator[Sequence[record_pb2.SegmentRange]]:
    """Cuts ranges into lists that fit into one record each."""
    rest = iter(ranges)
    while part := list(islice(rest, MAX_RANGES)):
        yield part
