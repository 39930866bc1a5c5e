"""Footage that a party brings separately: the file itself, or a copy that was cut or put into another container.

A file is identical when its SHA-256 is recorded. Otherwise its coded pictures are compared: the media root of a segment of
the package stands over the digests of its units, so a run of units that make up whole segments is found by their roots,
and a part of a segment is found inside the package's own file of it. Such a file is *derived*: its pictures were recorded,
its file was not.
"""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, NamedTuple

from custody.core.digest import media_root
from custody.core.errors import MalformedError
from custody.core.media.clip import Clip
from custody.core.media.container import read_clip
from custody.verifier.package.container import Container
from custody.verifier.package.manifest import FileRow, PackageManifest


class BroughtFile(NamedTuple):
    """`state`: identical, derived, unknown, unreadable. `ranges`: (stream, number, first unit, count) in their order."""

    path: str
    state: str
    ranges: tuple[tuple[str, int, int, int], ...] = ()


class Originals:
    """The package's segments by file hash; their units are read from the package when first needed."""

    def __init__(self, container: Container, manifest: PackageManifest, trusted: frozenset[str]) -> None:
        self._container = container
        self._rows = [row for row in manifest.files if f"data/{row.path}" in trusted]
        self._units: list[tuple[FileRow, Sequence[bytes]]] | None = None

    def examine(self, path: Path) -> BroughtFile:
        """What a file is. Never raises for what is in it."""
        try:
            digest = _digest(path)
            same = [row for row in self._rows if row.sha256 == digest]
            if same:
                return BroughtFile(str(path), "identical", ((same[0].stream, same[0].number, 0, same[0].units),))
            size = path.stat().st_size
            with path.open("rb") as file:
                clip = read_clip(lambda at, length: _at(file, at, length), size)
        except (OSError, MalformedError):
            return BroughtFile(str(path), "unreadable")
        ranges = self._match(list(clip.unit_digests))
        return BroughtFile(str(path), "derived" if ranges else "unknown", ranges)

    def _match(self, units: list[bytes]) -> tuple[tuple[str, int, int, int], ...]:
        """The one run of recorded units, over neighbouring segments of one stream, that `units` are; empty: none."""
        if not units:
            return ()
        by_stream: dict[str, list[tuple[FileRow, int, bytes]]] = {}
        for row, digests in self._recorded():
            by_stream.setdefault(row.stream, []).extend((row, at, digest) for at, digest in enumerate(digests))
        for told in by_stream.values():
            sequence = [digest for _, _, digest in told]
            begin = _find(sequence, units)
            if begin >= 0:
                return _ranges(told[begin : begin + len(units)])
        return ()

    def _recorded(self) -> list[tuple[FileRow, Sequence[bytes]]]:
        if self._units is None:
            self._units = [(row, clip.unit_digests) for row in self._rows if (clip := self._clip(row)) is not None]
        return self._units

    def _clip(self, row: FileRow) -> Clip | None:
        """The units of a segment of the package, when their root is the recorded one."""
        if not row.media_root:
            return None
        try:
            with self._container.open(f"data/{row.path}") as file:
                clip = read_clip(lambda at, length: _at(file, at, length), row.size_bytes)
        except (OSError, MalformedError):
            return None
        found = clip.unit_digests and media_root(clip.unit_digests).hex() == row.media_root
        return clip if found else None


def _at(file: BinaryIO, at: int, length: int) -> bytes:
    file.seek(at)
    return file.read(length)


def _digest(path: Path) -> str:
    digest = sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def _find(sequence: list[bytes], units: list[bytes]) -> int:
    """Where `units` stand in `sequence` without a hole; -1: nowhere. Digests are 32 bytes, so places are multiples of 32."""
    haystack, needle = b"".join(sequence), b"".join(units)
    at = haystack.find(needle)
    while at >= 0 and at % 32:
        at = haystack.find(needle, at + 1)
    return at // 32 if at >= 0 else -1


def _ranges(told: list[tuple[FileRow, int, bytes]]) -> tuple[tuple[str, int, int, int], ...]:
    runs: list[list[tuple[FileRow, int]]] = []
    for row, at, _ in told:
        if runs and runs[-1][0][0] is row:
            runs[-1].append((row, at))
        else:
            runs.append([(row, at)])
    return tuple((run[0][0].stream, run[0][0].number, run[0][1], len(run)) for run in runs)
