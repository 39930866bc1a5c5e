r"""The state as bytes and back: one spelling, bound to the law that it was made under.

    "custody-state-4\n" | length of head (8 bytes) | head (JSON, sorted) | notes | tables, each as the head says

Columns are stored as they are; notes are stored as the records that they came from and read back strictly, so a saved
state can hold nothing that a log could not. Replaying a log in one go or in parts with a save between gives the same
bytes. The saver keeps them where nobody else writes: they are a cache of the log and not evidence.
"""

import json
from typing import Any, Final

from custody.core.errors import MalformedError
from custody.core.hashing import HASH_BYTES
from custody.core.names import check_identity, check_stream
from custody.core.record import ReadRecord, read_records
from custody.rules.footage import Footage
from custody.rules.profile import Library
from custody.rules.state import IN_COLUMNS, CustodyState, Note

_MAGIC: Final = b"custody-state-4\n"


def save(state: CustodyState) -> bytes:
    """The inverse of `restore`."""
    raw = _head(state)
    notes = [note.raw for note in state.notes]
    dumps = [table.dump() for stream in state.streams.values() for _, table in stream.footage.tables()]
    return b"".join([_MAGIC, len(raw).to_bytes(8, "big"), raw, *notes, *dumps])


def _head(state: CustodyState) -> bytes:
    tables = [(name, [len(table) for _, table in stream.footage.tables()]) for name, stream in state.streams.items()]
    head = {
        "base": list(state.base),
        "law": state.library.digest.hex(),
        "notes": [
            [note.index, note.sequenced_us, note.submitter, len(note.raw), note.leaf.hex()] for note in state.notes
        ],
        "sequenced_us": state.sequenced_us,
        "sites": list(state.sites),
        "size": state.size,
        "streams": tables,
    }
    return json.dumps(head, sort_keys=True, separators=(",", ":")).encode("ascii")


def restore(library: Library, data: bytes | memoryview) -> CustodyState:
    """Reads a saved state; raises MalformedError: 'state-malformed', or 'state-law' when it was made under other profiles."""
    try:
        return _restore(library, memoryview(data))
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise MalformedError("not a saved custody state", code="state-malformed") from error


def _restore(library: Library, data: memoryview) -> CustodyState:
    begin = len(_MAGIC) + 8
    length = int.from_bytes(data[len(_MAGIC) : begin], "big")
    if bytes(data[: len(_MAGIC)]) != _MAGIC or len(data) < begin + length:
        raise ValueError("magic or length")
    told = bytes(data[begin : begin + length])
    head: dict[str, Any] = json.loads(told)
    if head["law"] != library.digest.hex():
        raise MalformedError("the state was saved under other rule profiles; replay the log", code="state-law")
    state = CustodyState(library, base=head["base"])
    for name in head["sites"]:
        state.site(name)
    for name, _ in head["streams"]:
        state.stream(check_stream(name))
    here = begin + length
    raws = []
    for _, _, _, size, _ in head["notes"]:
        raws.append(bytes(data[here : here + size]))
        here += size
    for (index, sequenced_us, submitter, _, leaf), record in zip(head["notes"], read_records(raws), strict=True):
        _restore_note(state, index, sequenced_us, check_identity(submitter), bytes.fromhex(leaf), record)
    for name, sizes in head["streams"]:
        here = _restore_tables(state.streams[name].footage, sizes, data, here)
    state.size, state.sequenced_us = int(head["size"]), int(head["sequenced_us"])
    # Notes and tables are their bytes; so one spelling of the head, and nothing behind, is one spelling of the whole.
    if here != len(data) or _head(state) != told:
        raise ValueError("another spelling")
    return state


def _restore_note(
    state: CustodyState, index: int, sequenced_us: int, submitter: str, leaf: bytes, record: ReadRecord
) -> None:
    if len(leaf) != HASH_BYTES:
        raise ValueError("no leaf hash")
    if record.kind.name in IN_COLUMNS:
        raise ValueError("a footage record among the notes")
    state.note(
        Note(
            index=index,
            sequenced_us=sequenced_us,
            submitter=submitter,
            record_id=record.record_id,
            at_us=record.at_us,
            kind=record.kind.name,
            body=record.body,
            raw=record.raw,
            chains=record.chains,
            leaf=leaf,
        )
    )


def _restore_tables(footage: Footage, sizes: list[int], data: memoryview, here: int) -> int:
    for (_, table), rows in zip(footage.tables(), sizes, strict=True):
        size = rows * 8 * len(table.names)
        table.load(data[here : here + size], rows)
        here += size
    footage.resume()
    return here
