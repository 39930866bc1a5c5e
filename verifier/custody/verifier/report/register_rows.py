"""The access register: who had access to footage, when, to what, for what, on what authority.

Decree 185 Art. 13(2) and 17, Order 799 Art. 16. Persons stand as their unit and the first digits of their commitments.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from custody.rules.state import Note
from custody.verifier.custody_audit.result import CustodyAudit
from custody.verifier.custody_audit.zone import Zone
from custody.verifier.report.names import ACCESSOR, ACT, DOCUMENT, KIND, PURPOSE, REFUSAL, SAME, Words, word
from custody.v1 import record_pb2 as pb

_SHORT: Final = 8
"""Hexadecimal digits of a commitment that are printed: enough to compare by eye, the log has the rest."""
_SHOWN_SPANS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the register."""

    index: int
    when: str
    lasted: str
    kind: Words
    act: Words
    streams: tuple[str, ...]
    footage: tuple[str, ...]
    more: int
    """Spans that are not printed."""
    purpose: Words
    accessor: Words
    people: tuple[str, ...]
    recorded_by: str
    documents: tuple[Words, ...]
    notes: tuple[Words, ...]


def register_rows(audit: CustodyAudit, zone: Zone) -> Iterator[Row]:
    """Every entry of the register in scope, in the order of the log."""
    streams = frozenset(audit.streams())
    for note in audit.state.notes:
        if note.kind in KIND and audit.scope.holds((note.at_us, note.at_us)):
            touched = tuple(chain.partition("/")[2] for chain in note.chains)
            if streams.intersection(touched) or set(audit.sites()).intersection(touched):
                yield _row(note, touched, zone)


def _row(note: Note, streams: tuple[str, ...], zone: Zone) -> Row:
    body: Any = note.body
    spans = [f"{zone.show(span.from_us)} – {zone.show(span.to_us)}" for span in getattr(body, "spans", ())]
    spans = list(dict.fromkeys(spans))
    people = [*getattr(body, "officers", ()), *((body.by,) if note.kind != "access" and hasattr(body, "by") else ())]
    return Row(
        index=note.index,
        when=zone.show(note.at_us),
        lasted=_minutes(getattr(body, "duration_us", 0)),
        kind=KIND[note.kind],
        act=word(ACT, getattr(body, "act", 0)) if note.kind in {"access", "access_request"} else SAME,
        streams=streams,
        footage=tuple(spans[:_SHOWN_SPANS]),
        more=max(0, len(spans) - _SHOWN_SPANS),
        purpose=word(PURPOSE, getattr(body, "purpose", 0)),
        accessor=word(ACCESSOR, getattr(body, "accessor", 0)),
        people=tuple(text for person in people if (text := _person(person))),
        recorded_by=_person(body.recorded_by) if note.kind == "access" else "",
        documents=tuple(_documents(body)),
        notes=tuple(_notes(note)),
    )


def _minutes(length_us: int) -> str:
    seconds = length_us // 1_000_000
    return f"{seconds // 60}:{seconds % 60:02} min" if seconds else ""


def _person(person: Any) -> str:
    parts = [person.unit] if person.unit else []
    for value in (person.name_commitment, person.work_id_commitment, person.document_commitment):
        if value:
            parts.append(f"#{value.hex()[:_SHORT]}")
    return " ".join(parts)


def _documents(body: Any) -> Iterator[Words]:
    found = list(getattr(body, "documents", ()))
    for name in ("authorisation", "approval"):
        if hasattr(body, name) and body.HasField(name):
            found.append(getattr(body, name))
    for document in found:
        kind = word(DOCUMENT, document.kind)
        rest = " ".join(
            part for part in (document.reference, document.issuer, _digest(document.document_sha256)) if part
        )
        yield Words(f"{kind.en} {rest}", f"{kind.zh} {rest}")


def _digest(value: bytes) -> str:
    return f"sha256:{value.hex()[:_SHORT]}" if value else ""


def _notes(note: Note) -> Iterator[Words]:
    body: Any = note.body
    if getattr(body, "case_number", ""):
        yield Words(f"case {body.case_number}", f"案号 {body.case_number}")
    if getattr(body, "request_id", ""):
        yield Words(f"request {body.request_id}", f"申请 {body.request_id}")
    if getattr(body, "recipient", ""):
        yield Words(f"given to {body.recipient}", f"接收方 {body.recipient}")
    if note.kind == "access":
        if body.copies_sha256:
            count = len(body.copies_sha256)
            yield Words(f"{count} files given out", f"交付文件 {count} 个")
        if body.consent:
            yield Words("consent was had", "已取得同意")
        if body.observed:
            yield Words("observed by a system", "由系统观察记录")
    elif note.kind == "access_refused":
        reason = word(REFUSAL, body.reason)
        yield Words(f"reason: {reason.en}", f"理由：{reason.zh}")
    elif note.kind == "publication":
        yield Words("protected", "已采取保护措施") if body.protected else Words("not protected", "未采取保护措施")
        if body.medium:
            yield Words(f"in {body.medium}", f"媒介 {body.medium}")
    elif note.kind == "disclosure_access":
        erased = body.act == pb.DISCLOSURE_ACT_ERASED
        yield Words("erased" if erased else "read or exported", "已删除" if erased else "已读取或导出")
        if body.basis:
            yield Words(f"basis: {body.basis}", f"依据：{body.basis}")
