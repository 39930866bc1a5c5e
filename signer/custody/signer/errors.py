"""What the signer refuses, each with its stable code.

`SignerRefusalError` is an answer to a request: the signer is well and says no. `SignerStateError` and `SignerKeyError` say that
the signer cannot work as it stands; at start they end the process, later they end the request.
"""

from collections.abc import Mapping

from custody.core.errors import CustodyError


class SignerError(CustodyError):
    """Root of the signer's errors."""

    code = "signer-error"


class SignerRefusalError(SignerError):
    """A request that must not be signed. `facts` are short values for the peer: numbers and hex, never secrets."""

    code = "signer-refused"

    def __init__(self, message: str, *, code: str, facts: Mapping[str, str] | None = None) -> None:
        super().__init__(message, code=code)
        self.facts = dict(facts or {})


class SignerStateError(SignerError):
    """The durable state is missing, damaged, in use, older than it must be, or could not be written."""

    code = "signer-state-damaged"


class SignerKeyError(SignerError):
    """A key is another one than it must be, failed to sign, or may not come or go now."""

    code = "signer-key-failed"


class SignerSocketError(SignerError):
    """The place where the signer is to listen is not one that it accepts."""

    code = "signer-socket-refused"
