"""Whatever stands in an event of a hook, or in a recorder's configuration, the agent refuses it and goes on."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from custody.recorder import spool
from custody.recorder.config import PRESETS, make_config
from custody.recorder.findings import findings
from custody.recorder.observe import observe_text
from custody.recorder.words import DISPOSALS, FAULTS, REASONS, STATES

Make = Callable[..., Any]
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=3,
)
TIME = st.sampled_from([0, 1, -1, 2**53, 2**63, 2**64, 10**30, 1_790_000_000_000_000]) | ANY
WORD = st.sampled_from([*DISPOSALS, *REASONS, *FAULTS, *STATES, "read", "playback"]) | ANY
EVENT = st.fixed_dictionaries(
    {"event": st.sampled_from(spool.EVENTS)},
    optional={
        "path": ANY | st.sampled_from(["hot/east/a.mp4", "\0", "\ud800", "../x", "/dev/full", "x" * 5_000]),
        "camera": ANY | st.sampled_from(["east", "\ud800", "\0", "x" * 500, "东门", "/"]),
        "user": ANY | st.sampled_from(["alice", "\ud800", "\0\n", "x" * 4_000]),
        "reason": WORD,
        "kind": WORD,
        "state": WORD,
        "action": WORD,
        "from_us": TIME,
        "to_us": TIME,
        "at_us": TIME,
    },
)
ACCESS = {"event": "access", "camera": "east", "action": "read"}
GAP = {"event": "gap", "camera": "east", "reason": "power"}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300)
@given(event=EVENT)
@example(event=ACCESS | {"at_us": 1, "user": "\ud800"})
@example(event=ACCESS | {"at_us": 2**64})
@example(event=GAP | {"from_us": 1, "to_us": 10**30})
@example(event={"event": "segment-complete", "path": "\ud800"})
@example(event={"event": "segment-deleted", "path": "/a\0b", "kind": "planned"})
def test_no_event_ends_the_agent(make_site: Make, event: dict[str, Any]) -> None:
    site = make_site.site = getattr(make_site, "site", None) or make_site()  # type: ignore[attr-defined]
    folder = site.config.state / "spool"
    folder.mkdir(exist_ok=True)
    if isinstance(event.get("path"), str) and "hot" in event["path"]:
        event = event | {"path": str(site.folder / event["path"])}
    (folder / "00000000000000000001-x.json").write_text(json.dumps(event))
    site.agent.step()
    assert spool.waiting(folder) == []


def test_an_event_that_cannot_be_read_stops_no_other_and_is_a_finding(make_site: Make) -> None:
    site = make_site()
    folder = site.config.state / "spool"
    (folder / "00000000000000000001-stuck.json").mkdir(parents=True)
    spool.leave(folder, GAP | {"from_us": 1, "to_us": 2}, site.now_us, "two")
    site.rest()
    assert len(site.told("gap")) == 1
    site.pass_time(6)
    site.agent.step()
    (text,) = [text for code, text in findings(site.survey(), site.now_us, 10**9) if code == "hook-unreadable"]
    assert text == "events of hooks that cannot be read: 1, e.g. 00000000000000000001-stuck.json: Is a directory"


def test_a_circle_of_links_ends_nothing(make_site: Make) -> None:
    site = make_site()
    (site.folder / "hot/round").symlink_to(site.folder / "hot/round")
    complete = {"event": "segment-complete", "path": str(site.folder / "hot/round/a.mp4")}
    spool.leave(site.config.state / "spool", complete, site.now_us, "one")
    site.rest()
    assert not site.told("segment")
    assert spool.waiting(site.config.state / "spool") == []


def test_an_event_is_for_the_group_whatever_the_mask_of_the_one_who_leaves_it(tmp_path: Path) -> None:
    """The recorder's user leaves it, the agent's reads it: another one, of the same group."""
    import os

    before = os.umask(0o077)
    try:
        path = spool.leave(tmp_path, GAP | {"from_us": 1, "to_us": 2}, 1, "one")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("value", [".inf", "inf", "nan", "-1", "1e999", "9" * 400, "9" * 400 + "d", "0x10", "1_0d"])
def test_no_configuration_of_a_recorder_ends_the_agent(preset: str, value: str) -> None:
    table = {"preset": preset, "storage": [{"name": "hot", "path": "hot"}]}
    recorder = make_config({"site": "s", "state": "x", "recorder": [table]}, Path("/nonexistent")).recorders[0]
    text = f"""
record:
  retain:
    days: {value}
pathDefaults:
  recordDeleteAfter: {value}
  recordSegmentDuration: {value}
"""
    observed = observe_text(recorder, text.encode())
    for length in (observed.retention_us, observed.segment_us):
        assert 0 <= length < 1 << 62
