"""Any sequence of valid records replays; a replay that was cut and taken up again finds the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from record_strategies import records
from tests.rules.simulator import DAY, HOUR, LIBRARY, MINUTE, SITE, START, STREAM, World, person

from custody.core.entry import ReadEntry
from custody.core.record import encode_record, read_record
from custody.rules import (
    CustodyState,
    Observation,
    Scope,
    Status,
    findings,
    preview,
    restore,
    save,
    segment_verdicts,
    timeline,
)
from custody.rules.observation import Seen
from custody.v1 import record_pb2 as pb

_PROFILES = st.lists(st.sampled_from(["bj185", "cn799", "cn799:9", "cn799:33", "ctl32", "mars"]), unique=True)
_SMALL = st.integers(1, 9)
_SIGNED = st.integers(-3, 3)
_Act = Callable[[World, Any], Any]

ACTS: list[_Act] = [
    lambda w, d: w.open_site(*d(_PROFILES)),
    lambda w, d: w.open_stream(profiles=d(_PROFILES)),
    lambda w, d: w.change("position", approved=d(st.booleans())),
    lambda w, _: w.retire(),
    lambda w, d: w.segment(number=d(_SMALL), begin=w.now + d(_SIGNED) * HOUR - HOUR, length=d(_SMALL) * 30 * MINUTE),
    lambda w, d: w.record(hours=d(_SMALL), length=HOUR),
    lambda w, d: w.gap(
        w.now + d(_SIGNED) * HOUR, w.now + 4 * HOUR, d(st.sampled_from(["power", "unknown"])), still=d(st.booleans())
    ),
    lambda w, d: w.beat(interval=d(_SMALL) * 10 * MINUTE, last=d(_SMALL)),
    lambda w, d: w.fault(d(st.sampled_from(["began", "reported", "repaired"]))),
    lambda w, d: w.tell(
        clock_check=pb.ClockCheck(stream=STREAM, device_us=w.now, reference_us=w.now + d(_SIGNED) * MINUTE)
    ),
    lambda w, d: w.configure(retention_us=d(_SMALL) * DAY, motion_only=d(st.booleans())),
    lambda w, d: w.policy(d(_SMALL), d(_SMALL) - 1, since=w.now + d(_SIGNED) * DAY),
    lambda w, d: w.hold(
        f"h{d(_SMALL)}", begin=w.now + d(_SIGNED) * HOUR, end=w.now + 4 * HOUR, expires_us=w.now + d(_SMALL) * HOUR
    ),
    lambda w, d: w.release(f"h{d(_SMALL)}"),
    lambda w, d: w.dispose(
        d(_SMALL),
        d(_SMALL) + 9,
        kind=d(st.sampled_from(["planned", "ordered", "lost"])),
        how=d(st.sampled_from(["announced", "observed"])),
        deleted_us=w.now + d(_SIGNED) * DAY,
    ),
    lambda w, d: w.request(f"r{d(_SMALL)}"),
    lambda w, d: w.grant(f"r{d(_SMALL)}", valid_until_us=w.now + HOUR),
    lambda w, d: w.refuse(f"r{d(_SMALL)}"),
    lambda w, d: w.access(
        request_id=f"r{d(_SMALL)}", act=d(st.integers(1, 6)), documents=[], accessor=d(st.integers(1, 9))
    ),
    lambda w, d: w.file(
        d(st.sampled_from(["filed", "accepted", "changed", "withdrawn"])), retention_us=d(_SMALL) * DAY
    ),
    lambda w, d: w.staff(f"p{d(_SMALL)}", on=d(st.booleans())),
    lambda w, d: w.train(f"p{d(_SMALL)}", until=w.now + d(_SIGNED) * DAY),
    lambda w, d: w.order(w.now + d(_SIGNED) * DAY, f"o{d(_SMALL)}"),
    lambda w, d: w.done(f"o{d(_SMALL)}"),
    lambda w, _: w.check(),
    lambda w, d: w.delegate(until=w.now + d(_SMALL) * DAY, ended=d(st.booleans())),
    lambda w, d: w.incident(seen=w.now, reported=w.now + d(_SMALL) * 6 * HOUR),
    lambda w, d: w.tell(watch_shift=pb.WatchShift(site=SITE, people=[person("g")], duration_us=d(_SMALL) * HOUR)),
    lambda w, d: w.wait(d(_SMALL) * HOUR),
    lambda w, d: w.tell(correction=pb.Correction(index=d(_SMALL), leaf_sha256=b"l" * 32, streams=[STREAM])),
    lambda w, d: w.correct(min(d(_SMALL), len(w.entries) - 1)) if w.entries else None,
]


def _look(state: CustodyState, at_us: int, seen: Observation) -> object:
    names = sorted(state.streams)
    return (
        findings(state, at_us, seen),
        [segment_verdicts(state, name, at_us, seen) for name in names],
        [timeline(state, name, at_us) for name in names],
    )


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_stories_of_any_order(data: st.DataObject) -> None:
    world = World()
    for act in data.draw(st.lists(st.sampled_from(ACTS), max_size=25)):
        act(world, data.draw)
    cut = data.draw(st.integers(0, len(world.entries)))
    resumed = CustodyState(LIBRARY)
    for row in world.entries[:cut]:
        resumed.apply(*row)
    resumed = restore(LIBRARY, save(resumed))
    for row in world.entries[cut:]:
        resumed.apply(*row)
    status = data.draw(st.sampled_from(list(Status)))
    seen = Observation(streams={STREAM: [Seen(1, 3, status), Seen(5, 9, Status.PRESENT)]})
    assert save(resumed) == save(world.state)
    assert _look(resumed, world.now, seen) == _look(world.state, world.now, seen)


@settings(max_examples=100, deadline=None)
@given(st.lists(records(), max_size=12), st.integers(START - 900 * DAY, START + 900 * DAY))
def test_records_of_any_content(history: list[pb.Record], at_us: int) -> None:
    state, resumed = CustodyState(LIBRARY), CustodyState(LIBRARY)
    for index, message in enumerate(history):
        record = read_record(encode_record(message))
        assert preview(state, record, at_us)
        entry = ReadEntry(record.raw, record.raw, None, "urn:custody:test:any", START + index, ())
        state.apply(index, entry, record)
        resumed.apply(index, entry, record)
        resumed = restore(LIBRARY, save(resumed))
    assert findings(resumed, at_us, scope=Scope()) == findings(state, at_us)
    assert save(resumed) == save(state)
