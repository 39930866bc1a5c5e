"""The finished package as one zip: stored members, fixed times, sorted; the same files give the same bytes.

Footage goes from where the recorder left it straight into the zip: it is never on the disk a third time.
"""

import zipfile
from collections.abc import Mapping
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final

from custody.export.errors import ExportError
from custody.export.footage import PIECE_BYTES
from custody.verifier.package.container import Container
from custody.verifier.package.layout import TOP

_TIME: Final = (1980, 1, 1, 0, 0, 0)
_LARGE_BYTES: Final = 0xFFFF_FFFF


def write_zip(
    folder: Path, target: Path, digests: Mapping[str, bytes], elsewhere: Mapping[str, Path] | None = None
) -> None:
    """Writes `folder`, and the files that lie `elsewhere`, by name, into a new zip and puts it in place in one step.

    `digests` are those of the payload, by name: what is packed is hashed again. Raises ExportError ('export-changed') when a
    file is not the one that was written. A crash leaves `<target>.new`, which the next run replaces.
    """
    fresh = target.with_name(f"{target.name}.new")
    with zipfile.ZipFile(fresh, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
        files |= elsewhere or {}
        for name, path in sorted(files.items()):
            if name in digests and _put(archive, path, name) != digests[name]:
                raise ExportError(f"{name} changed while it was packed; export again", code="export-changed")
            if name not in digests:
                _put(archive, path, name)
    fresh.replace(target)


def rewrite_zip(container: Container, target: Path, changed: Mapping[str, bytes]) -> None:
    """Writes a zip again with some members new or changed, and replaces it in one step."""
    fresh = target.with_name(f"{target.name}.new")
    with zipfile.ZipFile(fresh, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for name in sorted(container.places.keys() | changed.keys()):
            if name in changed:
                _put_from(archive, BytesIO(changed[name]), name, len(changed[name]))
            else:
                with container.open(name) as source:
                    _put_from(archive, source, name, container.places[name].size_bytes)
    fresh.replace(target)


def _put(archive: zipfile.ZipFile, path: Path, name: str) -> bytes:
    with path.open("rb") as source:
        return _put_from(archive, source, name, path.stat().st_size)


def _put_from(archive: zipfile.ZipFile, source: BinaryIO, name: str, size_bytes: int) -> bytes:
    info = zipfile.ZipInfo(f"{TOP}/{name}", _TIME)
    info.create_system, info.external_attr = 3, 0o100644 << 16
    info.file_size = size_bytes
    digest = sha256()
    with archive.open(info, "w", force_zip64=info.file_size >= _LARGE_BYTES) as member:
        while piece := source.read(PIECE_BYTES):
            digest.update(piece)
            member.write(piece)
    return digest.digest()
