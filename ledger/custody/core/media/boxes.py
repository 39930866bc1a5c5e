"""Boxes of the ISO base media file format (ISO/IEC 14496-12 section 4.2)."""

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from custody.core.errors import MalformedError
from custody.core.media.limits import MAX_BOXES, MAX_HEADER_BYTES
from custody.core.media.reading import Source

_HEADER: Final = struct.Struct(">I4s")


class Box(NamedTuple):
    """A box at the top of a file: its kind, where it begins, where its content begins and ends."""

    kind: bytes
    offset: int
    start: int
    end: int


def top_boxes(source: Source) -> Iterator[Box]:
    """Every box at the top of the file; together they fill it.

    Raises MalformedError: 'media-box' or 'media-truncated'.
    """
    at = 0
    for _ in range(MAX_BOXES):
        if at == source.size_bytes:
            return
        length, kind = _HEADER.unpack(source.take(at, 8))
        start = at + 8
        if length == 1:  # 64-bit length follows
            length = int.from_bytes(source.take(start, 8), "big")
            start += 8
        elif length == 0:  # to the end of the file
            length = source.size_bytes - at
        end = at + length
        if end < start:
            raise MalformedError(f"a box {kind!r} is shorter than its header", code="media-box")
        if end > source.size_bytes:
            raise MalformedError(f"the box {kind!r} at {at} goes beyond the file", code="media-truncated")
        yield Box(kind, at, start, end)
        at = end
    raise MalformedError(f"more than {MAX_BOXES} boxes", code="media-oversize")


def load(source: Source, box: Box) -> memoryview:
    """Content of a header box in memory of its own; raises MalformedError ('media-oversize')."""
    if box.end - box.start > MAX_HEADER_BYTES:
        raise MalformedError(f"a box {box.kind!r} of {box.end - box.start} bytes", code="media-oversize")
    return memoryview(bytes(source.take(box.start, box.end - box.start)))


def inner_boxes(content: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Kind and content of the boxes in a box; raises MalformedError ('media-box').

    Up to seven zero bytes behind the last one are let through: QuickTime ends some lists with a zero.
    """
    at, size = 0, len(content)
    while at + 8 <= size:
        length, kind = _HEADER.unpack_from(content, at)
        start = at + 8
        if length == 1 and start + 8 <= size:
            length = int.from_bytes(content[start : start + 8], "big")
            start += 8
        elif length == 0:
            length = size - at
        if not start <= at + length <= size:
            raise MalformedError(f"the box {kind!r} does not fit into its parent", code="media-box")
        yield kind, content[start : at + length]
        at += length
    if any(content[at:]):
        raise MalformedError("loose bytes behind the last box", code="media-box")


class Boxes:
    """The boxes in a box by kind, the first of each, looked for no further than asked; mutable, one owner."""

    __slots__ = ("_found", "_rest")

    def __init__(self, content: memoryview) -> None:
        self._found: dict[bytes, memoryview] = {}
        self._rest = inner_boxes(content)

    def find(self, name: bytes) -> memoryview | None:
        """Content of the first box `name`, or None. Raises MalformedError ('media-box')."""
        found = self._found.get(name)
        if found is None:
            for kind, inner in self._rest:
                self._found.setdefault(kind, inner)
                if kind == name:
                    return inner
        return found

    def need(self, name: bytes) -> memoryview:
        """As `find`; raises MalformedError ('media-box') when there is none."""
        found = self.find(name)
        if found is None:
            raise MalformedError(f"the box {name.decode('latin-1')} is missing", code="media-box")
        return found


def unpack(form: struct.Struct, content: memoryview, offset: int = 0) -> tuple[int, ...]:
    """Numbers at `offset`; raises MalformedError ('media-box') when the box is too short."""
    try:
        return form.unpack_from(content, offset)
    except struct.error:
        raise MalformedError("a box is too short for its fields", code="media-box") from None
