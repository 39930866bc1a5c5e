"""Check 13: time-stamp tokens over the checkpoint, over the manifest, and over the checkpoint that the ledger had stamped early."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from cryptography.x509 import Certificate, CertificateRevocationList

from custody.core.checkpoint import Checkpoint, open_checkpoint
from custody.core.errors import CustodyError, MalformedError, SignatureError
from custody.core.note import MAX_NOTE_BYTES, VerifierKey
from custody.core.proof import verify_consistency
from custody.core.timestamp import MAX_TOKEN_BYTES, Token, read_generations, read_token, renewal_data
from custody.verifier.package import layout
from custody.verifier.package.certificate import packed_lists
from custody.verifier.package.checkpoint_check import LogTrust, keys_for
from custody.verifier.package.container import Container
from custody.verifier.package.log_part import parse_hashes
from custody.verifier.package.report import STAMP_REVOCATION, STAMPED, PackageReport
from custody.verifier.package.stamp_revocation import check_revocation

_OVER: Final = {"data/timestamps/checkpoint-": layout.CHECKPOINT, "timestamps/manifest-": layout.MANIFEST}
_NAME: Final = re.compile(r"(0|[1-9][0-9]{0,3})/(data|[1-9][0-9]{0,3}\.tsr)", re.ASCII)
_CODE: Final = "timestamp-malformed"


@dataclass(slots=True, kw_only=True)
class StampTrust:
    """Roots of time-stamping authorities, and revocation lists of any authority."""

    roots: Sequence[Certificate] = ()
    lists: Sequence[CertificateRevocationList] = ()
    known: bool = True
    """Turns False when revocation could not be looked at for a token."""

    @property
    def pinned(self) -> list[Certificate]:
        """The roots as `Token.verify` takes them; empty: only what the tokens are over can be checked."""
        return list(self.roots)

    def check(self, token: Token, data: bytes) -> None:
        """Raises SignatureError: 'timestamp-other', 'timestamp-signature', 'timestamp-revoked'."""
        if not self.roots:
            token.check_data(data)
            return
        token.verify(data, self.pinned)
        self.look(token)

    def look(self, token: Token) -> None:
        """Holds a token whose signature is good against the lists. Raises SignatureError ('timestamp-revoked')."""
        self.known = check_revocation(token, self.roots, self.lists) and self.known


def check_stamps(
    report: PackageReport, container: Container, stamps: StampTrust, opened: Checkpoint | None, trust: LogTrust
) -> None:
    """Each token is over its file; its signature, and revocation of its certificates, are checked where roots are given."""
    told: list[str] = []
    if stamps.roots:
        try:
            stamps = replace(stamps, lists=[*stamps.lists, *packed_lists(container)])
        except CustodyError as error:
            report.caught(STAMPED, error)
    names = [*container.below(layout.STAMPS), *container.below("timestamps/")]
    for name in names:
        if name.startswith(layout.EARLY):
            continue
        over = next((file for prefix, file in _OVER.items() if name.startswith(prefix)), "")
        try:
            token = read_token(container.read(name, MAX_TOKEN_BYTES))
            stamps.check(token, container.read(over))
            told.append(f"{name} {token.at.isoformat()}")
        except CustodyError as error:
            report.caught(STAMPED, error, path=name)
    if container.below(layout.EARLY) and opened is not None:
        told += _check_early(report, container, stamps, opened, keys_for(container, trust))
    report.stamps = tuple(told)
    if stamps.roots and told and not stamps.known:
        report.limits.add(STAMP_REVOCATION)
    if not names:
        report.unchecked[STAMPED] = "the package has no time stamp"
    elif not stamps.roots:
        report.unchecked[STAMPED] = "no root of a time-stamping authority was given: --tsa-root"
    report.done.add(STAMPED)


def _check_early(
    report: PackageReport, container: Container, stamps: StampTrust, opened: Checkpoint, keys: list[VerifierKey]
) -> list[str]:
    """The stamped checkpoint is of this log and before the package's; its tokens and renewals are one line."""
    try:
        note, generations = _read_early(container)
        early = open_checkpoint(note, keys, origin=opened.origin)
        hashes = parse_hashes(container.read(f"{layout.EARLY}consistency"))
        verify_consistency(early.size, early.root, opened.size, opened.root, hashes)
        tokens = read_generations(note, generations, stamps.pinned)
        for token in tokens if stamps.roots else ():
            stamps.look(token)
    except CustodyError as error:
        report.caught(STAMPED, error, path=layout.EARLY)
        return []
    report.early_size = early.size
    report.early = min(token.at for token in tokens[: len(generations[0])]).isoformat() if stamps.roots else ""
    return [f"{layout.EARLY}{at} {token.at.isoformat()}" for at, token in _named(generations, tokens)]


def _named(generations: list[list[bytes]], tokens: list[Token]) -> list[tuple[str, Token]]:
    names = [
        f"{generation}/{number}" for generation, raws in enumerate(generations) for number in range(1, len(raws) + 1)
    ]
    return list(zip(names, tokens, strict=True))


def _read_early(container: Container) -> tuple[bytes, list[list[bytes]]]:
    """The note and the tokens of each generation; every `data` is what the tokens of its generation must be over."""
    datas: dict[int, bytes] = {}
    counts: dict[int, int] = {}
    for name in container.below(layout.EARLY):
        match = _NAME.fullmatch(name.removeprefix(layout.EARLY))
        if match is None and name != f"{layout.EARLY}consistency":
            raise MalformedError(f"{name} is no part of a stamped checkpoint", code=_CODE)
        if match is not None and match[2] == layout.STAMPED_DATA:
            datas[int(match[1])] = container.read(name)
        elif match is not None:
            counts[int(match[1])] = counts.get(int(match[1]), 0) + 1
    if sorted(datas) != list(range(len(datas))) or datas.keys() != counts.keys() or not datas:
        raise MalformedError("a generation of the stamped checkpoint is not whole", code=_CODE)
    generations: list[list[bytes]] = []
    for generation in range(len(datas)):
        expected = renewal_data(datas[0], generations) if generation else datas[0][:MAX_NOTE_BYTES]
        if datas[generation] != expected:
            raise SignatureError("a renewal is not over the tokens before it", code="timestamp-other")
        names = [f"{layout.EARLY}{generation}/{number}.tsr" for number in range(1, counts[generation] + 1)]
        generations.append([container.read(name, MAX_TOKEN_BYTES) for name in names])
    return datas[0], generations
