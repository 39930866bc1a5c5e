"""Figures for Prometheus, in its text exposition format 0.0.4."""

from collections.abc import Iterable, Iterator

from custody.recorder.survey import Survey

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def exposition(survey: Survey, now_us: int) -> str:
    """The page that a Prometheus server scrapes."""
    return "\n".join([*_lines(survey, now_us), ""])


def _lines(survey: Survey, now_us: int) -> Iterator[str]:
    yield from _family(
        "alive_seconds", "Seconds since the agent's last sign of life", [("", (now_us - survey.alive_us) / 1e6)]
    )
    yield from _family("backlog_records", "Records without a receipt", [("", survey.backlog)])
    yield from _family("ledger_trouble", "1 while the ledger does not take records", [("", int(bool(survey.problem)))])
    yield from _family(
        "receipt_age_seconds",
        "Seconds since the ledger last gave a receipt",
        [("", (now_us - survey.receipt_us) / 1e6)] if survey.receipt_us else [],
    )
    yield from _family(
        "refused_records",
        "Records that the ledger refused for good",
        [(_label("code", one.code), one.count) for one in survey.refusals],
    )
    streams = [(_label("stream", stream.name), stream) for stream in survey.streams]
    yield from _family(
        "last_segment", "Number of the stream's last segment", [(at, one.last_number) for at, one in streams]
    )
    yield from _family(
        "footage_age_seconds",
        "Seconds since the end of the stream's newest footage",
        [(at, (now_us - one.last_end_us) / 1e6) for at, one in streams if one.last_end_us],
    )
    yield from _family("stored_segments", "Segments on disk", [(at, one.stored) for at, one in streams])
    yield from _family("stored_bytes", "Bytes on disk", [(at, one.stored_bytes) for at, one in streams])
    yield from _family(
        "altered_segments", "Stored segments that were changed", [(at, one.altered) for at, one in streams]
    )
    yield from _family(
        "gap_open", "1 while footage is missing", [(at, int(one.open_gap_us > 0)) for at, one in streams]
    )
    yield from _family("gaps_today", "Gaps since midnight", [(at, one.gaps.count) for at, one in streams])
    yield from _family(
        "gap_seconds_today", "Footage missing since midnight", [(at, one.gaps.length_us / 1e6) for at, one in streams]
    )
    yield from _family(
        "stream_backlog_records", "Records of the stream without a receipt", [(at, one.waiting) for at, one in streams]
    )
    yield from _family(
        "retention_headroom_seconds",
        "How much longer than required footage can stay; negative: it will go too early",
        [
            (_label("recorder", one.name), one.forecast.headroom_us / 1e6)
            for one in survey.recorders
            if one.forecast.headroom_us is not None
        ],
    )


def _family(name: str, about: str, samples: Iterable[tuple[str, float]]) -> Iterator[str]:
    yield f"# HELP custody_recorder_{name} {about}."
    yield f"# TYPE custody_recorder_{name} gauge"
    for label, value in samples:
        yield f"custody_recorder_{name}{label} {value:.15g}"


def _label(key: str, value: str) -> str:
    return f'{{{key}="{value.translate(_ESCAPES)}"}}'
