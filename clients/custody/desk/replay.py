"""The custody state of a site, replayed from the ledger's entries with their proofs, and kept for the next time.

What is read: the chain of the site, the custody chains of all its cameras, and the footage chains of the cameras that the
record is about (of all, where a record can change which rules bind them). Every entry is proven before it is applied.
That a chain does not end before the ledger's last heads snapshot is checked; what came after it is the ledger's word. A
preview is a courtesy to the person at the desk; the audit is the proof.

The kept state is a cache: crash while it is written and the old one stands; lose it and the chains are read again.
"""

import json
import os
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from custody.client.errors import ReadError, RefusedError
from custody.client.receipt import ProvenEntry
from custody.client.selection import by_chain
from custody.client.sync import SyncLedgerClient
from custody.core.chain import Head
from custody.core.errors import MalformedError
from custody.core.names import site_of
from custody.core.record import ReadRecord, read_record
from custody.rules import CustodyState, Library, restore, save

_MAGIC: Final = b"custody-desk-1\n"
_REBINDING: Final = frozenset({"site_registered"})
"""Kinds that decide which rules bind every camera of a site."""


class Replay:
    """The state of one site as far as it was read, and where each chain was left."""

    def __init__(self, state: CustodyState, heads: dict[str, Head], log: str) -> None:
        self.state = state
        self.heads = heads
        self.log = log

    @classmethod
    def load(cls, path: Path, library: Library, base: tuple[str, ...], log: str) -> "Replay":
        """The kept state, or a new one when there is none that can be used (another log, other profiles, damage)."""
        fresh = cls(CustodyState(library, base=base), {}, log)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return fresh
        try:
            return _decode(data, library, base, log)
        except (MalformedError, ValueError, KeyError, TypeError):
            return fresh  # safe: everything in it is read again from the ledger

    def keep(self, path: Path) -> None:
        """Writes the state for the next time; whole or not at all."""
        beside = path.with_name(path.name + ".new")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(_encode(self))
        beside.replace(path)


def replay(
    client: SyncLedgerClient,
    log: str,
    path: Path,
    library: Library,
    base: tuple[str, ...],
    record: ReadRecord,
    streams: Iterable[str],
) -> CustodyState:
    """The state of the sites that a record is about, up to now; `streams` are cameras that are known to the desk.

    Raises RefusedError, LedgerUnavailable, and VerificationErrors for entries that do not prove what they claim.
    """
    ends = _ends(client)
    if ends is None:
        return CustodyState(library, base=base)
    wanted = _wanted(record, set(streams), set(ends))
    known = Replay.load(path, library, base, log)
    wanted |= {chain for chain in known.heads if _site(chain) in {_site(one) for one in wanted}}
    if not _advance(client, known, wanted, ends):
        known = Replay(CustodyState(library, base=base), {}, log)
        if not _advance(client, known, wanted, ends):
            raise ReadError("the ledger's chains do not fit together")
    known.keep(path)
    return known.state


def _ends(client: SyncLedgerClient) -> dict[str, Head] | None:
    """Where the chains ended at the last heads snapshot; None for a log that has no entry yet."""
    try:
        return client.chain_heads().heads
    except RefusedError as error:
        # A log that was seen with entries and now claims to have none has rolled back: that is no empty log.
        if error.code == "log-empty" and not client.held.checkpoint.size:
            return None
        if error.code != "snapshot-unknown":
            raise
    return client.chain_heads(fresh=True).heads


def _wanted(record: ReadRecord, streams: set[str], chains: set[str]) -> set[str]:
    subjects = {chain.partition("/")[2] for chain in record.chains if not chain.startswith("log/")}
    sites = {site_of(subject) for subject in subjects}
    named = {subject for subject in subjects if "/" in subject}
    of_sites = {chain for chain in chains if _site(chain) in sites}
    cameras = {chain.partition("/")[2] for chain in of_sites if not chain.startswith("site/")}
    cameras |= {stream for stream in streams if site_of(stream) in sites} | named
    with_footage = cameras if record.kind.name in _REBINDING else named
    return (
        {f"site/{site}" for site in sites}
        | {f"custody/{camera}" for camera in cameras}
        | {f"footage/{camera}" for camera in with_footage}
    )


def _site(chain: str) -> str:
    family, _, subject = chain.partition("/")
    return "" if family == "log" else site_of(subject)


def _advance(client: SyncLedgerClient, known: Replay, wanted: set[str], ends: dict[str, Head]) -> bool:
    """Applies what is new; False when it does not continue what was kept (a camera's chain is read for the first time)."""
    found: dict[int, ProvenEntry] = {}
    heads: dict[str, Head] = {}
    for chain in sorted(wanted):
        head = known.heads.get(chain)
        seq, leaf = (head.seq, head.leaf) if head is not None else (0, b"")
        for entry in client.read(by_chain(chain, seq + 1)):
            (link,) = (one for one in entry.entry.links if one.chain == chain)
            if head is not None and link.seq == head.seq + 1 and link.prev != head.leaf:
                return False
            found[entry.index] = entry
            seq, leaf = link.seq, entry.leaf
        if chain in ends and ends[chain].seq > seq:
            raise ReadError(f"the ledger stopped before number {ends[chain].seq} of {chain}", code="read-incomplete")
        if seq:
            heads[chain] = Head(seq, leaf)
    if any(index < known.state.size for index in found):
        return False
    for index in sorted(found):
        known.state.apply(index, found[index].entry, read_record(found[index].entry.record))
    known.heads.update(heads)
    return True


def _encode(replay: Replay) -> bytes:
    heads = {chain: [head.seq, head.leaf.hex()] for chain, head in replay.heads.items()}
    head = json.dumps({"heads": heads, "log": replay.log}, sort_keys=True).encode("ascii")
    body = len(head).to_bytes(8, "big") + head + save(replay.state)
    return _MAGIC + sha256(body).digest() + body


def _decode(data: bytes, library: Library, base: tuple[str, ...], log: str) -> Replay:
    body = data[len(_MAGIC) + 32 :]
    if not data.startswith(_MAGIC) or sha256(body).digest() != data[len(_MAGIC) : len(_MAGIC) + 32]:
        raise ValueError("damaged")
    size = int.from_bytes(body[:8], "big")
    head: dict[str, Any] = json.loads(body[8 : 8 + size])
    state = restore(library, body[8 + size :])
    if head["log"] != log or state.base != base:
        raise ValueError("another log or other profiles")
    heads = {chain: Head(int(seq), bytes.fromhex(leaf)) for chain, (seq, leaf) in head["heads"].items()}
    return Replay(state, heads, log)
