"""The signing keys of a hosted log: those of its creation, and those that it announced since (docs/spec/checkpoint.md).

The ledger has no trust to give. It asks only whether its signer is this log's, and tells newcomers which keys sign now;
whoever trusts decides with a trust file of his own.
"""

from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

from custody.core.entry import decode_entry
from custody.core.errors import CustodyError, MalformedError
from custody.core.limits import MAX_BATCH_RECORDS
from custody.core.log_key import LogKeys
from custody.core.names import CHAIN_KEYS
from custody.core.note import VerifierKey, parse_note, verify_note
from custody.core.record import ReadRecord, read_record
from custody.server.store.protocol import LogStore, StoreDamaged


class KeyRecord(NamedTuple):
    """One record of the chain of keys and its leaf index."""

    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody needs here
    record: ReadRecord


async def key_records(store: LogStore, first_seq: int) -> AsyncIterator[KeyRecord]:
    """The chain `log/keys` from a number on, as far as it goes. Raises StoreDamaged, StoreUnavailable."""
    while indexes := await store.chain_indexes(CHAIN_KEYS, first_seq, MAX_BATCH_RECORDS):
        for placed in await store.entries_at(indexes):
            try:
                record = read_record(decode_entry(placed.entry).record)
            except MalformedError as error:
                raise StoreDamaged(f"entry {placed.index} cannot be read: {error}") from error
            yield KeyRecord(placed.index, record)
        first_seq += len(indexes)


async def read_log_keys(store: LogStore, origin: str, vkeys: Sequence[str]) -> LogKeys:
    """The keys that the log names as its own; `vkeys` are those of its creation. Errors as `key_records`."""
    keys = LogKeys(origin, [VerifierKey.parse(vkey) for vkey in vkeys])
    await read_on(store, keys)
    return keys


async def read_on(store: LogStore, keys: LogKeys) -> None:
    """Takes what the chain of keys has gained since. Errors as `key_records`; then nothing was taken."""
    first = keys.seen + 1
    records = [one async for one in key_records(store, first)]
    for index, record in records[keys.seen + 1 - first :]:  # others may have read on meanwhile
        keys.apply(record.kind.name, record.body, index)


async def signing_vkeys(store: LogStore, keys: LogKeys, note: bytes) -> tuple[str, ...]:
    """The log's own keys that signed a published checkpoint; those of its creation while nothing is published.

    Reads on in `keys`. Errors as `key_records`.
    """
    if not note:
        return tuple(key.encode() for key in keys.first)
    await read_on(store, keys)
    try:
        verified = verify_note(parse_note(note), keys.named)
    except CustodyError as error:
        raise StoreDamaged(f"the published checkpoint is not signed by a key of the log: {error}") from error
    return tuple(one.key.encode() for one in verified)
