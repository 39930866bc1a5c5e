"""What the slices tell: findings, coverage, clocks, health and accesses of the period, ready for the reports."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from custody.client import ProvenEntry
from custody.core.disclosure import decode_disclosure
from custody.core.record import ReadRecord
from custody.export.gather import Snapshot
from custody.export.request import ExportRequest
from custody.rules import CustodyState, Finding, Scope, Stretch, findings, load_library, timeline
from custody.v1 import record_pb2

MARGIN_US: Final = 3_600_000_000
"""How far the reports look beyond the period: footage around a gap explains it or does not."""
_HEALTH: Final = frozenset({"gap", "fault", "recorder_configuration"})
_ACCESS: Final = frozenset({
    "access", "access_request", "access_granted", "access_refused", "disposal", "hold_placed", "hold_released", "move",
    "redaction", "publication", "package_exported", "package_verified", "disclosure_access", "integrity_scan",
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One entry for a table: index, time, kind, who submitted it, and its fields in words."""

    index: int
    at_us: int
    sequenced_us: int
    kind: str
    submitter: str
    words: Sequence[tuple[str, str, Any]]
    """(field's name, its kind, value): `time`, `enum` or `text`; commitments that are not opened are cut to 16 digits."""
    body: Any
    people: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """Everything for the reports and forms."""

    findings: Sequence[Finding]
    timelines: Mapping[str, Sequence[Stretch]]
    health: Sequence[Told]
    clocks: Sequence[Told]
    custody: Sequence[Told]
    streams: Mapping[str, record_pb2.StreamDescription]
    sites: Mapping[str, record_pb2.SiteRegistered]


def tell(
    request: ExportRequest,
    snapshot: Snapshot,
    entries: Sequence[ProvenEntry],
    records: Sequence[ReadRecord],
    given: Mapping[bytes, bytes],
) -> Story:
    """Replays the entries through the rules as of the snapshot."""
    state = CustodyState(load_library())
    rows: list[tuple[ProvenEntry, ReadRecord]] = list(zip(entries, records, strict=True))
    for entry, record in rows:
        state.apply(entry.index, entry.entry, record)
    low, high = request.from_us - MARGIN_US, request.to_us + MARGIN_US
    scope = Scope(streams=frozenset(request.streams), from_us=max(0, low), to_us=high)
    around = [row for row in rows if row[1].period_us[0] < high and row[1].period_us[1] >= low]
    return Story(
        findings=findings(state, snapshot.at_us, None, scope),
        timelines={
            stream: [one for one in timeline(state, stream, snapshot.at_us) if one.from_us < high and one.to_us > low]
            for stream in request.streams
        },
        health=[_told(row, given) for row in around if row[1].kind.name in _HEALTH],
        clocks=[_told(row, given) for row in around if row[1].kind.name == "clock_check"],
        custody=[_told(row, given) for row in rows if row[1].kind.name in _ACCESS],
        streams={
            record.body.description.stream: record.body.description
            for _, record in rows
            if record.kind.name in {"stream_registered", "stream_changed"}
        },
        sites={record.body.site: record.body for _, record in rows if record.kind.name == "site_registered"},
    )


def _told(row: tuple[ProvenEntry, ReadRecord], given: Mapping[bytes, bytes]) -> Told:
    entry, record = row
    officers = getattr(record.body, "officers", ())
    return Told(
        index=entry.index,
        at_us=record.at_us,
        sequenced_us=entry.entry.sequenced_at_us,
        kind=record.kind.name,
        submitter=entry.entry.submitter,
        words=_words(record.body, given),
        body=record.body,
        people=tuple(_person(one, given) for one in officers),
    )


def _words(message: Any, given: Mapping[bytes, bytes]) -> list[tuple[str, str, Any]]:
    """Every field that is set; what a commitment hides only where its disclosure is given."""
    words: list[tuple[str, str, Any]] = []
    for field, value in message.ListFields():
        name = field.name.removesuffix("_commitment").removesuffix("_us")
        for one in value if field.is_repeated else (value,):
            if field.message_type is not None:
                words += _words(one, given)
            elif field.enum_type is not None:
                words.append((name, "enum", (field.enum_type.name, one)))
            elif isinstance(one, bytes):
                words.append((name, "text", _opened(one, given) or one.hex()[:16] + "…"))
            else:
                words.append((name, "time" if field.name.endswith("_us") else "text", one))
    return words


def _opened(commitment: bytes, given: Mapping[bytes, bytes]) -> str:
    raw = given.get(commitment)
    return decode_disclosure(raw).value if raw is not None else ""


def _person(person: record_pb2.Person, given: Mapping[bytes, bytes]) -> str:
    """Name, work id and unit as far as they are disclosed."""
    parts = (_opened(person.name_commitment, given), _opened(person.work_id_commitment, given), person.unit)
    return " / ".join(part or "□" for part in parts)
