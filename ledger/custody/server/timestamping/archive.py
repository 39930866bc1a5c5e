"""Where the tokens lie: one folder for each generation of each stamped checkpoint (docs/spec/timestamps.md, "Archive").

Plain files that `openssl ts -verify` reads, outside the database: no entry depends on them, and a copy of the folder is a
copy of the evidence. A generation is written into a folder of another name and gets its own in one step, files and
folder synced before: after a crash it is whole or not there. One writer; readers never see a part.
"""

import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from custody.core.errors import CustodyError
from custody.core.timestamp import renewal_data

_NAME: Final = re.compile(r"(0|[1-9][0-9]{0,18})\.(0|[1-9][0-9]{0,3})", re.ASCII)
DATA: Final = "data"


class ArchiveDamaged(CustodyError):
    """The folder of time stamps is not as the ledger wrote it."""

    code = "timestamp-archive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamped:
    """A checkpoint as it was stamped, and its tokens, generation by generation."""

    size: int
    note: bytes
    generations: tuple[tuple[bytes, ...], ...]


class StampArchive:
    """The stamps of one log below `folder`. Blocking: callers on an event loop use a thread."""

    def __init__(self, folder: Path, origin: str) -> None:
        self._folder = folder / quote(origin, safe="")

    def sizes(self) -> list[int]:
        """Sizes of the stamped checkpoints, ascending."""
        return sorted(self._counts())

    def read(self, size: int) -> Stamped:
        """One stamped checkpoint. Raises ArchiveDamaged."""
        try:
            generations = [self._tokens(size, number) for number in range(self._counts()[size])]
            note = self._place(size, 0).joinpath(DATA).read_bytes()
        except (OSError, KeyError) as error:
            raise ArchiveDamaged(f"the stamps of size {size} cannot be read: {error}") from error
        return Stamped(size=size, note=note, generations=tuple(generations))

    def at_least(self, size: int, count: int) -> list[Stamped]:
        """The first `count` stamped checkpoints of at least this size."""
        return [self.read(one) for one in [one for one in self.sizes() if one >= size][:count]]

    def add(self, stamped: Stamped, tokens: Sequence[bytes]) -> Stamped:
        """Writes the next generation of tokens of `stamped`, which has none when it is new; returns it with them."""
        number = len(stamped.generations)
        data = renewal_data(stamped.note, stamped.generations) if number else stamped.note
        target = self._place(stamped.size, number)
        fresh = target.with_name(f"{target.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        _write(fresh / DATA, data)
        for place, token in enumerate(tokens, 1):
            _write(fresh / f"{place}.tsr", token)
        _sync(fresh)
        # Crash before this line: `.new` is thrown away by the next try. Behind it: the generation is there.
        fresh.rename(target)
        _sync(self._folder)
        return Stamped(size=stamped.size, note=stamped.note, generations=(*stamped.generations, tuple(tokens)))

    def _counts(self) -> dict[int, int]:
        """Generations by size. Raises ArchiveDamaged when one is missing before another."""
        found: dict[int, list[int]] = {}
        if self._folder.is_dir():
            for path in self._folder.iterdir():
                if match := _NAME.fullmatch(path.name):
                    found.setdefault(int(match[1]), []).append(int(match[2]))
        for size, numbers in found.items():
            if sorted(numbers) != list(range(len(numbers))):
                raise ArchiveDamaged(f"a generation of the stamps of size {size} is missing")
        return {size: len(numbers) for size, numbers in found.items()}

    def _place(self, size: int, number: int) -> Path:
        return self._folder / f"{size}.{number}"

    def _tokens(self, size: int, number: int) -> tuple[bytes, ...]:
        folder = self._place(size, number)
        count = len(list(folder.glob("*.tsr")))
        return tuple((folder / f"{place}.tsr").read_bytes() for place in range(1, count + 1))


def _write(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
