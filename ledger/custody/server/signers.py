"""The signers of all hosted logs: each holds the keys of one log, and the ledger finds out which."""

from collections.abc import Sequence
from typing import Final

from custody.server.signing import Signer, SignerRefused, SignerState, SignerUnavailable

_OTHER_LOG: Final = "signer-origin-unknown"


class Signers:
    """Implements Signer for any number of logs; used on one event loop."""

    def __init__(self, signers: Sequence[Signer]) -> None:
        self._signers = signers
        self._of: dict[str, Signer] = {}

    async def state(self, origin: str) -> SignerState:
        """See Signer.state. Raises SignerRefused ('signer-origin-unknown') when all have answered and none knows the log."""
        known = self._of.get(origin)
        if known is not None:
            return await known.state(origin)
        silent = None
        refused = SignerRefused(f"no signer holds keys of the log {origin}", code=_OTHER_LOG)
        for signer in self._signers:
            try:
                state = await signer.state(origin)
            except SignerUnavailable as error:
                silent = error  # perhaps the one that is asked for
            except SignerRefused as error:
                if error.code != _OTHER_LOG:
                    raise
                refused = error
            else:
                self._of[origin] = signer
                return state
        raise silent or refused

    async def sign(
        self, origin: str, old_size: int, new_size: int, new_root: bytes, consistency: Sequence[bytes]
    ) -> bytes:
        """See Signer.sign; `state` has been asked before."""
        return await self._of[origin].sign(origin, old_size, new_size, new_root, consistency)
