"""Trust policies: C2SP tlog-policy.

A policy names logs and witnesses by their keys, groups witnesses, and says which of them make a quorum. A checkpoint is
accepted when a listed log signed it and the quorum cosigned it. The specification takes any listed key; where a policy
lists keys of several signature types for one origin, one of each type must have signed, which is stricter (docs/adr). Names are opaque octets that mean nothing outside the
file; they are kept as text with undecodable octets escaped, which loses nothing.

The file has free white space and comments, so here alone one value has many spellings; `encode` writes the plain one.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from custody.core.checkpoint import Checkpoint, check_every_type, parse_checkpoint
from custody.core.codec import parse_decimal
from custody.core.cosignature import Cosignature
from custody.core.errors import MalformedError, PolicyError, SignatureError
from custody.core.note import SignatureType, VerifierKey, verify_note

MAX_POLICY_BYTES: Final = 1 << 20
MAX_DEFINITIONS: Final = 256
"""Logs, witnesses and groups, of each kind; the specification asks for at least 32."""

NO_QUORUM: Final = "none"

_LOG_TYPES: Final = frozenset({SignatureType.ED25519, SignatureType.ML_DSA_44})
_WITNESS_TYPES: Final = frozenset({SignatureType.COSIGNATURE_ED25519, SignatureType.ML_DSA_44})
_FORBIDDEN: Final = frozenset((*range(0x09), *range(0x0B, 0x20), 0x7F))


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyLog:
    """A log that is trusted; its vkey's name is its origin."""

    vkey: VerifierKey
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyWitness:
    """A witness under the policy's own name for it."""

    name: str
    vkey: VerifierKey
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyGroup:
    """A group that witnesses what at least `threshold` of its members (witnesses or earlier groups) witness."""

    name: str
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessedCheckpoint:
    """A checkpoint that satisfied a policy: which log signed, and who cosigned."""

    checkpoint: Checkpoint
    log: PolicyLog
    cosignatures: tuple[Cosignature, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A parsed policy. `quorum` is the name of a witness or a group, None for `quorum none`."""

    logs: tuple[PolicyLog, ...]
    witnesses: tuple[PolicyWitness, ...]
    groups: tuple[PolicyGroup, ...]
    quorum: str | None

    @classmethod
    def of_keys(cls, keys: Iterable[VerifierKey]) -> "Policy":
        """The policy that trusts these log keys and asks for no witness. Raises MalformedError `policy-malformed`."""
        return parse_policy(
            "".join([f"log {key.encode()}\n" for key in dict.fromkeys(keys)] + ["quorum none\n"]).encode()
        )

    @property
    def keys(self) -> tuple[VerifierKey, ...]:
        """The log keys, in the order of the file."""
        return tuple(one.vkey for one in self.logs)

    def encode(self) -> bytes:
        """The policy as a plain file: logs, witnesses, groups, quorum."""
        lines = [_words("log", one.vkey.encode(), one.url) for one in self.logs]
        lines += [_words("witness", one.name, one.vkey.encode(), one.url) for one in self.witnesses]
        lines += [_words("group", one.name, str(one.threshold), *one.members) for one in self.groups]
        lines.append(_words("quorum", self.quorum or NO_QUORUM))
        return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")

    def check(self, cosignatures: Iterable[Cosignature]) -> None:
        """Check that these verified cosignatures make the quorum. Raises PolicyError `quorum-missing`."""
        if self.quorum is None:
            return
        cosigned = {one.key for one in cosignatures}
        witnessed = {one.name for one in self.witnesses if one.vkey in cosigned}
        for group in self.groups:  # members are defined before the group, so one pass is enough
            if sum(member in witnessed for member in group.members) >= group.threshold:
                witnessed.add(group.name)
        if self.quorum not in witnessed:
            present = ", ".join(sorted(witnessed)) or "nobody"
            raise PolicyError(
                f"the quorum {self.quorum} has not cosigned; cosigned by {present}", code="quorum-missing"
            )

    def verify(self, note: bytes) -> WitnessedCheckpoint:
        """Read a signed checkpoint and check it: 1 the listed log of that origin signed, by one key of every listed type;
        2 the quorum cosigned.

        Raises MalformedError, SignatureError, PolicyError `log-unknown` or `quorum-missing`.
        """
        signed = parse_checkpoint(note)
        origin = signed.checkpoint.origin
        logs = {one.vkey: one for one in self.logs if one.vkey.name == origin}
        if not logs:
            raise PolicyError(f"the policy does not list the log {origin!r}", code="log-unknown")
        witnesses = {one.vkey for one in self.witnesses}
        verified = verify_note(signed.note, (*logs, *witnesses))
        signers = [logs[one.key] for one in verified if one.key in logs]
        if not signers:
            raise SignatureError(f"no listed key of the log {origin!r} signed the checkpoint", code="signature-missing")
        check_every_type(verified, logs, origin)
        cosignatures = tuple(
            Cosignature(key=one.key, timestamp_s=one.timestamp_s)
            for one in verified
            if one.key in witnesses and one.timestamp_s is not None
        )
        self.check(cosignatures)
        return WitnessedCheckpoint(checkpoint=signed.checkpoint, log=signers[0], cosignatures=cosignatures)


def _words(*words: str | None) -> str:
    return " ".join(word for word in words if word is not None)


def parse_policy(data: bytes) -> Policy:
    """Read a policy file. Raises MalformedError: `policy-malformed`, or the codes of a vkey; the message names the line."""
    if len(data) > MAX_POLICY_BYTES:
        raise MalformedError(f"a policy has at most {MAX_POLICY_BYTES} bytes", code="policy-malformed")
    if not _FORBIDDEN.isdisjoint(data):
        raise MalformedError("a policy has no control characters but tab and newline", code="policy-malformed")
    lines = data.decode("utf-8", "surrogateescape").split("\n")
    if lines.pop():
        raise MalformedError("the last line of the policy does not end in a newline", code="policy-malformed")
    reader = _PolicyReader()
    for number, line in enumerate(lines, start=1):
        words = line.replace("\t", " ").split(" ")
        try:
            reader.read([word for word in words if word])
        except MalformedError as error:
            raise MalformedError(f"policy line {number}: {error}", code=error.code) from error
    return reader.finish()


class _PolicyReader:
    """Collects definitions line by line; names are one namespace, and each may be a group's member once."""

    def __init__(self) -> None:
        self._logs: list[PolicyLog] = []
        self._witnesses: list[PolicyWitness] = []
        self._groups: list[PolicyGroup] = []
        self._quorums: list[str] = []
        self._free: dict[str, bool] = {}  # every defined name -> not yet the member of a group

    def read(self, words: list[str]) -> None:
        match words:
            case []:
                return
            case [comment, *_] if comment.startswith("#"):
                return
            case ["log", vkey, *url] if len(url) <= 1:
                self._add_log(vkey, url)
            case ["witness", name, vkey, *url] if len(url) <= 1:
                self._add_witness(name, vkey, url)
            case ["group", name, threshold, *members] if members:
                self._add_group(name, threshold, tuple(members))
            case ["quorum", name]:
                self._add_quorum(name)
            case _:
                raise MalformedError(f"not a policy line: {' '.join(words)[:64]!r}", code="policy-malformed")

    def finish(self) -> Policy:
        if len(self._quorums) != 1:
            raise MalformedError("a policy has exactly one quorum line", code="policy-malformed")
        quorum = self._quorums[0]
        return Policy(
            logs=tuple(self._logs),
            witnesses=tuple(self._witnesses),
            groups=tuple(self._groups),
            quorum=None if quorum == NO_QUORUM else quorum,
        )

    def _add_log(self, vkey: str, url: list[str]) -> None:
        key = _parse_vkey(vkey, _LOG_TYPES)
        _refuse_excess(self._logs)
        if any(one.vkey.public_key == key.public_key for one in self._logs):
            raise MalformedError("this log's public key is listed twice", code="policy-malformed")
        self._logs.append(PolicyLog(vkey=key, url=url[0] if url else None))

    def _add_witness(self, name: str, vkey: str, url: list[str]) -> None:
        self._define(name)
        key = _parse_vkey(vkey, _WITNESS_TYPES)
        _refuse_excess(self._witnesses)
        if any(one.vkey.public_key == key.public_key for one in self._witnesses):
            raise MalformedError("this witness's public key is listed twice", code="policy-malformed")
        self._witnesses.append(PolicyWitness(name=name, vkey=key, url=url[0] if url else None))

    def _add_group(self, name: str, threshold: str, members: tuple[str, ...]) -> None:
        _refuse_excess(self._groups)
        for member in members:
            if not self._free.get(member, False):
                raise MalformedError(
                    f"{member!r} is not defined above, or is already the member of a group", code="policy-malformed"
                )
            self._free[member] = False
        self._define(name)
        match threshold:
            case "any":
                needed = 1
            case "all":
                needed = len(members)
            case _:
                needed = parse_decimal(threshold, maximum=len(members), code="policy-malformed")
        if needed < 1:
            raise MalformedError("a group's threshold is at least 1", code="policy-malformed")
        self._groups.append(PolicyGroup(name=name, threshold=needed, members=members))

    def _add_quorum(self, name: str) -> None:
        if name != NO_QUORUM and name not in self._free:
            raise MalformedError(f"the quorum {name!r} is not defined above", code="policy-malformed")
        self._quorums.append(name)

    def _define(self, name: str) -> None:
        if name == NO_QUORUM or name in self._free:
            raise MalformedError(f"the name {name!r} is taken", code="policy-malformed")
        self._free[name] = True


def _parse_vkey(text: str, types: frozenset[SignatureType]) -> VerifierKey:
    key = VerifierKey.parse(text)
    if key.signature_type not in types:
        raise MalformedError(
            f"a key of type {key.signature_type.name} cannot serve in this place", code="policy-malformed"
        )
    return key


def _refuse_excess(definitions: list[PolicyLog] | list[PolicyWitness] | list[PolicyGroup]) -> None:
    if len(definitions) >= MAX_DEFINITIONS:
        raise MalformedError(f"a policy has at most {MAX_DEFINITIONS} of each kind", code="policy-malformed")
