"""What a person should look at, from a survey: (stable code, text). docs/ops/recorder.md says what to do about each."""

from collections.abc import Iterator, Sequence

from custody.recorder.config import DAY_US
from custody.recorder.survey import RecorderSurvey, StreamSurvey, Survey
from custody.recorder.troubles import shown

Findings = Sequence[tuple[str, str]]


def findings(survey: Survey, now_us: int, silent_us: int) -> Findings:
    """Everything that needs a person. An agent or a ledger that was not heard of for `silent_us` does."""
    return [
        *_of_agent(survey, now_us, silent_us),
        *(found for stream in survey.streams for found in _of_stream(stream)),
        *(found for recorder in survey.recorders for found in _of_recorder(recorder)),
    ]


def _of_agent(survey: Survey, now_us: int, silent_us: int) -> Iterator[tuple[str, str]]:
    if now_us - survey.alive_us > silent_us:
        yield "agent-down", "the agent gave no sign of life"
    if survey.problem and survey.backlog:
        yield "ledger-unreachable", f"records wait: {shown(survey.problem)}"
    elif survey.waiting_since_us and now_us - survey.waiting_since_us > silent_us:
        yield "ledger-unreachable", "records wait, and the ledger gives no receipt for them"
    for one in survey.refusals:
        yield "records-refused", f"the ledger refused {one.count} records for good, {one.code}: {one.example}"
    yield from ((one.code, one.text) for one in survey.troubles)


def _of_stream(stream: StreamSurvey) -> Iterator[tuple[str, str]]:
    if stream.open_gap_us:
        yield "stream-silent", f"{stream.name}: no footage comes"
    if stream.altered:
        yield "footage-altered", f"{stream.name}: {stream.altered} stored segments were changed"


def _of_recorder(recorder: RecorderSurvey) -> Iterator[tuple[str, str]]:
    if recorder.unmatched:
        some = f"no template fits any of its {recorder.unmatched} files, e.g. {recorder.unmatched_example}"
        yield "no-footage", f"{recorder.name}: {some}"
    elif not recorder.recorded:
        yield "no-footage", f"{recorder.name}: no footage was found yet"
    retention_us = recorder.observed.retention_us if recorder.observed else 0
    if retention_us and retention_us < recorder.forecast.required_us:
        days = retention_us / DAY_US
        yield "retention-too-short", f"{recorder.name}: deletes after {days:.3g} days by its own setting"
    elif recorder.forecast.breach:
        yield "disk-too-small", f"{recorder.name}: the disk forces deletion inside the retention period"
