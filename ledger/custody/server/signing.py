"""The ledger's view of the signer: another process that holds the key and trusts nobody."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from custody.core.errors import CustodyError


class SignerUnavailable(CustodyError):
    """The signer cannot be reached or did not answer; asking again is safe, for the same request has one answer."""

    code = "signer-unavailable"


class SignerRefused(CustodyError):
    """The signer will not sign this. A person must look: it is either damage or an attack."""

    code = "signer-refused"


class SignerMovedOn(SignerRefused):
    """The signer has signed something since this process last looked: it must load the log again before it goes on."""

    code = "signer-old-size"


class SignerState(NamedTuple):
    """What the signer signed last; size 0, the empty root and no note before the first."""

    vkeys: tuple[str, ...]
    size: int
    root: bytes
    note: bytes
    latched: bool


class Signer(Protocol):
    """Signs consistent growth. Durable before it answers; the same size and root again gives the same note."""

    async def state(self, origin: str) -> SignerState:
        """Raises SignerUnavailable or SignerRefused."""
        ...

    async def sign(
        self, origin: str, old_size: int, new_size: int, new_root: bytes, consistency: Sequence[bytes]
    ) -> bytes:
        """The signed checkpoint of (new_size, new_root). Raises SignerUnavailable or SignerRefused."""
        ...
