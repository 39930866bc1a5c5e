"""Watch: what somebody remembers of a log, and what each new checkpoint must be against it.

Every client, verifier and witness holds the last checkpoint that it saw. A new one must be signed by the log's key and
be consistent with it; a smaller one is a rollback, another root at the same size a fork, and both are kept as evidence
(RollbackError, ForkError carry the exact bytes). This state machine takes bytes and does no I/O; whoever drives it
fetches the consistency proof and persists `held` before acting on it.
"""

from collections.abc import Sequence

from custody.core.checkpoint import Checkpoint, open_checkpoint
from custody.core.errors import ConsistencyError, ForkError, RollbackError
from custody.core.hashing import EMPTY_ROOT
from custody.core.note import VerifierKey
from custody.core.policy import Policy
from custody.core.proof import verify_consistency


class Watch:
    """The last checkpoint of one log and the keys that may sign it; mutable, one owner."""

    __slots__ = ("held", "keys", "note", "origin", "policy")

    def __init__(
        self, origin: str, keys: Sequence[VerifierKey], note: bytes = b"", *, policy: Policy | None = None
    ) -> None:
        """`note` is the remembered signed checkpoint, or empty at the very first; `policy` whose quorum new ones must have.

        Raises MalformedError or SignatureError when the remembered one is not this log's.
        """
        self.origin = origin
        self.policy = policy
        self.keys = tuple(keys)
        self.note = note
        # What was remembered may be older than the log's second key; the next checkpoint has all signatures and covers it.
        self.held = (
            open_checkpoint(note, self.keys, origin=origin, any_type=True)
            if note
            else Checkpoint(origin=origin, size=0, root=EMPTY_ROOT)
        )

    def open(self, note: bytes) -> Checkpoint:
        """Reads a signed checkpoint of this log and checks its signature; does not compare it with the held one.

        Raises MalformedError, SignatureError also for another origin, PolicyError without the policy's quorum.
        """
        if note == self.note and note:
            held: Checkpoint | None = getattr(self, "held", None)
            if held is not None:
                return held
        checkpoint = open_checkpoint(note, self.keys, origin=self.origin)
        if self.policy is not None:
            self.policy.verify(note)
        return checkpoint

    def compare(self, note: bytes, checkpoint: Checkpoint) -> bool:
        """True when `checkpoint` is the held one, False when it is larger and a consistency proof is needed.

        Raises RollbackError when it is smaller, ForkError for another root at the same size. A checkpoint that is
        smaller because answers overtook each other is proven with `confirm`.
        """
        if checkpoint.size == self.held.size:
            if checkpoint.root != self.held.root:
                raise ForkError(
                    f"the log {self.origin} signed two roots for the size {checkpoint.size}",
                    held=self.note,
                    offered=note,
                )
            return True
        if checkpoint.size < self.held.size:
            raise RollbackError(
                f"the log {self.origin} showed size {checkpoint.size} after size {self.held.size}",
                held=self.note,
                offered=note,
            )
        return False

    def advance(self, note: bytes, proof: Sequence[bytes]) -> Checkpoint:
        """Takes a signed checkpoint that grew from the held one and makes it the held one.

        `proof` is the consistency proof from `held.size`. Raises what `open` and `compare` raise, and ForkError when
        the proof fails: then the log cannot show that it still holds what it signed.
        """
        checkpoint = self.open(note)
        if self.compare(note, checkpoint):
            return self.held
        try:
            verify_consistency(self.held.size, self.held.root, checkpoint.size, checkpoint.root, proof)
        except ConsistencyError as error:
            raise ForkError(
                f"the log {self.origin} cannot show that size {checkpoint.size} extends size {self.held.size}: {error}",
                held=self.note,
                offered=note,
            ) from error
        self.held, self.note = checkpoint, note
        return checkpoint

    def confirm(self, note: bytes, proof: Sequence[bytes]) -> Checkpoint:
        """Takes an older signed checkpoint and its consistency proof up to the held one; the held one stays.

        Raises what `open` raises, and ForkError when the proof fails.
        """
        checkpoint = self.open(note)
        if checkpoint.size > self.held.size:
            raise ValueError("this checkpoint is newer than the held one: use advance")
        try:
            verify_consistency(checkpoint.size, checkpoint.root, self.held.size, self.held.root, proof)
        except ConsistencyError as error:
            raise ForkError(
                f"the log {self.origin} cannot show that size {self.held.size} extends size {checkpoint.size}: {error}",
                held=self.note,
                offered=note,
            ) from error
        return checkpoint
