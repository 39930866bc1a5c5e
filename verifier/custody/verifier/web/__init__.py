"""verify.html: the verifier of evidence packages that runs in a browser, offline. One built file; its sources lie beside it."""

import json
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent
PAGE: Final = FOLDER / "verify.html"
_SINGLE: Final = ("build.mjs", "code_texts.json", "package-lock.json", "package.json", "tsconfig.json")
_FOLDERS: Final = ("engine", "page")
_ENDINGS: Final = frozenset({".ts", ".css", ".html", ".txt"})


def read_page() -> bytes:
    """The built page."""
    return PAGE.read_bytes()


@cache
def code_texts() -> Mapping[str, Mapping[str, str]]:
    """What each code of a finding means, by code and language; the page and the command line share this one table."""
    found: dict[str, dict[str, str]] = json.loads((FOLDER / "code_texts.json").read_text(encoding="utf-8"))
    return found


def sources_digest(folder: Path = FOLDER) -> str:
    """Hex SHA-256 over what `sha256sum` prints for the sources, sorted by path; build.mjs writes it into the page."""
    found = [path for name in _FOLDERS for path in (folder / name).rglob("*") if path.suffix in _ENDINGS]
    names = sorted([*_SINGLE, *(path.relative_to(folder).as_posix() for path in found if path.is_file())])
    lines = (f"{sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names)
    return sha256("".join(lines).encode()).hexdigest()
