"""Custody state: what entries say, replayed in the order of the log.

Footage goes into columns (`custody.rules.footage`), everything else is kept as notes per stream and per site: custody
records are few, and the tables that checks need (holds, policies, requests) follow from them. Nothing is judged here;
`custody.rules.audit.findings` judges the state at a moment. Rules of this module: `apply` never fails on a record that
`read_record` accepts, whatever it claims; the state depends on the entries alone, never on when they are looked at.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from custody.core.entry import ReadEntry
from custody.core.hashing import leaf_hash
from custody.core.names import site_of
from custody.core.record import ReadRecord
from custody.rules.footage import IN_TIME_US, Footage, SegmentColumns, limits_of
from custody.rules.profile import Library


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Note:
    """One record that is no footage, with where and when it was sequenced."""

    index: int
    sequenced_us: int
    submitter: str
    record_id: bytes
    at_us: int
    kind: str
    body: Any
    raw: bytes
    chains: tuple[str, ...]
    leaf: bytes
    """Leaf hash of the entry, with which a correction must name it."""

    @property
    def binds_us(self) -> int:
        """From when it counts where it burdens: nobody puts a duty off by naming a moment after the ledger's stamp."""
        return min(self.at_us, self.sequenced_us)

    @property
    def frees_us(self) -> int:
        """From when it counts where it eases: nobody frees himself of anything for the time before he said so."""
        return max(self.at_us, self.sequenced_us)


def counted_us(note: Note, cause: Note | None = None) -> int:
    """From when a fact counts as done: its own moment, but no earlier than `IN_TIME_US` before it was told.

    What is owed for a `cause` may be told as late as the cause was, and that much later: who takes an old site into the
    log, or was cut off, tells of both at once.
    """
    owed_us = 0 if cause is None else max(cause.sequenced_us - cause.at_us, 0)
    return max(note.at_us, note.sequenced_us - IN_TIME_US - owed_us)


class Stream:
    """One camera: its footage and its notes in the order of the log. Mutable, owned by one state."""

    __slots__ = ("footage", "name", "notes", "site")

    def __init__(self, name: str, footage: Footage) -> None:
        self.name = name
        self.site = site_of(name)
        self.footage = footage
        self.notes: list[Note] = []


class Site:
    """One site: its notes in the order of the log. Mutable, owned by one state."""

    __slots__ = ("name", "notes", "streams")

    def __init__(self, name: str) -> None:
        self.name = name
        self.notes: list[Note] = []
        self.streams: list[str] = []
        """Names of its streams, in the order of their first entry."""


_FOOTAGE: Final[dict[str, Callable[[Footage, int, ReadEntry, ReadRecord, Any], None]]] = {
    "segment": Footage.segment,
    "gap": Footage.gap,
    "heartbeat": Footage.heartbeat,
    "clock_check": Footage.clock_check,
}
IN_COLUMNS: Final = frozenset(_FOOTAGE)
"""Kinds of record that are kept in columns and not as notes."""


class CustodyState:
    """State of every stream and site after a prefix (or a slice) of the log. `base` are profiles that bind everybody."""

    __slots__ = ("_limits", "base", "library", "notes", "sequenced_us", "sites", "size", "streams")

    def __init__(self, library: Library, *, base: Iterable[str] = ("default",)) -> None:
        self.library = library
        self.base = tuple(base)
        for name in self.base:
            if not library.known(name):
                raise ValueError(f"no profile is called {name}")
        self._limits = limits_of(library)
        self.size = 0
        """One more than the index of the last entry."""
        self.sequenced_us = 0
        self.streams: dict[str, Stream] = {}
        self.sites: dict[str, Site] = {}
        self.notes: list[Note] = []

    def apply(self, index: int, entry: ReadEntry, record: ReadRecord, leaf: bytes = b"") -> None:
        """Takes the next entry; `leaf` is its leaf hash, where its own bytes are not at hand.

        ValueError when `index` is not above those before it (entries may be left out).
        """
        if index < self.size:
            raise ValueError(f"entry {index} after entry {self.size - 1}")
        self.size = index + 1
        self.sequenced_us = entry.sequenced_at_us
        name = record.kind.name
        handler = _FOOTAGE.get(name)
        if handler is None:
            self.note(
                Note(
                    index=index,
                    sequenced_us=entry.sequenced_at_us,
                    submitter=entry.submitter,
                    record_id=record.record_id,
                    at_us=record.at_us,
                    kind=name,
                    body=record.body,
                    raw=record.raw,
                    chains=record.chains,
                    leaf=leaf or leaf_hash(entry.raw),
                )
            )
            return
        body = record.body
        subject: str = body.stream if name != "gap" else body.span.stream
        stream = self.streams.get(subject)
        if stream is None:
            stream = self.stream(subject)
        handler(stream.footage, index, entry, record, body)

    def take_segments(self, stream: str, columns: SegmentColumns) -> bool:
        """Takes ordinary segments of a known stream at once; False, and nothing is taken, when `apply` has to take each.

        Segments touch nothing but the footage of their stream, so whoever replays in parts may take them before other
        entries of the same part; `reach` then says how far the part went.
        """
        known = self.streams.get(stream)
        return known is not None and columns.indexes[0] >= self.size and known.footage.take_segments(columns)

    def reach(self, size: int, sequenced_us: int) -> None:
        """Says that all entries below `size` were taken. ValueError when more were."""
        if size < self.size:
            raise ValueError(f"size {size} after size {self.size}")
        self.size, self.sequenced_us = size, sequenced_us

    def note(self, note: Note) -> None:
        """Files a note under every stream and site that it is about."""
        self.notes.append(note)
        for chain in note.chains:
            family, _, subject = chain.partition("/")
            if family == "site":
                self.site(subject).notes.append(note)
            elif family != "log":
                self.stream(subject).notes.append(note)

    def stream(self, name: str) -> Stream:
        """The stream of that name; made when it is new."""
        stream = self.streams.get(name)
        if stream is None:
            stream = self.streams[name] = Stream(name, Footage(self._limits))
            self.site(stream.site).streams.append(name)
        return stream

    def site(self, name: str) -> Site:
        """The site of that name; made when it is new."""
        site = self.sites.get(name)
        if site is None:
            site = self.sites[name] = Site(name)
        return site

    def fork(self, sites: frozenset[str]) -> "CustodyState":
        """An independent copy of these sites and all of their streams, for looking ahead."""
        twin = CustodyState(self.library, base=self.base)
        twin.size, twin.sequenced_us = self.size, self.sequenced_us
        for name, stream in self.streams.items():
            if stream.site in sites:
                twin.stream(name).footage = stream.footage.copy()
        for note in self.notes:
            if any(site_of(chain.partition("/")[2]) in sites for chain in note.chains):
                twin.note(note)
        return twin
