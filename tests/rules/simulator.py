"""A small world with a movable clock: cameras record, people act, and every entry goes through the real forms.

    world = World(); world.open_site(); world.open_stream(); world.record(days=30); world.findings()

A month of one camera is a thousand segments of 44 minutes and takes a fraction of a second.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import Any

from custody.core.entry import Link, ReadEntry, decode_entry, encode_entry
from custody.core.hashing import leaf_hash
from custody.core.record import ReadRecord, encode_record, read_record
from custody.rules import CustodyState, Finding, Library, Observation, Preview, findings, load_library, preview
from custody.v1 import record_pb2 as pb

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
START = 1_767_196_800 * SECOND  # 2026-01-01T00:00:00+08:00
SEGMENT = 44 * MINUTE
LIBRARY = load_library()
SITE = "north"
STREAM = "north/gate"


def digest(text: str) -> bytes:
    return sha256(text.encode()).digest()


def person(name: str, unit: str = "Unit") -> pb.Person:
    return pb.Person(name_commitment=digest(name), work_id_commitment=digest(f"id of {name}"), unit=unit)


def document(kind: str, reference: str = "R-1") -> pb.Document:
    number = pb.DocumentKind.Value(f"DOCUMENT_KIND_{kind.upper()}")
    return pb.Document(kind=number, reference=reference, document_sha256=digest(reference), issuer="Issuer")


class World:
    """A log with one writer. `now` moves only forward, by the story."""

    def __init__(self, library: Library = LIBRARY, *, base: Iterable[str] = ("default",)) -> None:
        self.library = library
        self.state = CustodyState(library, base=base)
        self.entries: list[tuple[int, ReadEntry, ReadRecord]] = []
        self.now = START
        self.heads: dict[str, tuple[int, bytes]] = {}
        self.numbers: dict[str, int] = {}
        self.ends: dict[str, int] = {}
        self.watched_us: int | None = None
        """Until when the site is watched; None: nobody tells of it."""

    def tell(
        self,
        at_us: int | None = None,
        *,
        clock: pb.ClockQuality | None = None,
        by: str = "urn:custody:test:world",
        **kind: Any,
    ) -> int:
        """Appends one record of the given kind, told by `by`; returns its leaf index."""
        self.watch(self.now)
        return self._append(self.now, at_us, clock=clock, by=by, **kind)

    def _append(
        self,
        now_us: int,
        at_us: int | None,
        *,
        clock: pb.ClockQuality | None = None,
        by: str = "urn:custody:test:world",
        **kind: Any,
    ) -> int:
        index = len(self.entries)
        raw = self.raw(at_us, clock=clock, **kind)
        record = read_record(raw)
        links = []
        for chain in record.chains:
            seq, prev = self.heads.get(chain, (0, b""))
            links.append(Link(chain, seq + 1, prev))
        stamped = encode_entry(raw, None, by, now_us, links)
        for link in links:
            self.heads[link.chain] = (link.seq, leaf_hash(stamped))
        entry = decode_entry(stamped)
        self.entries.append((index, entry, record))
        self.state.apply(index, entry, record)
        return index

    def raw(self, at_us: int | None = None, *, clock: pb.ClockQuality | None = None, **kind: Any) -> bytes:
        """The bytes of a record that is not appended."""
        number = len(self.entries)
        record_id = number.to_bytes(6, "big") + b"\x70\x00\x80" + number.to_bytes(7, "big")
        at_us = self.now if at_us is None else at_us
        return encode_record(pb.Record(record_id=record_id, at_us=at_us, clock=clock, **kind))

    def correct(self, index: int, replacement: int | None = None, *, by: str = "urn:custody:test:world") -> int:
        """Corrects an earlier entry as it should be done."""
        other = self.entries[replacement][2].record_id if replacement is not None else b""
        return self.tell(by=by, correction=self.correction(index, replacement_id=other))

    def correction(self, index: int, **more: Any) -> pb.Correction:
        """What names an earlier entry; `more` changes it."""
        fields: dict[str, Any] = {"index": index, "leaf_sha256": leaf_hash(self.entries[index][1].raw)}
        fields |= {} if "site" in more else {"streams": [STREAM]}
        return pb.Correction(**(fields | more))

    def wait(self, length_us: int) -> World:
        self.now += length_us
        return self

    # ---- set-up ----

    def open_site(self, *profiles: str, **more: Any) -> int:
        fields: dict[str, Any] = {
            "site": SITE,
            "operator": "North Hall Ltd",
            "operator_kind": pb.OPERATOR_KIND_UNIT,
            "supervising_authority": "District bureau",
            "site_class": pb.SITE_CLASS_COMMERCE_FINANCE,
            "profiles": profiles,
        }
        return self.tell(site_registered=pb.SiteRegistered(**(fields | more)))

    def describe(self, stream: str = STREAM, **more: Any) -> pb.StreamDescription:
        fields: dict[str, Any] = {
            "stream": stream,
            "title": "Gate",
            "position": "A-1",
            "angle": "east",
            "purpose": "security",
            "public_area": True,
            "sign_posted": True,
            "classification": "2",
        }
        return pb.StreamDescription(**(fields | more))

    def open_stream(self, stream: str = STREAM, **more: Any) -> int:
        return self.tell(
            stream_registered=pb.StreamRegistered(description=self.describe(stream, **more), in_use_from_us=self.now)
        )

    def lawful(self, *profiles: str, days: float = 2, **site: Any) -> World:
        """A site that does everything right: registered, filed, watched, recording."""
        self.open_site(*profiles, **site)
        self.open_stream()
        self.file()
        return self.guard(self.now).record(days=days, length=12 * HOUR)

    def file(self, act: str = "filed", **more: Any) -> int:
        fields: dict[str, Any] = {"first_use_us": self.now, "accepted_us": self.now, "streams": [STREAM]}
        return self.tell(
            filing=pb.Filing(site=SITE, act=pb.FilingAct.Value(f"FILING_ACT_{act.upper()}"), **(fields | more))
        )

    # ---- footage ----

    def segment(self, stream: str = STREAM, *, length: int = SEGMENT, begin: int | None = None, number: int = 0) -> int:
        """One segment that ends now; `number` 0 takes the next."""
        number = number or self.numbers.get(stream, 0) + 1
        self.numbers[stream] = max(number, self.numbers.get(stream, 0))
        begin = self.now - length if begin is None else begin
        self.ends[stream] = begin + length
        return self.tell(
            begin,
            segment=pb.Segment(
                stream=stream, number=number, duration_us=length, size_bytes=1, file_sha256=digest(f"{stream}{number}")
            ),
        )

    def record(self, *, days: float = 0, hours: float = 0, stream: str = STREAM, length: int = SEGMENT) -> World:
        """Records without a break until the time is over; the clock moves along."""
        end = self.now + int(days * DAY + hours * HOUR)
        while self.now < end:
            step = min(length, end - self.now)
            self.now += step
            self.segment(stream, length=step)
        return self

    def gap(
        self, begin: int, end: int, reason: str = "camera_offline", *, still: bool = False, stream: str = STREAM
    ) -> int:
        number = pb.GapReason.Value(f"GAP_REASON_{reason.upper()}")
        return self.tell(gap=pb.Gap(span=pb.Span(stream=stream, from_us=begin, to_us=end), reason=number, open=still))

    def beat(self, *, interval: int = MINUTE, last: int = 0, stream: str = STREAM) -> int:
        return self.tell(heartbeat=pb.Heartbeat(stream=stream, interval_us=interval, last_segment=last))

    def fault(self, state: str, kind: str = "camera") -> int:
        state_number = pb.FaultState.Value(f"FAULT_STATE_{state.upper()}")
        return self.tell(
            fault=pb.Fault(stream=STREAM, kind=pb.FaultKind.Value(f"FAULT_KIND_{kind.upper()}"), state=state_number)
        )

    def configure(self, **more: Any) -> int:
        return self.tell(recorder_configuration=pb.RecorderConfiguration(streams=[STREAM], **more))

    def change(self, *aspects: str, approved: bool = True, **more: Any) -> int:
        numbers = [pb.StreamAspect.Value(f"STREAM_ASPECT_{aspect.upper()}") for aspect in aspects]
        approval = document("approval") if approved else None
        return self.tell(
            stream_changed=pb.StreamChanged(description=self.describe(**more), aspects=numbers, approval=approval)
        )

    def retire(self, *, approved: bool = True) -> int:
        approval = document("approval") if approved else None
        return self.tell(stream_retired=pb.StreamRetired(stream=STREAM, reason_code="removed", approval=approval))

    def dispose(
        self, first: int, last: int, *, kind: str = "planned", how: str = "announced", stream: str = STREAM, **more: Any
    ) -> int:
        return self.tell(
            disposal=pb.Disposal(
                ranges=[pb.SegmentRange(stream=stream, first=first, last=last)],
                kind=pb.DisposalKind.Value(f"DISPOSAL_KIND_{kind.upper()}"),
                knowledge=pb.DisposalKnowledge.Value(f"DISPOSAL_KNOWLEDGE_{how.upper()}"),
                **more,
            )
        )

    def policy(
        self, minimum_days: int, maximum_days: int = 0, *, since: int | None = None, stream: str = STREAM
    ) -> int:
        return self.tell(
            retention_policy=pb.RetentionPolicy(
                streams=[stream],
                minimum_us=minimum_days * DAY,
                maximum_us=maximum_days * DAY,
                effective_from_us=self.now if since is None else since,
                basis="house",
            )
        )

    def span(self, stream: str = STREAM, begin: int = START, end: int | None = None) -> pb.Span:
        return pb.Span(stream=stream, from_us=begin, to_us=self.now if end is None else end)

    def hold(self, hold_id: str = "h1", *, begin: int = START, end: int | None = None, **more: Any) -> int:
        fields: dict[str, Any] = {"case_number": "C-1", "authority": "Court"}
        return self.tell(
            hold_placed=pb.HoldPlaced(hold_id=hold_id, spans=[self.span(begin=begin, end=end)], **(fields | more))
        )

    def release(self, hold_id: str = "h1", **more: Any) -> int:
        fields: dict[str, Any] = {"streams": [STREAM], "authority": "Court"}
        return self.tell(hold_released=pb.HoldReleased(hold_id=hold_id, **(fields | more)))

    # ---- people ----

    def access(self, **more: Any) -> int:
        return self.tell(access=self.access_body(**more))

    def access_body(self, **more: Any) -> pb.Access:
        """A lawful access of a government department; `more` changes it."""
        fields: dict[str, Any] = {
            "act": pb.ACCESS_ACT_CONSULT,
            "spans": [self.span()],
            "purpose": pb.ACCESS_PURPOSE_ADMINISTRATIVE_CASE,
            "accessor": pb.ACCESSOR_KIND_GOVERNMENT_DEPARTMENT,
            "officers": [person("one"), person("two")],
            "recorded_by": person("clerk"),
            "documents": [document("certifying"), document("register_form"), document("approval")],
            "duration_us": HOUR,
        }
        return pb.Access(**(fields | more))

    def request(self, request_id: str = "r1", **more: Any) -> int:
        fields: dict[str, Any] = {
            "spans": [self.span()],
            "purpose": pb.ACCESS_PURPOSE_CRIMINAL_CASE,
            "accessor": pb.ACCESSOR_KIND_PUBLIC_SECURITY,
            "documents": [document("certifying")],
            "officers": [person("one"), person("two")],
            "case_number": "C-7",
        }
        return self.tell(access_request=pb.AccessRequest(request_id=request_id, **(fields | more)))

    def grant(self, request_id: str = "r1", **more: Any) -> int:
        return self.tell(access_granted=pb.AccessGranted(request_id=request_id, streams=[STREAM], **more))

    def refuse(self, request_id: str = "r1", reason: str = "other") -> int:
        number = pb.RefusalReason.Value(f"REFUSAL_REASON_{reason.upper()}")
        return self.tell(access_refused=pb.AccessRefused(request_id=request_id, streams=[STREAM], reason=number))

    def staff(self, name: str, *, on: bool = True) -> int:
        return self.tell(
            staff_change=pb.StaffChange(site=SITE, person=person(name), duty=pb.STAFF_DUTY_MONITORING, on_duty=on)
        )

    def train(self, name: str, *, until: int = 0) -> int:
        return self.tell(training=pb.Training(site=SITE, people=[person(name)], subject="work", valid_until_us=until))

    def order(self, due: int, order_id: str = "o1") -> int:
        return self.tell(rectification_order=pb.RectificationOrder(site=SITE, order_id=order_id, due_us=due))

    def done(self, order_id: str = "o1") -> int:
        return self.tell(rectification_done=pb.RectificationDone(site=SITE, order_id=order_id, accepted=True))

    def check(self) -> int:
        return self.tell(maintenance_check=pb.MaintenanceCheck(site=SITE, streams=[STREAM]))

    def delegate(self, *, contract: bool = True, until: int = 0, ended: bool = False) -> int:
        bound = document("contract") if contract else None
        return self.tell(
            delegation=pb.Delegation(site=SITE, delegate="Fixers", contract=bound, valid_until_us=until, ended=ended)
        )

    def incident(self, *, seen: int, reported: int = 0) -> int:
        return self.tell(
            incident_report=pb.IncidentReport(site=SITE, incident_id="i1", seen_us=seen, reported_us=reported)
        )

    # ---- judging ----

    def guard(self, since_us: int) -> World:
        """From then on somebody watches; each shift is told when it begins."""
        self.watched_us = since_us
        return self

    def watch(self, until_us: int) -> World:
        """Tells of the shifts of a lawful site up to a moment, a day each; of those to come now."""
        while self.watched_us is not None and self.watched_us < until_us:
            shift = pb.WatchShift(site=SITE, people=[person("guard")], duration_us=DAY)
            told_us = min(self.watched_us, self.now)
            if self.entries:
                told_us = max(told_us, self.entries[-1][1].sequenced_at_us)
            self._append(told_us, self.watched_us, watch_shift=shift)
            self.watched_us += DAY
        return self

    def findings(self, observation: Observation | None = None, *, at: int | None = None) -> tuple[Finding, ...]:
        self.watch(self.now if at is None else at)
        return findings(self.state, self.now if at is None else at, observation)

    def codes(self, observation: Observation | None = None, *, at: int | None = None) -> list[str]:
        """Codes of all findings in their order."""
        return [finding.code for finding in self.findings(observation, at=at)]

    def one(self, code: str, observation: Observation | None = None) -> Finding:
        """The only finding of that code."""
        found = [finding for finding in self.findings(observation) if finding.code == code]
        assert len(found) == 1, [finding.en for finding in found]
        return found[0]

    def preview(self, **kind: Any) -> Preview:
        return preview(self.state, read_record(self.raw(**kind)), self.now)
