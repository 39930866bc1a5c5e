"""What the log says of footage files: segments and disposals, in the few fields that a comparison needs."""

from collections.abc import Iterator
from typing import NamedTuple

from custody.core.record import ReadRecord


class SegmentFact(NamedTuple):
    """One recorded segment."""

    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody calls
    """Leaf index of its entry."""
    stream: str
    number: int
    begin_us: int
    end_us: int
    """When the footage began and ended, by the source's clock."""
    sequenced_us: int
    size_bytes: int
    sha256: bytes
    path: str
    """As the recorder named it; text of a stranger, only ever compared with names that were found."""


class DisposalFact(NamedTuple):
    """A run of segments that somebody deleted or found deleted; both numbers included."""

    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody calls
    stream: str
    first: int
    last: int
    sequenced_us: int
    deleted_us: int


def segment_of(index: int, sequenced_us: int, record: ReadRecord) -> SegmentFact:
    """The fact of a record of kind segment."""
    body = record.body
    return SegmentFact(
        index,
        body.stream,
        body.number,
        *record.period_us,
        sequenced_us,
        body.size_bytes,
        bytes(body.file_sha256),
        body.path,
    )


def disposals_of(index: int, sequenced_us: int, record: ReadRecord) -> Iterator[DisposalFact]:
    """The facts of a record of kind disposal."""
    deleted_us = record.body.deleted_us or record.at_us
    for run in record.body.ranges:
        yield DisposalFact(index, run.stream, run.first, run.last, sequenced_us, deleted_us)
