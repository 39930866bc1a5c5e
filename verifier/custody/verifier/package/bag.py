"""The bag around the package: RFC 8493 as far as this format uses it, each file in one spelling."""

import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Final

from custody.core.errors import MalformedError
from custody.verifier.package.layout import check_path, in_content

DECLARATION: Final = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
_LINE: Final = re.compile(r"([0-9a-f]{64})  ([^\n\r]{1,1100})", re.ASCII)
_LABEL: Final = re.compile(r"[A-Za-z][A-Za-z-]{0,63}", re.ASCII)
_CODE: Final = "bag-malformed"


def encode_manifest(digests: Mapping[str, bytes]) -> bytes:
    """Lines of digest and path, sorted by path: what `sha256sum -c` reads."""
    return "".join([f"{digests[path].hex()}  {path}\n" for path in sorted(digests)]).encode()


def parse_manifest_lines(data: bytes) -> dict[str, bytes]:
    """Reads a manifest; the inverse of `encode_manifest`. Raises MalformedError ('bag-malformed', 'package-path')."""
    found: dict[str, bytes] = {}
    try:
        lines = data.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise MalformedError("a manifest of the bag is not ASCII", code=_CODE) from error
    if lines.pop():
        raise MalformedError("the last line of a manifest has no newline", code=_CODE)
    before = ""
    for line in lines:
        match = _LINE.fullmatch(line)
        if match is None or match[2] <= before:
            raise MalformedError(f"not the next line of a manifest: {line[:100]!r}", code=_CODE)
        before = check_path(match[2])
        found[before] = bytes.fromhex(match[1])
    return found


def content_digest(payload: Mapping[str, bytes]) -> bytes:
    """What the export record names: SHA-256 over the lines of the content (docs/spec/package.md)."""
    return sha256(encode_manifest({path: digest for path, digest in payload.items() if in_content(path)})).digest()


def encode_info(info: Iterable[tuple[str, str]]) -> bytes:
    """bag-info.txt; values are single lines."""
    lines = []
    for label, value in info:
        if not _LABEL.fullmatch(label) or not value or "\n" in value or "\r" in value:
            raise ValueError(f"not a line of bag-info.txt: {label}")
        lines.append(f"{label}: {value}\n")
    return "".join(lines).encode()


def parse_info(data: bytes) -> dict[str, str]:
    """Reads bag-info.txt. Raises MalformedError ('bag-malformed')."""
    try:
        lines = data.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise MalformedError("bag-info.txt is not UTF-8", code=_CODE) from error
    found: dict[str, str] = {}
    for line in lines[:-1]:
        label, mark, value = line.partition(": ")
        if not mark or not _LABEL.fullmatch(label) or label in found or not value:
            raise MalformedError("bag-info.txt has a line that is none, or one twice", code=_CODE)
        found[label] = value
    if lines[-1]:
        raise MalformedError("bag-info.txt does not end in a newline", code=_CODE)
    return found
