"""Samples that lie one behind the other in the file."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from custody.core.errors import MalformedError
from custody.core.media.limits import MAX_PICTURE_BYTES
from custody.core.media.reading import Source

_PIECE_BYTES = 1024 * 1024


class Run(NamedTuple):
    """Consecutive samples: where the first begins, and the length of each."""

    offset: int
    sizes: Sequence[int]


def read_samples(source: Source, runs: Iterator[Run]) -> Iterator[memoryview]:
    """Every sample of `runs` in order; a view is valid until the next one is asked for.

    Raises MalformedError: 'media-truncated', or 'media-oversize' when samples overlap so much that they hold more bytes
    than the file, which no writer does and which would let a small file cost any amount of hashing.
    """
    budget = source.size_bytes
    for offset, sizes in runs:
        at = offset
        index, count = 0, len(sizes)
        while index < count:
            length = sizes[index]
            end = index + 1
            while end < count and length + sizes[end] <= _PIECE_BYTES:
                length += sizes[end]
                end += 1
            budget -= length
            if length > MAX_PICTURE_BYTES or budget < 0:
                raise MalformedError("the samples claim more bytes than there are", code="media-oversize")
            piece = source.take(at, length)
            if end == index + 1:
                yield piece
            else:
                start = 0
                for size in sizes[index:end]:
                    yield piece[start : start + size]
                    start += size
            at += length
            index = end
