"""The errors of Custody: one flat table.

Two families exist. *Misuse of us* is a `ValueError` or `TypeError` and never appears here. *The data or the peer is bad*
is a `CustodyError`: parsers and verifiers raise nothing else, whatever bytes they are given.

Every error carries a short stable `code` (kebab-case). The same code appears in gRPC details, JSON, reports and exit
messages, so a code is never renamed; the message is for people and may change.
"""


class CustodyError(Exception):
    """Root of every error that is caused by data or by a peer.

    `code` is the stable name of the failure; a raise may give a more specific one than its class.
    """

    code: str = "custody-error"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code


class MalformedError(CustodyError):
    """Bytes or text that are not the one accepted spelling of any value.

    `position` is the place, from 0, of the guilty one where many were read at once; None otherwise.
    """

    code = "malformed"
    position: int | None = None


class VerificationError(CustodyError):
    """Well-formed data that does not prove what it claims."""

    code = "verification-failed"


class InclusionError(VerificationError):
    """An inclusion or range proof does not lead to the root."""

    code = "inclusion-failed"


class ConsistencyError(VerificationError):
    """A consistency proof does not connect two tree heads."""

    code = "consistency-failed"


class SignatureError(VerificationError):
    """A signature is wrong, or none comes from a known key."""

    code = "signature-invalid"


class PolicyError(VerificationError):
    """A checkpoint does not satisfy the trust policy (log signature or witness quorum)."""

    code = "policy-unsatisfied"


class CheckpointConflictError(VerificationError):
    """Two checkpoints of one log contradict each other. Keeps the two signed checkpoints (exact bytes), because they are the evidence."""

    def __init__(self, message: str, *, held: bytes, offered: bytes, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.held = held
        self.offered = offered


class RollbackError(CheckpointConflictError):
    """A log offered a checkpoint that is smaller than one it signed before."""

    code = "rollback"


class ForkError(CheckpointConflictError):
    """A log signed two checkpoints that cannot both be true."""

    code = "fork"
