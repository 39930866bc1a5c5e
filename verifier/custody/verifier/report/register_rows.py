"""The access register: who had access to footage, when, to what, for what, on what authority.

Decree 185 Art. 13(2) and 17, Order 799 Art. 16. Persons stand as their unit and the first digits of their commitments.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from custody.rules.case import span
from custody.rules.state import Note
from custody.v1 import record_pb2 as pb
from custody.verifier.custody_audit.result import CustodyAudit
from custody.verifier.custody_audit.zone import Zone
from custody.verifier.report.names import ACCESSOR, ACT, DOCUMENT, KIND, PURPOSE, REFUSAL, SAME, Words, word

_SHORT: Final = 8
"""Hexadecimal digits of a commitment that are printed: enough to compare by eye, the log has the rest."""
_SHOWN_SPANS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the register."""

    index: int
    when: str
    lasted: Words | None
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
        lasted=Words(*span(body.duration_us)) if getattr(body, "duration_us", 0) else None,
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


def _person(person: Any) -> str:
    commitments = (person.name_commitment, person.work_id_commitment, person.document_commitment)
    return " ".join([*filter(None, (person.unit,)), *(f"#{value.hex()[:_SHORT]}" for value in commitments if value)])


def _documents(body: Any) -> Iterator[Words]:
    single = [name for name in ("authorisation", "approval") if hasattr(body, name) and body.HasField(name)]
    for document in [*getattr(body, "documents", ()), *(getattr(body, name) for name in single)]:
        kind = word(DOCUMENT, document.kind)
        rest = " ".join(filter(None, (document.reference, document.issuer, _digest(document.document_sha256))))
        yield Words(f"{kind.en} {rest}", f"{kind.zh} {rest}")


def _digest(value: bytes) -> str:
    return f"sha256:{value.hex()[:_SHORT]}" if value else ""


def _notes(note: Note) -> Iterator[Words]:
    for name, en, zh in (
        ("case_number", "case", "案号"),
        ("request_id", "request", "申请"),
        ("recipient", "given to", "接收方"),
    ):
        value = getattr(note.body, name, "")
        if value:
            yield Words(f"{en} {value}", f"{zh} {value}")
    tell = _MORE.get(note.kind)
    if tell is not None:
        yield from tell(note.body)


def _of_access(body: Any) -> Iterator[Words]:
    if body.copies_sha256:
        count = len(body.copies_sha256)
        yield Words(f"files given out: {count}", f"交付文件 {count} 个")
    if body.consent:
        yield Words("consent was had", "已取得同意")
    if body.observed:
        yield Words("observed by a system", "由系统观察记录")


def _of_refusal(body: Any) -> Iterator[Words]:
    reason = word(REFUSAL, body.reason)
    yield Words(f"reason: {reason.en}", f"理由：{reason.zh}")


def _of_publication(body: Any) -> Iterator[Words]:
    yield Words("protected", "已采取保护措施") if body.protected else Words("not protected", "未采取保护措施")
    if body.medium:
        yield Words(f"in {body.medium}", f"媒介 {body.medium}")


def _of_disclosure(body: Any) -> Iterator[Words]:
    erased = body.act == pb.DISCLOSURE_ACT_ERASED
    yield Words("erased", "已删除") if erased else Words("read or exported", "已读取或导出")
    if body.basis:
        yield Words(f"basis: {body.basis}", f"依据：{body.basis}")


_MORE: Final[Mapping[str, Callable[[Any], Iterator[Words]]]] = {
    "access": _of_access,
    "access_refused": _of_refusal,
    "publication": _of_publication,
    "disclosure_access": _of_disclosure,
}
