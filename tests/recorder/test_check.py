"""`custody record check`, `hook` and `presets` as a person or a recorder calls them, and the figures for monitoring."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from custody.client import Outbox, RefusedError
from custody.client.environment import Environment as ClientEnvironment
from custody.recorder import spool
from custody.recorder.clock import system_quality
from custody.recorder.commands import check, hook, presets
from custody.recorder.findings import findings
from custody.recorder.forecast import forecast
from custody.recorder.metrics import exposition
from custody.recorder.state import StateError
from custody.v1 import record_pb2

DAY = 86_400_000_000
CONFIG = """site = "site-12"
state = "state"
[agent]
integrity_every_days = 0
[[recorder]]
name = "nvr"
templates = ["{camera}/%Y%m%dT%H%M%S.{ext}"]
segment_s = 10
[[recorder.storage]]
name = "hot"
path = "hot"
"""


def codes(site: Any) -> set[str]:
    return {code for code, _ in findings(site.survey(), site.now_us, 180_000_000)}


@pytest.fixture
def site(make_site: Callable[..., Any], tmp_path: Path) -> Any:
    made = make_site()
    (tmp_path / "config.toml").write_text(CONFIG)
    made.write("hot/east/20260921T141200.mp4", b"a" * 1_000, age_s=70)
    made.write("hot/west/20260921T141210.mp4", b"b" * 1_000, age_s=60)
    made.rest()
    return made


def test_one_screen_says_what_needs_a_person(site: Any, tmp_path: Path) -> None:
    done = CliRunner().invoke(check, ["-c", str(tmp_path / "config.toml")], standalone_mode=False)
    assert done.exception is None
    assert "site-12/east" in done.output
    assert "[stream-silent]" in done.output
    assert done.return_value == 1


def test_the_same_as_json(site: Any, tmp_path: Path) -> None:
    done = CliRunner().invoke(check, ["-c", str(tmp_path / "config.toml"), "--json"], standalone_mode=False)
    found = json.loads(done.output)
    assert [stream["last_number"] for stream in found["streams"]] == [1, 1]
    assert {finding["code"] for finding in found["findings"]} >= {"stream-silent"}


def test_the_first_files_of_a_camera_are_no_rate(make_site: Callable[..., Any]) -> None:
    """By its first ten seconds alone it would fill its gigabyte in a day."""
    site = make_site(capacity_bytes=1_000_000_000)
    for name, length, early, breach in (
        ("20260921T141200", 100_000, True, False),
        ("20260921T142200", 100_000, False, False),
        ("20260921T143200", 9_000_000, False, True),
    ):
        site.write(f"hot/east/{name}.mp4", name.encode() * (length // len(name)), age_s=60)
        site.rest()
        (recorder,) = site.survey().recorders
        assert (recorder.early, recorder.forecast.breach) == (early, breach), name


def test_before_the_first_start_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(CONFIG)
    done = CliRunner().invoke(check, ["-c", str(tmp_path / "config.toml")], standalone_mode=False)
    assert isinstance(done.exception, StateError)
    assert "no agent has run here yet" in str(done.exception)


def test_figures_for_monitoring(site: Any) -> None:
    page = exposition(site.survey(), site.now_us)
    assert 'custody_recorder_last_segment{stream="site-12/east"} 1\n' in page
    assert 'custody_recorder_footage_age_seconds{stream="site-12/east"} 70\n' in page
    assert 'custody_recorder_gap_open{stream="site-12/west"} 1\n' in page
    assert 'custody_recorder_gaps_today{stream="site-12/west"} 1\n' in page
    assert 'custody_recorder_gap_seconds_today{stream="site-12/west"} 60\n' in page
    assert 'custody_recorder_stream_backlog_records{stream="site-12/west"} 0\n' in page
    assert page.endswith("\n")
    for line in page.splitlines():
        assert line.startswith(("# HELP custody_recorder_", "# TYPE custody_recorder_", "custody_recorder_"))


def test_the_counts_follow_what_is_there(site: Any, tmp_path: Path) -> None:
    file = tmp_path / "hot/east/20260921T141200.mp4"
    before = {one.name: (one.stored, one.stored_bytes, one.altered) for one in site.survey().streams}
    assert before == {"site-12/east": (1, 1_000, 0), "site-12/west": (1, 1_000, 0)}
    site.write("hot/east/20260921T141200.mp4", b"changed")
    site.rest()
    assert site.survey().streams[0].altered == 1
    file.unlink()
    site.rest()
    site.pass_time(60)
    site.rest()
    gone = site.survey().streams[0]
    assert (gone.stored, gone.stored_bytes, gone.altered, gone.oldest_us) == (0, 0, 0, 0)


def test_every_stream_says_what_waits_and_what_is_missing_today(site: Any, tmp_path: Path) -> None:
    """One record is still with the agent, the others are in the outbox of the client."""
    outbox = Outbox(site.config.state / "outbox.sqlite", environment=ClientEnvironment(now_us=lambda: site.now_us))
    outbox.put_many(list(site.outbox.records.values()))
    late = site.read_kind("segment")[0]
    with site.state.transaction():
        site.state.add_pending([late])
    waiting = Counter(chain.partition("/")[2] for one in [*site.read(), late] for chain in one.chains)
    assert waiting["site-12/east"] > waiting["site-12/west"] > 1
    survey = site.survey()
    assert survey.backlog == len(site.outbox.records) + 1
    assert {one.name: one.waiting for one in survey.streams} == waiting
    assert [one.gaps.length_us for one in survey.streams] == [70_000_000, 60_000_000]
    done = CliRunner().invoke(check, ["-c", str(tmp_path / "config.toml"), "--json"], standalone_mode=False)
    east, west = json.loads(done.output)["streams"]
    assert (east["waiting"], west["waiting"]) == (waiting["site-12/east"], waiting["site-12/west"])
    assert east["gaps_today"]["reasons"] == ["unknown"]
    outbox.drop(outbox.oldest())
    assert [one.waiting for one in site.survey().streams] == [1, 0]
    outbox.close()


def test_a_ledger_that_gives_no_receipt_is_a_finding(site: Any) -> None:
    outbox = Outbox(site.config.state / "outbox.sqlite", environment=ClientEnvironment(now_us=lambda: site.now_us))
    outbox.put_many(list(site.outbox.records.values()))
    assert "ledger-unreachable" not in codes(site)
    site.pass_time(200)
    site.rest()
    assert "ledger-unreachable" in codes(site)
    assert site.survey().receipt_us == 0
    site.outbox.receipts = 3
    site.pass_time(10)
    site.rest()
    assert site.survey().receipt_us == site.now_us
    site.outbox.receipts = 0  # they are counted from the start
    site.restart(away_s=10)
    site.rest()
    assert site.survey().receipt_us == site.now_us - 10_000_000
    outbox.close()


def test_what_the_ledger_refused_is_a_finding_until_it_is_sent_again(site: Any, tmp_path: Path) -> None:
    outbox = Outbox(site.config.state / "outbox.sqlite")
    outbox.put_many(list(site.outbox.records.values())[:2])
    for one in outbox.oldest():
        outbox.bury(
            one,
            RefusedError(
                "footage/site-12/east is another's to tell of", code="not-in-scope", status="", retryable=False
            ),
        )
    (found,) = [text for code, text in findings(site.survey(), site.now_us, 1) if code == "records-refused"]
    assert found == "the ledger refused 2 records for good, not-in-scope: footage/site-12/east is another's to tell of"
    assert 'custody_recorder_refused_records{code="not-in-scope"} 2\n' in exposition(site.survey(), site.now_us)
    site.outbox.revive = outbox.revive  # the agent's own, as the client's library makes it
    site.restart()
    runner = CliRunner()
    arguments = ["-c", str(tmp_path / "config.toml"), "send-refused"]
    assert runner.invoke(hook, arguments, standalone_mode=False).exception is None
    site.rest()
    assert "records-refused" not in codes(site)
    assert outbox.count == 2
    outbox.close()


def test_an_agent_that_is_silent_is_a_finding(site: Any) -> None:
    assert "agent-down" in [code for code, _ in findings(site.survey(), site.now_us + DAY, 180_000_000)]


def test_a_hook_leaves_one_event(site: Any, tmp_path: Path) -> None:
    config = ["-c", str(tmp_path / "config.toml")]
    file = str(tmp_path / "hot/east/20260921T141200.mp4")
    begin, end = ["--from", "2026-09-21T14:00:00+00:00"], ["--to", "2026-09-21T14:10:00Z"]
    runner = CliRunner()
    for arguments in (
        ["segment-complete", "--path", file],
        ["gap", "--camera", "east", "--reason", "maintenance", *begin, *end],
        ["cause-begin", "--reason", "power"],
    ):
        assert runner.invoke(hook, [*config, *arguments], standalone_mode=False).exception is None
    events = [spool.read_event(path) for path in spool.waiting(site.config.state / "spool")]
    assert [event["event"] for event in events] == ["segment-complete", "gap", "cause-begin"]
    assert events[1]["to_us"] - events[1]["from_us"] == 600_000_000
    site.rest()
    assert site.agent.counts.refused == 0
    assert record_pb2.GAP_REASON_MAINTENANCE in [gap.reason for gap in site.told("gap")]


def test_a_time_without_offset_is_refused(site: Any, tmp_path: Path) -> None:
    arguments = ["-c", str(tmp_path / "config.toml"), "gap", "--from", "2026-09-21T14:00:00"]
    assert "no offset" in str(CliRunner().invoke(hook, arguments, standalone_mode=False).exception)


def test_presets_are_listed_and_shown() -> None:
    assert "mediamtx" in CliRunner().invoke(presets, []).output
    assert "templates" in CliRunner().invoke(presets, ["frigate"]).output


@pytest.mark.parametrize(
    ("stored", "per_day", "free", "retention", "kept_days", "breach"),
    [
        (100, 10, 100, 0, 20, True),  # the disk holds twenty days
        (100, 10, 300, 0, 40, False),
        (100, 10, 300, 35, 35, False),
        (100, 10, 300, 7, 7, True),  # the recorder's own setting is too short
        (0, 0, 100, 0, None, False),
    ],
)
def test_the_forecast_comes_before_the_deletion(
    stored: int, per_day: int, free: int, retention: int, kept_days: int | None, breach: bool
) -> None:
    found = forecast(
        stored_bytes=stored, bytes_per_day=per_day, free_bytes=free, retention_us=retention * DAY, required_us=30 * DAY
    )
    assert found.kept_us == (None if kept_days is None else kept_days * DAY)
    assert found.breach == breach


def test_the_kernel_says_what_the_clock_is_worth() -> None:
    quality = system_quality()
    assert quality.source in (record_pb2.CLOCK_SOURCE_NTP, record_pb2.CLOCK_SOURCE_FREE_RUNNING)
    assert (quality.uncertainty_us > 0) == (quality.source == record_pb2.CLOCK_SOURCE_NTP)
