"""Names and bounds of a package (docs/spec/package.md, "Container" and "Layout")."""

import json
import re
from collections.abc import Iterable
from typing import Any, Final

from custody.core.errors import MalformedError

SCHEMA: Final = "custody.package/1"
TOP: Final = "package"
"""The one folder in a zip."""

BAGIT, BAG_INFO = "bagit.txt", "bag-info.txt"
MANIFEST, TAGMANIFEST = "manifest-sha256.txt", "tagmanifest-sha256.txt"
ENVELOPE = "signatures/manifest.dsse.json"
PACKAGE_MANIFEST, PACKAGE_CSV = "data/manifest.json", "data/manifest.csv"
WITHHELD, DISCLOSURES = "data/withheld.json", "data/disclosures/"
LOG, PROOFS, STAMPS = "data/log/", "data/proofs/", "data/timestamps/"
FOOTAGE: Final = "data/footage/"
DERIVED: Final = "data/derived/"
EARLY: Final = f"{STAMPS}early/"
"""The first stamped checkpoint that covers the footage (docs/spec/timestamps.md, "In a package")."""
CHECKPOINT, EARLIER, CONSISTENCY = f"{LOG}checkpoint", f"{LOG}earlier-checkpoint", f"{LOG}consistency"
ENTRIES, INDEXES, SLICES = f"{LOG}entries", f"{LOG}indexes", f"{LOG}slices.json"
HEADS, INCLUSION, VKEYS, POLICY = f"{LOG}heads", f"{LOG}inclusion.json", f"{LOG}vkeys", f"{LOG}policy"
LOG_PART: Final = (LOG, PROOFS, STAMPS)
"""Payload that the content manifest leaves out, because it is made after the export was recorded."""

STAMPED_DATA: Final = "data"

MAX_MEMBERS: Final = 200_000
"""A day of ten cameras with a proof for each segment; keeps the list of names in memory small."""
MAX_DOCUMENT_BYTES: Final = 64 << 20
"""Any file that is read whole: manifests of 150,000 files."""
MAX_ENTRIES: Final = 2_000_000
MAX_PROOF_LIST: Final = 100_000
MAX_PARTS: Final = 8
_PART: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,126}(?<!\.)", re.ASCII)
_DEVICE: Final = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.ASCII | re.IGNORECASE)
"""Windows opens these instead of a file, whatever ending they have, and drops a dot at the end of a name."""


def safe_part(part: str) -> bool:
    """True for one part of a path that means the same everywhere."""
    return _PART.fullmatch(part) is not None and _DEVICE.fullmatch(part) is None


def folder_of(stream: str) -> str:
    """Where the files of a stream lie: under its own name, or between underscores where a part of it is no safe name.

    No site and no camera begins with an underscore, so no two streams share a folder.
    """
    return "/".join([part if safe_part(part) else f"_{part}_" for part in stream.split("/")])


def check_path(path: str) -> str:
    """Returns `path` if it is a member's path. Raises MalformedError ('package-path')."""
    parts = path.split("/")
    if len(parts) > MAX_PARTS or not all(map(safe_part, parts)):
        raise MalformedError(f"not a path of a package: {path[:200]!r}", code="package-path")
    return path


def check_spellings(paths: Iterable[str]) -> None:
    """Raises MalformedError ('package-path') where two paths, or folders of them, differ in case alone: on some disks they are one."""
    spelled: dict[str, str] = {}
    for path in paths:
        part = path
        while part and (known := spelled.get(part.lower())) != part:
            if known is not None:
                raise MalformedError(f"two names differ in case alone: {path[:200]!r}", code="package-path")
            spelled[part.lower()] = part
            part = part.rpartition("/")[0]


def in_content(path: str) -> bool:
    """True for payload that the export record commits to."""
    return not path.startswith(LOG_PART)


def encode_json(value: Any) -> bytes:
    """The one spelling of JSON in a package."""
    return (json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1) + "\n").encode()


def decode_json(data: bytes, code: str) -> Any:
    """Reads JSON in its one spelling; the inverse of `encode_json`. Raises MalformedError with `code`."""
    try:
        value = json.loads(data)
        spelled = encode_json(value)
    except (ValueError, RecursionError) as error:  # ValueError covers bad UTF-8, huge numbers and lone surrogates
        raise MalformedError(f"not JSON that can be read: {str(error)[:120]}", code=code) from error
    if spelled != data:
        raise MalformedError("the JSON is not in its one spelling", code=code)
    return value
