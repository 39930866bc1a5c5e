"""Every reason that a gap can have can be told by a hook, and is what the gap then says."""

from collections.abc import Callable
from typing import Any

import pytest

from custody.recorder import spool
from custody.recorder.words import REASONS
from custody.v1 import record_pb2


def test_no_reason_is_left_out() -> None:
    assert set(REASONS.values()) == set(record_pb2.GapReason.values()) - {record_pb2.GAP_REASON_UNSPECIFIED}


@pytest.mark.parametrize("reason", REASONS)
def test_a_gap_has_the_reason_that_was_told(reason: str, make_site: Callable[..., Any]) -> None:
    site = make_site()
    event = {"event": "gap", "camera": "east", "reason": reason}
    span = {"from_us": site.now_us - 9_000_000, "to_us": site.now_us - 1_000_000}
    spool.leave(site.config.state / "spool", event | span, site.now_us, "one")
    site.rest()
    (gap,) = site.told("gap")
    assert (gap.reason, gap.span.from_us, gap.span.to_us) == (REASONS[reason], *span.values())
