"""What `custody record check` shows: a survey as one screen for a person, and as one JSON object for a program."""

from collections.abc import Mapping
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from custody.recorder.findings import Findings
from custody.recorder.survey import StreamSurvey, Survey
from custody.recorder.troubles import shown

_HEADINGS: Final = ("stream", "last segment", "backlog", "stored", "oldest", "headroom", "gaps today")
_UNLIMITED: Final = 10_000


def as_table(survey: Survey, found: Findings) -> dict[str, Any]:
    """The survey as JSON; times and lengths are microseconds."""
    headroom = _headroom(survey)
    return {
        "alive_us": survey.alive_us,
        "backlog": survey.backlog,
        "receipt_us": survey.receipt_us,
        "problem": survey.problem,
        "refused_records": {one.code: one.count for one in survey.refusals},
        "streams": [_stream(one, headroom.get(one.recorder)) for one in survey.streams],
        "recorders": [
            {
                "name": one.name,
                "retention_us": one.observed.retention_us if one.observed else None,
                "kept_us": one.forecast.kept_us,
                "headroom_us": one.forecast.headroom_us,
                "full_in_us": one.forecast.full_in_us,
            }
            for one in survey.recorders
        ],
        "findings": [{"code": code, "text": text} for code, text in found],
    }


def _stream(one: StreamSurvey, headroom_us: int | None) -> dict[str, Any]:
    plain = {name: getattr(one, name) for name in one.__slots__ if name != "gaps"}
    gaps = {"count": one.gaps.count, "length_us": one.gaps.length_us, "reasons": one.gaps.reasons}
    return plain | {"gaps_today": gaps, "headroom_us": headroom_us}


def show(survey: Survey, found: Findings, now_us: int) -> None:
    """Prints the screen. A pipe has no width: there every stream keeps its one line."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in _HEADINGS:
        table.add_column(heading, no_wrap=heading != _HEADINGS[-1], overflow="fold")
    headroom = _headroom(survey)
    for one in survey.streams:
        table.add_row(*_row(one, headroom.get(one.recorder), now_us))
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = _UNLIMITED
    console.print(table)
    for line in (*_recorders(survey), _ledger(survey, now_us)):
        console.print(line, soft_wrap=True)
    for code, text in found:
        console.print(f"! {text} [{code}]", soft_wrap=True)


def _row(one: StreamSurvey, headroom_us: int | None, now_us: int) -> tuple[str, ...]:
    return (
        one.name,
        f"#{one.last_number}, {_span(now_us - one.last_end_us)}" if one.last_end_us else "-",
        str(one.waiting),
        f"{one.stored}, {_bytes(one.stored_bytes)}",
        _span(now_us - one.oldest_us) if one.oldest_us else "-",
        "-" if headroom_us is None else f"{'-' if headroom_us < 0 else ''}{_span(abs(headroom_us))}",
        _gaps(one),
    )


def _gaps(one: StreamSurvey) -> str:
    if not one.gaps.count:
        return "0"
    ends = ", goes on" if one.open_gap_us else ""
    return f"{one.gaps.count}, {_span(one.gaps.length_us)} ({', '.join(one.gaps.reasons)}){ends}"


def _headroom(survey: Survey) -> Mapping[str, int | None]:
    """By recorder: its streams share its disks and its settings."""
    return {one.name: one.forecast.headroom_us for one in survey.recorders}


def _recorders(survey: Survey) -> list[str]:
    lines = []
    for one in survey.recorders:
        kept_us, headroom_us = one.forecast.kept_us, one.forecast.headroom_us
        if kept_us is not None and headroom_us is not None:
            word = "beyond" if headroom_us >= 0 else "SHORT OF"
            lines.append(
                f"{one.name}: footage can stay {_span(kept_us)}, {_span(abs(headroom_us))} {word} what is required"
            )
        elif one.early:
            lines.append(f"{one.name}: too early to tell how long footage can stay")
    return lines


def _ledger(survey: Survey, now_us: int) -> str:
    receipt = f"last receipt {_span(now_us - survey.receipt_us)} ago" if survey.receipt_us else "no receipt yet"
    ledger = f"the ledger takes nothing: {shown(survey.problem)}; {receipt}" if survey.problem else f"ledger: {receipt}"
    oldest = f", the oldest for {_span(now_us - survey.waiting_since_us)}" if survey.waiting_since_us else ""
    return f"{ledger}; {survey.backlog} records wait{oldest}; agent seen {_span(now_us - survey.alive_us)} ago"


def _bytes(count: int) -> str:
    return f"{count / 1e9:.3g} GB" if count >= 1e9 else f"{count / 1e6:.3g} MB"


def _span(us: int) -> str:
    seconds = us // 1_000_000
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds} s"
