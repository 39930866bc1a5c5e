"""Errors of the client library; all are `CustodyError` with a stable code.

Three answers to "what now?": `LedgerUnavailable` and a retryable `RefusedError` say *later*; a `RefusedError` that is
not retryable says *never as it stands*; every `VerificationError` (bad receipt, rollback, fork) says *stop and look*.
"""

from custody.core.errors import CustodyError, VerificationError


class RefusedError(CustodyError):
    """The ledger answered, and said no. `code` is the ledger's own (docs/spec/errors.md).

    `position` is the place in the batch of the record that caused it, -1 when none did; `status` the name of the gRPC
    status; `leader` the target that a standby names, or empty.
    """

    code = "refused"

    def __init__(
        self, message: str, *, code: str, status: str, retryable: bool, position: int = -1, leader: str = ""
    ) -> None:
        super().__init__(message, code=code)
        self.status = status
        self.retryable = retryable
        self.position = position
        self.leader = leader


class LedgerUnavailable(CustodyError):
    """No answer, or one too late: whether the ledger did what was asked is unknown. Appending again is safe."""

    code = "ledger-unavailable"


class LatchedError(CustodyError):
    """A rollback or fork was seen; nothing is appended until a person clears it."""

    code = "client-latched"


class KeysNotPinned(CustodyError):
    """Neither the caller nor the state says which keys sign this log; trust on first use is never silent."""

    code = "keys-not-pinned"


class ReadError(VerificationError):
    """Entries that were read are genuine perhaps, but not what was asked for."""

    code = "read-mismatch"


class ClientStorageError(CustodyError):
    """The client's own database failed; what it holds was read anew or the file was closed."""

    code = "client-storage"


class FileInUse(ClientStorageError):
    """Another process or object has this state or outbox open for writing."""

    code = "file-in-use"


class OutboxFull(CustodyError):
    """The outbox is at its bound; nothing of the call was put."""

    code = "outbox-full"


class OutboxConflict(CustodyError):
    """The outbox holds a record with the same id and other bytes."""

    code = "outbox-conflict"


class OutboxNotEmpty(CustodyError):
    """The outbox did not drain before the deadline."""

    code = "outbox-not-empty"
