"""Rows of disposed segments: kept until the ledger has the disposal, and a while for files that come back."""

from collections.abc import Callable
from typing import Any

import pytest

DAY_S = 86_400
NAME = "hot/east/20260921T141000.mp4"


@pytest.fixture
def site(make_site: Callable[..., Any]) -> Any:
    made = make_site()
    made.write(NAME, b"footage" * 100, age_s=180)
    made.write("hot/east/20260921T141010.mp4", b"other" * 100, age_s=170)
    made.rest()
    (made.folder / NAME).unlink()
    made.rest()
    made.pass_time(31)
    made.rest()
    assert len(made.told("disposal")) == 1
    return made


def rows(site: Any) -> int:
    return int(site.state._db.execute("SELECT count(*) FROM segment").fetchone()[0])


def settle(site: Any) -> None:
    for _ in range(4):
        site.pass_time(11)
        site.rest()


def test_a_disposed_segment_is_forgotten_when_its_disposal_is_receipted(site: Any) -> None:
    site.outbox.receipts = len(site.outbox.records)
    settle(site)
    assert rows(site) == 2  # it may come back
    site.pass_time(DAY_S)
    kept = site.outbox.receipts
    settle(site)
    assert rows(site) == 2  # what was handed over since has no receipt yet
    assert len(site.outbox.records) > kept
    site.outbox.receipts = len(site.outbox.records)
    settle(site)
    assert rows(site) == 1
    assert site.agent.counts.forgotten == 1
    assert [(one.stored, one.last_number) for one in site.survey().streams] == [(1, 2)]


def test_a_crash_between_mark_and_receipt_waits_for_new_receipts(site: Any) -> None:
    site.restart(away_s=DAY_S)
    settle(site)
    assert site.state._db.execute("SELECT count(*) FROM segment WHERE disposed = 2").fetchone() == (1,)
    site.restart()
    settle(site)
    assert rows(site) == 2
    site.outbox.receipts = len(site.outbox.records)
    settle(site)
    assert rows(site) == 1


def test_a_file_that_comes_back_in_time_is_no_new_segment(site: Any) -> None:
    site.restart(away_s=DAY_S)
    settle(site)  # marked, and not yet receipted
    site.write(NAME, b"footage" * 100, age_s=60)
    site.rest()
    site.outbox.receipts = len(site.outbox.records)
    settle(site)
    assert len(site.told("segment")) == 2
    assert len(site.told("move")) == 1
    assert rows(site) == 2


def test_a_file_that_comes_back_too_late_is_a_segment_with_its_old_time(site: Any) -> None:
    first = site.read_kind("segment")[0]
    site.pass_time(DAY_S)
    site.outbox.receipts = len(site.outbox.records)
    settle(site)
    site.outbox.receipts = len(site.outbox.records)
    settle(site)
    assert rows(site) == 1
    site.write(NAME, b"footage" * 100, age_s=60)
    site.rest()
    again = site.read_kind("segment")[-1]
    assert (again.body.number, again.at_us, again.body.file_sha256) == (3, first.at_us, first.body.file_sha256)
