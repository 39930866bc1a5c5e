"""What kinds of record there are, which chains each belongs to and what each must say: a table.

The kind's name is the name of its field in `Record.kind`. `subject` says where the record names its streams or its
site; from it the chains follow, so that a source cannot choose into which history a record goes. Which fields the
*law* requires is no matter of form: rule profiles say that (DESIGN section 7), and a record that breaks them is
recorded all the same.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from operator import add
from typing import Any, Final

from custody.core.names import CHAIN_HEADS, CHAIN_KEYS

Subject = Callable[[Any], tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One row. `required` are the fields without which the record would say nothing; nested ones are dotted."""

    name: str
    family: str
    subject: Subject
    required: tuple[str, ...]
    digests: str | None = None
    """Field with the SHA-256 digest or digests of files under which the entry can be found."""

    @property
    def has_columns(self) -> bool:
        """Whether `columns_of` knows it: it names one stream, and no list of digests."""
        return self.subject is _stream and (self.digests is None or self.digests in self.required)


def _stream(message: Any) -> tuple[str, ...]:
    return (message.stream,)


def _streams(message: Any) -> tuple[str, ...]:
    return tuple(message.streams)


def _span(message: Any) -> tuple[str, ...]:
    return (message.span.stream,)


def _spans(message: Any) -> tuple[str, ...]:
    return tuple(span.stream for span in message.spans)


def _ranges(message: Any) -> tuple[str, ...]:
    return tuple(run.stream for run in message.ranges)


def _sources(message: Any) -> tuple[str, ...]:
    return tuple(run.stream for run in message.sources)


def _description(message: Any) -> tuple[str, ...]:
    return (message.description.stream,)


def _site(message: Any) -> tuple[str, ...]:
    return (message.site,)


def _nothing(_: Any) -> tuple[str, ...]:
    return ()


def _footage(name: str, subject: Subject, *required: str, digests: str | None = None) -> Kind:
    return Kind(name=name, family="footage", subject=subject, required=required, digests=digests)


def _custody(name: str, subject: Subject, *required: str, digests: str | None = None) -> Kind:
    return Kind(name=name, family="custody", subject=subject, required=required, digests=digests)


def _of_site(name: str, *required: str) -> Kind:
    return Kind(name=name, family="site", subject=_site, required=("site", *required))


_TABLE: Final = (
    _footage("segment", _stream, "stream", "number", "duration_us", "size_bytes", "file_sha256", digests="file_sha256"),
    _footage("gap", _span, "span.stream", "span.from_us", "span.to_us", "reason"),
    _footage("heartbeat", _stream, "stream", "interval_us"),
    _footage("fault", _stream, "stream", "kind", "state"),
    _footage("clock_check", _stream, "stream", "device_us", "reference_us"),
    _custody("recorder_configuration", _streams, "streams"),
    _custody("stream_registered", _description, "description.stream"),
    _custody("stream_changed", _description, "description.stream", "aspects"),
    _custody("stream_retired", _stream, "stream"),
    _custody("retention_policy", _streams, "streams", "minimum_us", "effective_from_us"),
    _custody("hold_placed", _spans, "hold_id", "spans"),
    _custody("hold_released", _streams, "hold_id", "streams"),
    _custody("disposal", _ranges, "ranges", "kind", "knowledge"),
    _custody("move", _ranges, "ranges", "to_storage"),
    _custody("access_request", _spans, "request_id", "spans"),
    _custody("access_granted", _streams, "request_id", "streams"),
    _custody("access_refused", _streams, "request_id", "streams"),
    _custody("access", _spans, "act", "spans", digests="copies_sha256"),
    _custody("redaction", _sources, "sources", "derived_sha256", digests="derived_sha256"),
    _custody("publication", _streams, "streams", "published_sha256", digests="published_sha256"),
    _custody("package_exported", _spans, "spans", "manifest_sha256", digests="manifest_sha256"),
    _custody("package_verified", _streams, "streams", "manifest_sha256", "verdict", digests="manifest_sha256"),
    _custody("integrity_scan", _ranges, "ranges"),
    Kind(name="disclosure_access", family="either", subject=_streams, required=("opened_commitments", "act")),
    Kind(name="correction", family="either", subject=_streams, required=("leaf_sha256",)),
    _of_site("site_registered", "operator"),
    _of_site("filing", "act"),
    _of_site("staff_change", "duty"),
    _of_site("training", "people"),
    _of_site("delegation", "delegate"),
    _of_site("watch_shift", "people", "duration_us"),
    _of_site("incident_report", "incident_id", "seen_us"),
    _of_site("maintenance_check"),
    _of_site("inspection", "inspection_id"),
    _of_site("rectification_order", "order_id", "due_us"),
    _of_site("rectification_done", "order_id"),
    Kind(
        name="key_registered",
        family=CHAIN_KEYS,
        subject=_nothing,
        required=("key_id", "use", "algorithm", "public_key"),
    ),
    Kind(name="key_revoked", family=CHAIN_KEYS, subject=_nothing, required=("key_id", "from_us")),
    Kind(name="chain_heads", family=CHAIN_HEADS, subject=_nothing, required=("tree_size", "chains", "heads_root")),
)

KINDS: Final = {kind.name: kind for kind in _TABLE}
"""Every kind of record by the name of its field in `Record.kind`."""


def chains_of(kind: Kind, message: Any) -> tuple[str, ...]:
    """The chains that a record of `kind` belongs to, sorted and without repetition.

    `message` is the kind's own message with checked names. An entry about several cameras has several chains; one
    about streams or a site ("either") goes to the streams' custody chains, or to the site's when it names none.
    """
    family = kind.family
    if kind.subject is _stream:
        return _chain_of_stream(family, message.stream)
    if family in ("footage", "custody"):
        subjects = kind.subject(message)
        return tuple(sorted({f"{family}/{stream}" for stream in subjects}))
    if family == "site":
        return (f"site/{message.site}",)
    if family == "either":
        streams = kind.subject(message)
        if streams:
            return tuple(sorted({f"custody/{stream}" for stream in streams}))
        return (f"site/{message.site}",)
    return (family,)


# The same few thousand streams come again in millions of records.
@lru_cache(maxsize=16_384)
def _chain_of_stream(family: str, stream: str) -> tuple[str, ...]:
    return (f"{family}/{stream}",)


def period_of(kind: Kind, message: Any, at_us: int) -> tuple[int, int]:
    """What time the record tells of, as (from_us, to_us), half open, or two equal moments for an instant.

    A record about footage of another time (an access, a disposal) tells of the moment of the act, not of the footage.
    """
    name = kind.name
    if name == "segment":
        return at_us, at_us + message.duration_us
    if name == "gap":
        return message.span.from_us, message.span.to_us
    if name in ("watch_shift", "access"):
        return at_us, at_us + message.duration_us
    return at_us, at_us


def digests_of(kind: Kind, message: Any) -> tuple[bytes, ...]:
    """SHA-256 digests of files that the record names, under which its entry can be found."""
    if kind.digests is None:
        return ()
    value = getattr(message, kind.digests)
    if isinstance(value, bytes):
        return (value,) if value else ()
    return tuple(value)


def columns_of(
    kind: Kind, columns: Mapping[str, Sequence[Any]], times: Sequence[int]
) -> tuple[Iterable[tuple[str, ...]], Sequence[int], Iterable[tuple[bytes, ...]]]:
    """`chains_of`, the ends of `period_of` and `digests_of` for many records of a kind that has columns.

    `columns` are the checked fields of the kind's messages by name, `times` the records' `at_us`.
    """
    chains = map(_chain_of_stream, repeat(kind.family), columns["stream"])
    ends = list(map(add, times, columns["duration_us"])) if kind.name == "segment" else times
    digests = repeat(()) if kind.digests is None else zip(columns[kind.digests], strict=True)
    return chains, ends, digests
