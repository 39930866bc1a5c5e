"""Checks 3 and 4: whose checkpoint this is, who cosigned it, and that it continues one that was seen before."""

from collections.abc import Sequence
from dataclasses import dataclass

from custody.core.checkpoint import Checkpoint, open_checkpoint
from custody.core.errors import CustodyError, MalformedError, VerificationError
from custody.core.note import VerifierKey
from custody.core.policy import Policy
from custody.core.proof import verify_consistency
from custody.verifier.package import layout
from custody.verifier.package.container import Container
from custody.verifier.package.log_part import parse_hashes
from custody.verifier.package.report import GROWTH, SIGNATURES, PackageReport
from custody.verifier.trust import TrustError


@dataclass(frozen=True, slots=True, kw_only=True)
class LogTrust:
    """Keys of the log, or a policy; both empty: nothing is trusted."""

    keys: Sequence[VerifierKey] = ()
    policy: Policy | None = None

    @classmethod
    def of(cls, policy: Policy) -> "LogTrust":
        """A policy that asks for no witness is no more than its keys."""
        return cls(policy=policy) if policy.witnesses else cls(keys=tuple(one.vkey for one in policy.logs))


def check_signatures(report: PackageReport, container: Container, trust: LogTrust) -> Checkpoint | None:
    """Opens the checkpoint; None when it is not signed as it must be."""
    report.done.add(SIGNATURES)
    try:
        note = container.read(layout.CHECKPOINT)
        opened = _open(report, container, note, trust)
        if opened.origin != report.log:
            raise VerificationError(f"the checkpoint is of {opened.origin!r}", code="checkpoint-origin")
    except CustodyError as error:
        report.caught(SIGNATURES, error, path=layout.CHECKPOINT)
        return None
    report.size = opened.size
    return opened


def _open(report: PackageReport, container: Container, note: bytes, trust: LogTrust) -> Checkpoint:
    if trust.policy is not None:
        witnessed = trust.policy.verify(note)
        report.trust, report.keys = "policy", (witnessed.log.vkey.encode(),)
        report.cosigners = tuple(one.key.name for one in witnessed.cosignatures)
        return witnessed.checkpoint
    if trust.keys:
        report.trust, report.keys = "key", tuple(key.encode() for key in trust.keys)
        return open_checkpoint(note, trust.keys)
    report.trust = "package"
    keys = _claimed(container)
    report.keys = tuple(key.encode() for key in keys)
    report.unchecked[SIGNATURES] = "KEYS FROM THE PACKAGE ITSELF: whoever made the package chose them; give --trust"
    return open_checkpoint(note, keys)


def keys_for(container: Container, trust: LogTrust) -> list[VerifierKey]:
    """Keys under which another checkpoint of the log opens: those of the reader, else those that the package claims."""
    return _given(trust) or _claimed(container)


def _given(trust: LogTrust) -> list[VerifierKey]:
    if trust.policy is not None:
        return [one.vkey for one in trust.policy.logs]
    return list(trust.keys)


def _claimed(container: Container) -> list[VerifierKey]:
    try:
        lines = container.read(layout.VKEYS, 65_536).decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise MalformedError("the file of keys is not ASCII", code="vkey-malformed") from error
    return [VerifierKey.parse(line) for line in lines if line]


def open_held(note: bytes, trust: LogTrust) -> Checkpoint:
    """The checkpoint that the reader remembers, which a trusted key must have signed: else it says nothing of the log.

    Raises TrustError. One good signature is enough, as for all that is held against a log.
    """
    try:
        return open_checkpoint(note, _given(trust), any_type=True)
    except CustodyError as error:
        raise TrustError(f"the checkpoint of --since proves nothing: {error}") from error


def check_growth(
    report: PackageReport, container: Container, opened: Checkpoint, trust: LogTrust, held: Checkpoint | None
) -> None:
    """The checkpoint extends the earlier one in the package, and the one that the reader remembers.

    Raises TrustError when the reader's is of another log.
    """
    earlier = _check_earlier(report, container, opened, trust)
    if held is None:
        return
    report.demanded.add(GROWTH)
    if held.origin != opened.origin:
        raise TrustError(f"the checkpoint of --since is of {held.origin!r}, the package of {opened.origin!r}")
    if held.size > opened.size:
        report.find(GROWTH, "rollback", f"the given checkpoint has {held.size} entries, the package's {opened.size}")
    for one in (opened, earlier):
        if one is not None and one.size == held.size:
            report.done.add(GROWTH)
            report.unchecked.pop(GROWTH, None)
            if one.root != held.root:
                report.find(GROWTH, "fork", f"the given checkpoint has another root at {held.size} entries")
            return
    if earlier is None:
        report.unchecked[GROWTH] = "the package proves growth from no checkpoint; ask for one exported with --since"
    else:
        report.unchecked[GROWTH] = "the package proves growth from another checkpoint than the given one"


def _check_earlier(
    report: PackageReport, container: Container, opened: Checkpoint, trust: LogTrust
) -> Checkpoint | None:
    """The earlier checkpoint in the package, if it is proven that the package's own extends it."""
    if layout.EARLIER not in container.places:
        report.unchecked[GROWTH] = "the package has no earlier checkpoint"
        return None
    report.done.add(GROWTH)
    try:
        note = container.read(layout.EARLIER)
        earlier = open_checkpoint(note, keys_for(container, trust), origin=opened.origin, any_type=True)
        hashes = parse_hashes(container.read(layout.CONSISTENCY))
        verify_consistency(earlier.size, earlier.root, opened.size, opened.root, hashes)
    except CustodyError as error:
        report.caught(GROWTH, error, path=layout.EARLIER)
        return None
    return earlier
