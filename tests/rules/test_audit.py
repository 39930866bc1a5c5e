"""Scope, order, preview and the saved state."""

from __future__ import annotations

import json

import pytest
from tests.rules.simulator import DAY, HOUR, LIBRARY, SITE, START, STREAM, World

from custody.core.errors import MalformedError
from custody.core.record import read_record
from custody.rules import (
    CustodyState,
    Library,
    LogVerdict,
    Observation,
    Scope,
    findings,
    preview,
    restore,
    save,
)
from custody.v1 import record_pb2 as pb


@pytest.fixture
def world() -> World:
    """Two sites, each with one thing wrong on the site and one on a camera."""
    world = World()
    for site in ("north", "south"):
        world.tell(site_registered=pb.SiteRegistered(site=site, operator="Hall", profiles=["bj185"]))
        world.open_stream(f"{site}/gate", classification="")
    return world


def _subjects(world: World, scope: Scope | None = None) -> list[str]:
    return [finding.subject.name for finding in findings(world.state, world.now, None, scope)]


def test_findings_come_in_one_order(world: World) -> None:
    assert _subjects(world) == ["north", "north", "south", "south", "north/gate", "south/gate"]
    found = findings(world.state, world.now, Observation(log=LogVerdict.FORKED))
    assert (found[0].subject.kind, found[0].code) == ("log", "log-forked")


def test_scope_by_site_stream_and_time(world: World) -> None:
    assert _subjects(world, Scope(sites=frozenset({"north"}))) == ["north", "north", "north/gate"]
    assert _subjects(world, Scope(streams=frozenset({"south/gate"}))) == ["south/gate"]
    assert _subjects(world, Scope(from_us=START + 1)) == []
    assert _subjects(world, Scope(to_us=START)) == []
    assert len(_subjects(world, Scope(from_us=START, to_us=START + 1))) == 6


def test_entries_go_forward_only(world: World) -> None:
    with pytest.raises(ValueError, match="entry 0 after entry"):
        world.state.apply(*world.entries[0])


def test_a_slice_may_leave_entries_out(world: World) -> None:
    state = CustodyState(LIBRARY)
    for index, entry, record in world.entries:
        if any("south" in chain for chain in record.chains):
            state.apply(index, entry, record)
    assert [finding.subject.name for finding in findings(state, world.now)] == ["south", "south", "south/gate"]


def test_a_finding_as_json(world: World) -> None:
    told = json.loads(json.dumps(world.findings()[0].as_json()))
    assert told == {
        "code": "operator-missing",
        "verdict": "duty not shown",
        "severity": "minor",
        "subject": {"kind": "site", "name": "north"},
        "period_us": [START, START],
        "indexes": [0],
        "record_ids": [world.entries[0][2].record_id.hex()],
        "numbers": None,
        "rules": ["bj185.operator-missing"],
        "articles": told["articles"],
        "penalties": [],
        "en": "the site's registration lacks the supervising authority, the kind of operator",
        "zh": "场所登记缺少主管公安机关、使用单位类别",
    }
    assert [article["id"] for article in told["articles"]] == ["D185-4", "D185-7"]


def test_a_finding_about_many_entries_names_the_first_and_the_last(world: World) -> None:
    indexes = [world.incident(seen=START) for _ in range(20)]
    world.wait(9 * DAY)
    finding = world.one("incident-unreported")
    assert finding.indexes == (*indexes[:15], indexes[-1])


# ---- preview ----


def test_preview_says_what_a_record_would_cause(world: World) -> None:
    state = save(world.state)
    causes, cures = world.preview(access=world.access_body(officers=[], documents=[]))
    assert [finding.code for finding in causes] == [
        "no-authorisation", "no-certifying-document", "register-form-missing", "under-two-officers", "work-id-missing",
    ]  # fmt: skip
    assert cures == ()
    assert causes[0].indexes == (len(world.entries),)
    assert save(world.state) == state


def test_preview_says_what_a_record_would_end(world: World) -> None:
    world.tell(at_us=START, watch_shift=pb.WatchShift(site=SITE, people=[pb.Person(unit="x")], duration_us=DAY))
    world.order(world.now + HOUR)
    world.record(hours=2)
    causes, cures = world.preview(rectification_done=pb.RectificationDone(site=SITE, order_id="o1"))
    assert [finding.code for finding in causes] == ["rectification-late"]
    assert [finding.code for finding in cures] == ["rectification-overdue"]


def test_preview_of_footage_and_of_a_new_place(world: World) -> None:
    world.record(hours=2)
    body = pb.Segment(stream=STREAM, number=1, duration_us=HOUR, size_bytes=1, file_sha256=b"1" * 32)
    assert [finding.code for finding in world.preview(segment=body).causes] == ["number-repeated"]
    registered = pb.SiteRegistered(site="east", operator="Hall", profiles=["mars"])
    assert [finding.code for finding in world.preview(site_registered=registered).causes] == ["profile-unknown"]
    record = read_record(world.raw(key_revoked=pb.KeyRevoked(key_id="k", from_us=1)))
    assert preview(world.state, record, world.now) == ((), ())


def test_the_lawful_record_causes_nothing(world: World) -> None:
    assert world.preview(access=world.access_body()).causes == ()


# ---- the saved state ----


def test_saved_and_restored(world: World) -> None:
    world.record(hours=3)
    world.beat(interval=HOUR)
    world.gap(world.now, world.now + HOUR)
    data = save(world.state)
    state = restore(LIBRARY, data)
    assert save(state) == data
    assert (state.size, state.sequenced_us) == (world.state.size, world.state.sequenced_us)
    assert findings(state, world.now) == world.findings()


@pytest.mark.parametrize("place", [0, 20, 30, 200, -1])
def test_a_damaged_state_is_refused_or_read_as_saved(world: World, place: int) -> None:
    world.record(hours=3)
    data = bytearray(save(world.state))
    data[place] ^= 0x11
    try:
        state = restore(LIBRARY, bytes(data))
    except MalformedError:
        return
    assert save(state) == bytes(data)  # a cache of numbers: damage in a column is no other spelling


@pytest.mark.parametrize("cut", [0, 5, 20, 100, -1])
def test_a_cut_state_is_refused(world: World, cut: int) -> None:
    data = save(world.state)
    with pytest.raises(MalformedError):
        restore(LIBRARY, data[:cut])


def test_a_state_of_another_law_is_refused(world: World) -> None:
    other = Library(profile for name, profile in LIBRARY.profiles.items() if name != "ctl32")
    with pytest.raises(MalformedError) as caught:
        restore(other, save(world.state))
    assert caught.value.code == "state-law"


def _resaved(world: World, **changes: object) -> bytes:
    data = save(world.state)
    begin = len(b"custody-state-4\n") + 8
    length = int.from_bytes(data[begin - 8 : begin], "big")
    head = json.loads(data[begin : begin + length]) | changes
    raw = json.dumps(head, sort_keys=True, separators=(",", ":")).encode()
    return data[: begin - 8] + len(raw).to_bytes(8, "big") + raw + data[begin + length :]


@pytest.mark.parametrize(
    "changes",
    [
        {"size": "x"},
        {"surprise": 1},
        {"streams": [["north/gate", [1]]]},
        {"notes": 7},
        {"base": ["mars"]},
        {"sites": [[]]},
    ],
)
def test_a_head_that_says_something_else_is_refused(world: World, changes: dict[str, object]) -> None:
    with pytest.raises(MalformedError) as caught:
        restore(LIBRARY, _resaved(world, **changes))
    assert caught.value.code == "state-malformed"


def test_footage_among_the_notes_is_refused() -> None:
    world = World()
    raw = world.raw(heartbeat=pb.Heartbeat(stream=STREAM, interval_us=1))
    data = _resaved(world, notes=[[0, START, "urn:custody:test:world", len(raw)]])
    with pytest.raises(MalformedError) as caught:
        restore(LIBRARY, data + raw)
    assert caught.value.code == "state-malformed"
