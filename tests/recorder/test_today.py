"""Gaps today: what was told and is over, what goes on, over midnight where the recorder is, each time once."""

import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custody.recorder import spool
from custody.recorder.state import State
from custody.recorder.survey import Survey
from custody.recorder.today import NO_GAPS, GapsToday, gaps_today, midnight_us

Make = Callable[..., Any]
SECOND = 1_000_000
START_S = 1_790_000_000  # 2026-09-21T14:13:20Z, 22:13:20 in Shanghai


def name(second: int) -> str:
    return f"hot/east/{datetime.fromtimestamp(second, UTC):%Y%m%dT%H%M%S}.mp4"


def record(site: Any, second: int) -> None:
    """Ten seconds of footage that began then; the agent also sees whether more should have come since."""
    site.write(name(second), str(second).encode(), age_s=site.now_us / 1e6 - second - 10)
    site.rest()
    site.rest()


def gaps(site: Any) -> GapsToday:
    survey: Survey = site.survey()
    (stream,) = survey.streams
    return stream.gaps


@pytest.fixture
def site(make_site: Make) -> Any:
    made = make_site(gap_tolerance_s=2)
    record(made, START_S - 300)
    return made


def test_footage_without_a_hole_has_none(make_site: Make) -> None:
    site = make_site(settle_s=1)
    for ago in (40, 30, 20):
        site.write(name(START_S - ago), str(ago).encode(), age_s=ago - 10)
    site.rest()
    site.rest()
    assert gaps(site) == NO_GAPS


def test_the_gap_that_goes_on_grows_until_now(site: Any) -> None:
    assert gaps(site) == GapsToday(count=1, length_us=290 * SECOND, reasons=("unknown",))
    site.pass_time(30)
    assert gaps(site).length_us == 320 * SECOND


def test_the_gap_that_ended_counts_once_as_long_as_it_was(site: Any) -> None:
    for second in (START_S - 100, START_S - 90, START_S - 80):
        record(site, second)
    ended = gaps(site)
    assert ended.count == 2  # and one goes on since the last segment
    assert ended.length_us == (190 + 70) * SECOND


def test_a_gap_that_did_not_come_true_is_none(site: Any) -> None:
    record(site, START_S - 290)
    record(site, START_S - 280)
    found = gaps(site)
    assert (found.count, found.length_us) == (1, 270 * SECOND)
    assert [gap.span.to_us - gap.span.from_us for gap in site.told("gap") if not gap.open] == [0, 0]


def test_what_a_hook_told_and_the_segment_tells_again_is_one_gap(site: Any) -> None:
    event = {"event": "gap", "camera": "east", "reason": "maintenance"}
    span = {"from_us": (START_S - 250) * SECOND, "to_us": (START_S - 200) * SECOND}
    spool.leave(site.config.state / "spool", event | span, site.now_us, "one")
    site.rest()
    record(site, START_S - 60)
    assert gaps(site) == GapsToday(count=2, length_us=(230 + 50) * SECOND, reasons=("maintenance", "unknown"))


def test_of_a_gap_over_midnight_today_has_its_part(make_site: Make) -> None:
    """22:13 in Shanghai: after two hours the day is another there, and still the same in London."""
    site = make_site(zone="Asia/Shanghai", templates=["{camera}/%s.mp4"])
    site.write(f"hot/east/{START_S - 60}.mp4", b"a", age_s=50)
    site.rest()
    site.pass_time(2 * 3_600)
    site.rest()
    midnight_s = int(datetime(2026, 9, 22, tzinfo=ZoneInfo("Asia/Shanghai")).timestamp())
    now_s = START_S + 2 * 3_600
    assert gaps(site) == GapsToday(count=1, length_us=(now_s - midnight_s) * SECOND, reasons=("unknown",))
    site.write(f"hot/east/{now_s - 60}.mp4", b"b", age_s=50)
    site.rest()
    assert gaps(site).length_us == (now_s - 60 - midnight_s) * SECOND
    site.pass_time(86_400)
    now_s, midnight_s = now_s + 86_400, midnight_s + 86_400
    site.write(f"hot/east/{now_s - 60}.mp4", b"c", age_s=50)
    site.rest()
    assert gaps(site) == GapsToday(count=1, length_us=(now_s - 60 - midnight_s) * SECOND, reasons=("unknown",))


def test_gaps_are_forgotten_after_two_days(site: Any) -> None:
    record(site, START_S - 100)

    def rows() -> int:
        return int(site.state._db.execute("SELECT count(*) FROM gap").fetchone()[0])

    assert rows() == 1
    site.pass_time(2 * 86_400 - 200)
    site.rest()
    assert rows() == 1
    site.pass_time(200)
    site.rest()
    assert rows() == 0


def test_a_restart_forgets_nothing(site: Any) -> None:
    record(site, START_S - 100)
    before = gaps(site)
    site.restart()
    assert gaps(site) == before


def test_a_refused_event_leaves_no_gap(site: Any) -> None:
    event = {"event": "gap", "camera": "east", "reason": "maintenance", "from_us": 2 * SECOND, "to_us": SECOND}
    spool.leave(site.config.state / "spool", event, site.now_us, "one")
    site.rest()
    assert site.agent.counts.refused == 1
    assert site.state._db.execute("SELECT count(*) FROM gap").fetchone() == (0,)


def test_midnight_is_that_of_the_zone_also_when_the_clock_is_changed() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    noon = datetime(2026, 10, 25, 12, tzinfo=berlin)  # 25 hours long: at 03:00 it was 02:00 again
    assert int(noon.timestamp()) * SECOND - midnight_us(int(noon.timestamp()) * SECOND, berlin) == 13 * 3_600 * SECOND
    assert midnight_us(START_S * SECOND + 999_999, UTC) == int(datetime(2026, 9, 21, tzinfo=UTC).timestamp()) * SECOND


# ---- against a day counted second by second

DAY_S = START_S - START_S % 86_400
HOUR = st.integers(-20, 40)  # seconds around midnight; now is 30 seconds after it


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    state = State(Path(tmp_path_factory.mktemp("today")) / "agent.sqlite")
    yield state._db
    state.close()


@given(told=st.lists(st.tuples(HOUR, HOUR, st.sampled_from([1, 6, 15]))), going_on=st.none() | HOUR)
def test_any_gaps_are_counted_as_second_by_second(
    db: sqlite3.Connection, told: list[tuple[int, int, int]], going_on: int | None
) -> None:
    spans = [(begin, end, reason) for begin, end, reason in told if begin < end]
    db.execute("DELETE FROM gap")
    db.execute("DELETE FROM stream")
    db.executemany(
        "INSERT OR IGNORE INTO gap VALUES ('s/c', ?, ?, ?)",
        [((DAY_S + begin) * SECOND, (DAY_S + end) * SECOND, reason) for begin, end, reason in spans],
    )
    if going_on is not None:
        db.execute(
            "INSERT INTO stream (name, recorder, seen_us, open_gap_us, open_gap_reason) VALUES ('s/c', 'r', 0, ?, 15)",
            ((DAY_S + going_on) * SECOND,),
        )
        spans.append((going_on, 30, 15))
    shown = [(max(begin, 0), min(end, 30)) for begin, end, _ in spans if max(begin, 0) < min(end, 30)]
    missing = {second for begin, end in shown for second in range(begin, end)}
    found = gaps_today(db, (DAY_S + 30) * SECOND, UTC).get("s/c", NO_GAPS)
    assert found.length_us == len(missing) * SECOND
    assert found.count == sum(second - 1 not in missing for second in missing)
    assert len(found.reasons) == len({r for b, e, r in spans if max(b, 0) < min(e, 30)})
