"""Check 1 across checkpoints: which of them count as signed, with keys that come and go (docs/spec/verification.md).

Trust is what the caller gave. The log's own word on its keys is used in two ways, and neither gives trust: an older
checkpoint by a former key is no fault where a newer one, with all that is demanded, covers it; and a checkpoint by a key
that had ended is one, even when that key was given.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from custody.core.errors import CustodyError, MalformedError, SignatureError
from custody.core.log_key import LogKeys
from custody.core.note import VerifierKey, parse_note, verify_note
from custody.core.policy import Policy
from custody.core.record import read_record
from custody.verifier.checkpoint_audit import CHECK, Examined
from custody.verifier.finding import Finding, Findings, Severity
from custody.verifier.source_facts import KeyRecord

ADVICE: Final = "get it from somebody else than the ledger's operator and put it into the trust file"


class SignatureAudit:
    """Judges checkpoints in the order of their sizes; mutable, one owner."""

    def __init__(self, origin: str, keys: Sequence[VerifierKey], claimed: Iterable[str], findings: Findings) -> None:
        """`claimed` are the vkeys of the log's creation, as the medium tells of them."""
        self._origin = origin
        self._keys = tuple(keys)
        self._findings = findings
        self._claimed = tuple(claimed)
        self._told = LogKeys(origin, _readable(self._claimed))
        self._lacking: list[int] = []
        """Sizes of checkpoints that lack a demanded signature and that no newer one covers so far."""
        self._why = ""
        self._covered = 0
        self._newest = 0

    def learn(self, records: Iterable[KeyRecord]) -> None:
        """Takes the next entries of the chain of keys; before the checkpoints that cover them."""
        for one in records:
            try:
                record = read_record(one.raw)
            except MalformedError:  # found elsewhere, as check 2
                continue
            self._told.apply(record.kind.name, record.body, one.index)

    def counts(self, one: Examined) -> bool:
        """Whether a checkpoint, whose root is the root of the entries, counts as signed."""
        size = one.checkpoint.size
        self._newest = max(self._newest, size)
        ended = self._ended(one)
        if one.signed and not ended:
            self._covered += len(self._lacking)
            self._lacking.clear()
            return True
        if not ended and one.lacks and (one.keys or self._by_former_key(one)):
            self._lacking.append(size)
            self._why = one.lacks
        elif one.lacks:
            self._find(
                "signature-missing", CHECK, f"the checkpoint of size {size}: {one.lacks}{self._advice(size)}", size
            )
        return False

    def _ended(self, one: Examined) -> bool:
        """Whether no key signed that was still the log's own; the entry that ends a key is under the checkpoint itself."""
        if not self._told.ended or not one.keys:
            return False
        size = one.checkpoint.size
        ends = [self._told.ended_at(key) for key in one.keys]
        if any(end is None or end >= size for end in ends):
            return False
        named = ", ".join(key.key_id.hex() for key in one.keys)
        message = f"the checkpoint of size {size} is signed by {named} alone, which ended at entry {ends[0]}"
        self._find("signature-ended", CHECK, message, size)
        return True

    def _by_former_key(self, one: Examined) -> bool:
        try:
            verify_note(parse_note(one.note), self._told.named)
        except (SignatureError, MalformedError):
            return False
        return True

    def finish(self, verified_note: bytes, policy: Policy | None) -> None:
        """Says what no newer checkpoint covers, and whether the newest one has the quorum."""
        for size in self._lacking:
            self._find(
                "signature-missing", CHECK, f"the checkpoint of size {size}: {self._why}{self._advice(size)}", size
            )
        if self._covered:
            message = (
                f"{self._covered} older checkpoints lack a signature of a given key;"
                " a newer one that lacks nothing covers their entries"
            )
            self._find("signature-covered", CHECK, message, severity=Severity.INFO)
        named = {*self._claimed, *(key.encode() for key in self._told.announced)}
        if self._keys and self._claimed and not {key.encode() for key in self._keys} & named:
            self._find("log-keys-differ", CHECK, "the log names other keys as its own than the given one")
        if policy is not None and policy.quorum is not None and verified_note:
            try:
                policy.verify(verified_note)
            except CustodyError as error:
                self._find(error.code, CHECK, f"the newest checkpoint: {error}", self._newest)

    def _advice(self, size: int) -> str:
        fresh = [(index, key) for key, index in self._told.announced.items() if key not in self._keys and index < size]
        if not fresh:
            return ""
        index, key = fresh[-1]
        return f"; the log announced its key {key.key_id.hex()} at entry {index}: {ADVICE}"

    def _find(
        self, code: str, check: int, message: str, size: int | None = None, severity: Severity = Severity.FINDING
    ) -> None:
        self._findings.add(Finding(code, check, message, severity=severity, size=size))


def _readable(vkeys: Iterable[str]) -> list[VerifierKey]:
    found = []
    for vkey in vkeys:
        try:
            found.append(VerifierKey.parse(vkey))
        except MalformedError:  # a claim that nobody can read claims nothing
            continue
    return found
