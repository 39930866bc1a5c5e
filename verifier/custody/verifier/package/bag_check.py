"""Check 2: the bag is whole. Also the hash of every payload file, which the later checks use."""

import re
from hashlib import sha256
from typing import Final

from custody.core.errors import CustodyError, MalformedError
from custody.verifier.package import layout
from custody.verifier.package.bag import DECLARATION, parse_info, parse_manifest_lines
from custody.verifier.package.container import Container
from custody.verifier.package.hashing import Progress, hash_members
from custody.verifier.package.report import BAG, PackageReport

_TAGS = (layout.BAGIT, layout.BAG_INFO, layout.MANIFEST)
_BESIDE: Final = re.compile(
    r"signatures/(manifest\.dsse\.json|[0-9a-f]{64}(\.chain)?\.pem|[1-9][0-9]{0,3}\.crl\.pem)"
    r"|timestamps/manifest-[1-9][0-9]{0,3}\.tsr",
    re.ASCII,
)
"""What no manifest lists, because it may be added to what was signed: nothing else may stand beside it."""


def check_bag(report: PackageReport, container: Container, workers: int, progress: Progress | None) -> dict[str, bytes]:
    """Hashes the whole payload; returns the digests that the files really have, by name."""
    payload = container.below("data/")
    found = dict(hash_members(container, payload, workers, progress))
    try:
        listed = parse_manifest_lines(container.read(layout.MANIFEST))
        _compare(report, listed, found)
        _check_tags(report, container)
        _check_info(report, container, payload)
    except CustodyError as error:
        report.caught(BAG, error)
    report.done.add(BAG)
    return found


def _compare(report: PackageReport, listed: dict[str, bytes], found: dict[str, bytes]) -> None:
    for name in sorted(listed.keys() | found.keys()):
        if name not in found:
            report.find(BAG, "file-missing", f"{name} is listed and not there", path=name)
        elif name not in listed:
            report.find(BAG, "file-extra", f"{name} is there and not listed", path=name)
        elif listed[name] != found[name]:
            report.find(BAG, "file-altered", f"{name} is not the file that was listed", path=name)


def _check_tags(report: PackageReport, container: Container) -> None:
    listed = parse_manifest_lines(container.read(layout.TAGMANIFEST))
    if sorted(listed) != sorted(_TAGS):
        raise MalformedError("the tag manifest lists other files than it should", code="bag-malformed")
    for name in _TAGS:
        if sha256(container.read(name)).digest() != listed[name]:
            report.find(BAG, "file-altered", f"{name} is not the file that was listed", path=name)
    if container.read(layout.BAGIT) != DECLARATION:
        raise MalformedError("bagit.txt declares another version or encoding", code="bag-malformed")
    for name in container.places:
        known = name.startswith("data/") or name in {*_TAGS, layout.TAGMANIFEST} or _BESIDE.fullmatch(name)
        if not known:
            report.find(BAG, "file-extra", f"{name} does not belong to the package", path=name)


def _check_info(report: PackageReport, container: Container, payload: list[str]) -> None:
    info = parse_info(container.read(layout.BAG_INFO))
    report.log, report.case_number = info.get("Custody-Log", ""), info.get("External-Identifier", "")
    if info.get("Custody-Package") != layout.SCHEMA:
        raise MalformedError("bag-info.txt names another format", code="package-version")
    total = sum(container.places[name].size_bytes for name in payload)
    if info.get("Payload-Oxum") != f"{total}.{len(payload)}":
        report.find(BAG, "bag-oxum", "bag-info.txt counts other files or bytes than there are")
