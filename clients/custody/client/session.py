"""What a client says to a ledger and what it believes: bytes in, bytes out, no I/O.

A `Session` speaks of one log. It builds requests, takes responses, and checks everything in this order:
1 the checkpoint is signed by a configured key; 2 the runs cover the batch, each entry is rebuilt, read and proven under
that checkpoint; 3 the checkpoint is consistent with the last one held. Step 3 may need a proof that is not there yet:
`place` then answers with a `Gap`, the driver fetches the consistency proof, and `bridge` takes it.

One owner; `place` and `bridge` of one gap must not be interleaved with others (the driver holds a lock).
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final, NamedTuple, TypeVar

from google.protobuf.message import DecodeError, Message

from custody.client.batch import seals_of
from custody.client.receipt import Receipt, check_runs
from custody.core.checkpoint import Checkpoint
from custody.core.errors import CheckpointConflictError, ForkError, MalformedError, RollbackError
from custody.core.note import VerifierKey
from custody.core.policy import Policy
from custody.core.range_proof import RangeProof
from custody.core.receipt import Run, Submitted
from custody.core.tree import root_from_peaks
from custody.core.watch import Watch
from custody.v1 import ledger_pb2

_RECENT: Final = 1_024
"""Checkpoints that were opened or placed already and are recognised by their bytes: more than answers can be in flight."""


class Sighting(NamedTuple):
    """A checkpoint whose signature was verified, and what came with it that may prove its place."""

    note: bytes
    checkpoint: Checkpoint
    known_size: int = 0
    """Size that the request named as known; the log must not answer with less."""
    since_size: int = 0
    """Size that was held when the request was made. Less is no lie if the log shows, now, that it still has all of it."""
    consistency: Sequence[bytes] = ()
    """Consistency proof from `known_size`."""
    runs: Sequence[Run] = ()
    """Runs proven under this checkpoint: what stands to the left of one is a tree of its own."""


class Gap(NamedTuple):
    """Fetch the consistency proof from `old_size` to `new_size` and give it to `bridge`."""

    old_size: int
    new_size: int


class Session:
    """Requests and trust for one log; mutable, one owner."""

    def __init__(
        self,
        origin: str,
        keys: Sequence[VerifierKey],
        note: bytes = b"",
        *,
        identity: str = "",
        policy: Policy | None = None,
    ) -> None:
        """`note` is the remembered checkpoint or empty; `identity` who must stand in receipts as submitter. Raises MalformedError or SignatureError when it is not this log's."""
        if not keys:
            raise ValueError("a session needs at least one key of the log")
        self._watch = Watch(origin, keys, note, policy=policy)
        self._opened: OrderedDict[bytes, Checkpoint] = OrderedDict()
        self._placed: OrderedDict[bytes, Checkpoint] = OrderedDict()
        self.conflict: CheckpointConflictError | None = None
        self.identity = identity

    @property
    def origin(self) -> str:
        """The log's origin."""
        return self._watch.origin

    @property
    def keys(self) -> tuple[VerifierKey, ...]:
        """The keys that may sign for the log."""
        return self._watch.keys

    @property
    def held(self) -> Checkpoint:
        """The newest checkpoint that was proven; size 0 before the first."""
        return self._watch.held

    @property
    def note(self) -> bytes:
        """The held checkpoint as a signed note; empty before the first."""
        return self._watch.note

    def append_request(self, batch: Sequence[Submitted]) -> tuple[bytes, int]:
        """A serialized AppendRequest, and the known size in it (hand it to `read_receipt`)."""
        known_size = self.held.size
        request = ledger_pb2.AppendRequest(
            log=self.origin, records=[item[0] for item in batch], seals=seals_of(batch), known_size=known_size
        )
        return request.SerializeToString(), known_size

    def read_receipt(self, batch: Sequence[Submitted], response: bytes, known_size: int) -> tuple[Receipt, Sighting]:
        """Steps 1 and 2 for a serialized AppendResponse; the receipt counts only after `place` had its sighting.

        Raises MalformedError, SignatureError, ReceiptError, ChainError, InclusionError.
        """
        message = decode(ledger_pb2.AppendResponse, response)
        note = message.checkpoint
        checkpoint = self.open(note)
        runs = [Run(run.first_index, run.stamps, tuple(run.positions), range_proof(run.proof)) for run in message.runs]
        found = check_runs(batch, runs, checkpoint, self.identity)
        receipt = Receipt(
            checkpoint=checkpoint,
            note=note,
            indexes=tuple(found.indexes),
            leaves=tuple(found.leaves),
            raw_entries=tuple(found.entries),
            response=response,
        )
        return receipt, Sighting(note, checkpoint, known_size=known_size, consistency=message.consistency, runs=runs)

    def open(self, note: bytes) -> Checkpoint:
        """Reads a signed checkpoint of this log; one that was opened before is recognised by its bytes.

        Raises MalformedError, SignatureError, VerificationError 'checkpoint-origin'.
        """
        opened = self._opened.get(note)
        if opened is None:
            opened = self._watch.open(note)
            _keep(self._opened, note, opened)
        return opened

    def sight(self, note: bytes, since_size: int = 0) -> Sighting:
        """A checkpoint that came without a proof of its place; `since_size` as in Sighting."""
        return Sighting(note, self.open(note), since_size=since_size)

    def place(self, sighting: Sighting) -> Gap | None:
        """Step 3. None: the checkpoint is consistent with the held one, and held if it is newer.

        Raises RollbackError or ForkError; the session then keeps the error as `conflict`.
        """
        try:
            return self._place(sighting)
        except CheckpointConflictError as error:
            raise self._latch(error, sighting) from error

    def bridge(self, sighting: Sighting, proof: Sequence[bytes]) -> None:
        """Takes the proof that `place` asked for. Raises ForkError; the session then keeps it as `conflict`."""
        try:
            if sighting.checkpoint.size > self.held.size:
                self._watch.advance(sighting.note, proof)
            else:
                self._watch.confirm(sighting.note, proof)
        except CheckpointConflictError as error:
            raise self._latch(error, sighting) from error
        self._recall(sighting)

    def no_bridge(self, sighting: Sighting) -> CheckpointConflictError:
        """The log refused the proof that `place` asked for: it went back, or it cannot show that it grew."""
        kind = RollbackError if sighting.checkpoint.size < self.held.size else ForkError
        message = f"the log {self.origin} proves no consistency between two checkpoints that it signed"
        return self._latch(kind(message, held=self.note, offered=sighting.note), sighting)

    def _latch(self, error: CheckpointConflictError, sighting: Sighting) -> CheckpointConflictError:
        """The same error with both checkpoints in its text; kept as `conflict`."""
        self.conflict = type(error)(
            f"{error}; held: {brief(self.held)}, offered: {brief(sighting.checkpoint)}",
            held=self.note,
            offered=sighting.note,
        )
        return self.conflict

    def _place(self, sighting: Sighting) -> Gap | None:
        note, checkpoint = sighting.note, sighting.checkpoint
        held = self.held
        if checkpoint.size < sighting.known_size:
            raise RollbackError(
                f"the log {self.origin} answered with size {checkpoint.size} to a client that told it size {sighting.known_size}",
                held=self.note,
                offered=note,
            )
        # A log that went back shows a checkpoint that was believed before: being known does not help a late one.
        if checkpoint.size >= sighting.since_size and (note in self._placed or note == self.note):
            return None
        if checkpoint.size < held.size:
            return Gap(checkpoint.size, held.size)
        if checkpoint.size > held.size:
            if sighting.known_size == held.size:
                self._watch.advance(note, sighting.consistency)
            elif not self._extends(sighting):
                return Gap(held.size, checkpoint.size)
        else:
            self._watch.compare(note, checkpoint)
        self._recall(sighting)
        return None

    def _extends(self, sighting: Sighting) -> bool:
        """Whether a run shows that the log grew from the held checkpoint; takes the new one then.

        The peaks to the left of a run lead, with it, to the new root. When they are the peaks of the held size, they are
        the tree that was held, or the log forked.
        """
        held = self.held
        for run in sighting.runs:
            if run.first_index == held.size:
                if root_from_peaks(run.proof.left) != held.root:
                    raise ForkError(
                        f"the log {self.origin} put a run behind another tree than the one it signed",
                        held=self.note,
                        offered=sighting.note,
                    )
                self._watch.held, self._watch.note = sighting.checkpoint, sighting.note
                return True
        return False

    def _recall(self, sighting: Sighting) -> None:
        _keep(self._placed, sighting.note, sighting.checkpoint)


def _keep(known: OrderedDict[bytes, Checkpoint], note: bytes, checkpoint: Checkpoint) -> None:
    known[note] = checkpoint
    if len(known) > _RECENT:
        known.popitem(last=False)


def brief(checkpoint: Checkpoint) -> str:
    """A checkpoint for people: size and the beginning of its root hash."""
    return f"size {checkpoint.size} root {checkpoint.root.hex()[:16]}"


def range_proof(message: ledger_pb2.RangeProof) -> RangeProof:
    """The proof as `core` knows it."""
    return RangeProof(left=tuple(message.left), right=tuple(message.right))


_M = TypeVar("_M", bound=Message)


def decode(kind: type[_M], raw: bytes) -> _M:
    """Reads a message of the ledger. Raises MalformedError 'response-malformed'."""
    try:
        return kind.FromString(raw)
    except DecodeError:
        raise MalformedError(
            f"the ledger's answer is no {kind.DESCRIPTOR.full_name}", code="response-malformed"
        ) from None
