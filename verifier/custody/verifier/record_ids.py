"""Whether a record id is there twice, where no index tells: the ids of a whole log, in bounded memory.

A range cuts its ids into parts by Python's keyed hash, which nobody who fills a log can foresee; equal ids fall into the
same part, and parts are looked at one by one. Processes of one audit agree on the hash (`audit_run`), and the process that
keeps the parts makes none. Beyond `MEMORY_BYTES` a part goes on in a file without a name.

Memory while looking: about 150 bytes for each 64th id, 250 MB for a hundred million.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from tempfile import SpooledTemporaryFile
from typing import IO, Final, Self

from custody.core.record import ReadRecord

PARTS: Final = 64
MEMORY_BYTES: Final = 1 << 20
"""Of each part; together room for 2.8 million ids."""
ID_BYTES: Final = 16
_ROW_BYTES: Final = ID_BYTES + 8


def cut(first: int, records: Iterable[ReadRecord | None]) -> tuple[bytes, ...]:
    """Ids with their leaf indexes, in parts; `first` is the leaf index of the first record, None one that is not there."""
    parts = [bytearray() for _ in range(PARTS)]
    for index, record in enumerate(records, first):
        if record is not None:
            name = record.record_id
            parts[hash(name) % PARTS] += name + index.to_bytes(8, "big")
    return tuple(map(bytes, parts))


class RecordIds:
    """Keeps the ids of one audit; one owner. Methods raise OSError when there is no room for them."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._parts: list[IO[bytes]] = []

    def __enter__(self) -> Self:
        self._parts = [
            self._stack.enter_context(SpooledTemporaryFile(max_size=MEMORY_BYTES))  # noqa: SIM115 - closed by the stack
            for _ in range(PARTS)
        ]
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def add(self, parts: Sequence[bytes]) -> None:
        """Takes what `cut` gave, range by range in the order of the log."""
        for kept, part in zip(self._parts, parts, strict=False):  # no parts: the range has an index
            kept.write(part)

    def repeated(self) -> list[tuple[int, int]]:
        """(leaf index of the first, leaf index of a later one) with the same id, in the order of the later ones."""
        return sorted((pair for part in self._parts for pair in _repeated(part)), key=lambda pair: pair[1])


def _repeated(part: IO[bytes]) -> Iterator[tuple[int, int]]:
    part.seek(0)
    data = part.read()
    ids = [data[at : at + ID_BYTES] for at in range(0, len(data), _ROW_BYTES)]
    if len(set(ids)) == len(ids):
        return
    first: dict[bytes, int] = {}
    for place, name in enumerate(ids):
        at = place * _ROW_BYTES + ID_BYTES
        index = int.from_bytes(data[at : at + 8], "big")
        if first.setdefault(name, index) != index:
            yield first[name], index
