"""Appending registrations to a log, as the administrator whose certificate is given."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from custody.client import LedgerClient
from custody.client.credentials import Credentials, TlsFiles
from custody.client.selection import by_chain
from custody.core.errors import CustodyError
from custody.core.names import CHAIN_KEYS
from custody.core.policy import Policy
from custody.core.record import read_record


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """Which log at which ledger, and who tells it."""

    target: str
    log: str
    trust: Policy
    tls: TlsFiles | None
    """None on a Unix socket."""
    state: Path | None = None

    async def append(self, records: Sequence[bytes], revoked: str = "") -> Sequence[int]:
        """Appends records in one batch and verifies the receipt; their leaf indexes. Errors as `LedgerClient`.

        `revoked`: the key id that the records revoke. Raises KeyUnknownError when the log never registered it: a slip of
        the pen would revoke nothing, and look as if it had.
        """
        async with await LedgerClient.connect(
            self.target,
            log=self.log,
            policy=self.trust,
            state=self.state,
            submitter="" if self.tls is not None else "administrator",
            **Credentials(tls=self.tls).settings(),
        ) as client:
            if revoked:
                await _check_registered(client, revoked)
            receipt = await client.append(list(records))
        return receipt.indexes


class KeyUnknownError(CustodyError):
    """The log has never registered a key of this id."""

    code = "key-unknown"


async def _check_registered(client: LedgerClient, key_id: str) -> None:
    known = set()
    async for proven in client.read(by_chain(CHAIN_KEYS)):
        read = read_record(proven.entry.record)
        if read.kind.name == "key_registered":
            known.add(read.body.key_id)
    if key_id not in known:
        near = get_close_matches(key_id, known, 3)
        hint = f"; it has {', '.join(near)}" if near else ""
        raise KeyUnknownError(f"the log has registered no key {key_id}{hint}")
