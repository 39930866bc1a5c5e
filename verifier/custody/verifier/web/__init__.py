"""verify.html: the verifier of evidence packages that runs in a browser, offline. One built file; its sources lie beside it."""

from hashlib import sha256
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent
PAGE: Final = FOLDER / "verify.html"
_SINGLE: Final = ("build.mjs", "package-lock.json", "package.json", "tsconfig.json")
_FOLDERS: Final = ("engine", "page")
_ENDINGS: Final = frozenset({".ts", ".css", ".html", ".txt"})


def read_page() -> bytes:
    """The built page."""
    return PAGE.read_bytes()


def sources_digest(folder: Path = FOLDER) -> str:
    """Hex SHA-256 over what `sha256sum` prints for the sources, sorted by path; build.mjs writes it into the page."""
    found = [path for name in _FOLDERS for path in (folder / name).rglob("*") if path.suffix in _ENDINGS]
    names = sorted([*_SINGLE, *(path.relative_to(folder).as_posix() for path in found if path.is_file())])
    lines = (f"{sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names)
    return sha256("".join(lines).encode()).hexdigest()
