"""Appending registrations to a log, as the administrator whose certificate is given."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from custody.client import LedgerClient
from custody.client.credentials import Credentials, TlsFiles
from custody.core.policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """Which log at which ledger, and who tells it."""

    target: str
    log: str
    trust: Policy
    tls: TlsFiles | None
    """None on a Unix socket."""
    state: Path | None = None

    async def append(self, records: Sequence[bytes]) -> Sequence[int]:
        """Appends records in one batch and verifies the receipt; their leaf indexes. Errors as `LedgerClient`."""
        async with await LedgerClient.connect(
            self.target,
            log=self.log,
            policy=self.trust,
            state=self.state,
            submitter="" if self.tls is not None else "administrator",
            **Credentials(tls=self.tls).settings(),
        ) as client:
            receipt = await client.append(list(records))
        return receipt.indexes
