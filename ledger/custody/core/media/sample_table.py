"""Where the samples of an ordinary mp4 file lie (ISO/IEC 14496-12 sections 8.6 to 8.7)."""

import struct
from array import array
from collections.abc import Iterator
from typing import Final

from custody.core.errors import MalformedError
from custody.core.media.boxes import Boxes, unpack
from custody.core.media.limits import MAX_SAMPLES
from custody.core.media.runs import Run

_COUNT: Final = struct.Struct(">4xI")
_SIZES: Final = struct.Struct(">4xII")
_COMPACT: Final = struct.Struct(">4x3xBI")


def read_duration(table: Boxes) -> int:
    """Sum of the samples' durations in the track's timescale (`stts`, section 8.6.1.2)."""
    times = _numbers(table.need(b"stts"), 8, "I", 2)
    return sum(count * delta for count, delta in zip(times[::2], times[1::2], strict=True))


def read_runs(table: Boxes) -> Iterator[Run]:
    """The samples, chunk by chunk. Raises MalformedError ('media-box', 'media-sample-table', 'media-oversize')."""
    sizes = _sizes(table)
    if not sizes:
        return
    wide = table.find(b"co64")
    offsets = _numbers(wide, 8, "Q", 1) if wide is not None else _numbers(table.need(b"stco"), 8, "I", 1)
    steps = _numbers(table.need(b"stsc"), 8, "I", 3)
    firsts, counts = steps[::3], steps[1::3]
    if not firsts or firsts[0] != 1:
        raise MalformedError("the first chunk has no sample count", code="media-sample-table")
    sample = 0
    for step, (first, count) in enumerate(zip(firsts, counts, strict=True)):
        last = firsts[step + 1] - 1 if step + 1 < len(firsts) else len(offsets)
        if last < first or last > len(offsets):
            raise MalformedError("chunks are not in order", code="media-sample-table")
        for chunk in range(first - 1, last):
            if not count or sample + count > len(sizes):
                raise MalformedError("chunks and samples do not agree", code="media-sample-table")
            yield Run(offsets[chunk], sizes[sample : sample + count])
            sample += count
    if sample != len(sizes):
        raise MalformedError("chunks and samples do not agree", code="media-sample-table")


def _sizes(table: Boxes) -> "array[int]":
    box = table.find(b"stsz")
    if box is None:
        return _compact_sizes(table.need(b"stz2"))
    same, count = unpack(_SIZES, box)
    if not same:
        return _numbers(box, 12, "I", 1, count)
    _check_count(count)
    return array("I", [same]) * count


def _compact_sizes(box: memoryview) -> "array[int]":
    bits, count = unpack(_COMPACT, box)
    if bits == 4:
        packed = _numbers(box, 12, "B", 1, (count + 1) // 2)
        halves = array("I", [half for byte in packed for half in (byte >> 4, byte & 15)])
        return halves[:count]
    if bits not in (8, 16):
        raise MalformedError(f"compact sample sizes of {bits} bits", code="media-sample-table")
    return _numbers(box, 12, "B" if bits == 8 else "H", 1, count)


def _numbers(box: memoryview, offset: int, form: str, columns: int, count: int | None = None) -> "array[int]":
    """A table of big-endian numbers behind its 32-bit row count, or of `count` rows."""
    if count is None:
        (count,) = unpack(_COUNT, box)
    _check_count(count)
    numbers: array[int] = array(form)
    end = offset + count * columns * numbers.itemsize
    if end > len(box):
        raise MalformedError("a table is longer than its box", code="media-box")
    numbers.frombytes(bytes(box[offset:end]))
    numbers.byteswap()  # every machine that we run on is little-endian; checked by a test on the first sample
    return numbers


def _check_count(count: int) -> None:
    if count > MAX_SAMPLES:
        raise MalformedError(f"{count} samples in one file; the limit is {MAX_SAMPLES}", code="media-oversize")
