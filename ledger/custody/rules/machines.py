"""States and transitions of everything that has a life, as data.

A machine is a table (state, event) -> state. An event without a row cannot follow: it is reported and changes nothing,
for a record is a fact and the order in which facts are told can be wrong.

    stream      unknown -> in use -> retired
    hold        none -> placed -> released
    request     none -> open -> granted | refused
    fault       sound -> broken -> reported -> sound
    order       none -> ordered -> done
    filing      unfiled -> filed
    delegation  none -> delegated -> ended
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from custody.rules.state import Note
from custody.v1 import record_pb2


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """`event` names what a note does to which thing (name, event); kinds are the records that concern it."""

    name: str
    zh: str
    start: str
    kinds: frozenset[str]
    event: Callable[[Any, str], tuple[str, str]]
    table: dict[tuple[str, str], str]


class Step(NamedTuple):
    """What one note did: state before, and after (None when it cannot follow)."""

    thing: str
    event: str
    before: str
    after: str | None
    note: Note


def _plain(attribute: str) -> Callable[[Any, str], tuple[str, str]]:
    return lambda body, kind: (str(getattr(body, attribute)), kind)


def _stream(body: Any, kind: str) -> tuple[str, str]:
    return (body.stream if kind == "stream_retired" else body.description.stream), kind


def _fault(body: Any, _: str) -> tuple[str, str]:
    return (
        record_pb2.FaultKind.Name(body.kind).removeprefix("FAULT_KIND_").lower(),
        record_pb2.FaultState.Name(body.state).removeprefix("FAULT_STATE_").lower(),
    )


def _filing(body: Any, _: str) -> tuple[str, str]:
    return body.site, record_pb2.FilingAct.Name(body.act).removeprefix("FILING_ACT_").lower()


def _delegation(body: Any, _: str) -> tuple[str, str]:
    return body.delegate, "ended" if body.ended else "delegated"


def _machine(
    name: str,
    zh: str,
    start: str,
    kinds: str,
    event: Callable[[Any, str], tuple[str, str]],
    *rows: tuple[str, str, str],
) -> Machine:
    table = {(before, happened): after for before, happened, after in rows}
    return Machine(name=name, zh=zh, start=start, kinds=frozenset(kinds.split()), event=event, table=table)


STREAM: Final = _machine(
    "stream", "图像通道", "unknown", "stream_registered stream_changed stream_retired", _stream,
    ("unknown", "stream_registered", "in use"),
    ("in use", "stream_changed", "in use"),
    ("in use", "stream_retired", "retired"),
    ("retired", "stream_registered", "in use"),
)  # fmt: skip
HOLD: Final = _machine(
    "hold", "保全", "none", "hold_placed hold_released", _plain("hold_id"),
    ("none", "hold_placed", "placed"),
    ("placed", "hold_placed", "placed"),
    ("placed", "hold_released", "released"),
    ("released", "hold_released", "released"),  # the right release after one that ended nothing
    ("released", "hold_placed", "placed"),
)  # fmt: skip
REQUEST: Final = _machine(
    "request", "请求", "none", "access_request access_granted access_refused", _plain("request_id"),
    ("none", "access_request", "open"),
    ("open", "access_granted", "granted"),
    ("open", "access_refused", "refused"),
    ("refused", "access_granted", "granted"),
    ("granted", "access_granted", "granted"),
    ("granted", "access_refused", "refused"),
)  # fmt: skip
FAULT: Final = _machine(
    "fault", "故障", "sound", "fault", _fault,
    ("sound", "began", "broken"),
    ("broken", "reported", "reported"),
    ("broken", "repaired", "sound"),
    ("reported", "repaired", "sound"),
)  # fmt: skip
ORDER: Final = _machine(
    "order", "整改令", "none", "rectification_order rectification_done", _plain("order_id"),
    ("none", "rectification_order", "ordered"),
    ("ordered", "rectification_done", "done"),
    ("done", "rectification_done", "done"),
)  # fmt: skip
FILING: Final = _machine(
    "filing", "备案", "unfiled", "filing", _filing,
    ("unfiled", "filed", "filed"),
    ("filed", "accepted", "filed"),
    ("filed", "changed", "filed"),
    ("filed", "withdrawn", "unfiled"),
)  # fmt: skip
DELEGATION: Final = _machine(
    "delegation", "委托", "none", "delegation", _delegation,
    ("none", "delegated", "delegated"),
    ("delegated", "delegated", "delegated"),
    ("delegated", "ended", "ended"),
    ("ended", "delegated", "delegated"),
)  # fmt: skip

OF_STREAM: Final = (STREAM, HOLD, REQUEST, FAULT)
OF_SITE: Final = (ORDER, FILING, DELEGATION)


def run(machine: Machine, notes: Iterable[Note]) -> list[Step]:
    """Every step that the notes make, in their order."""
    states: dict[str, str] = {}
    steps = []
    for note in notes:
        if note.kind in machine.kinds:
            thing, event = machine.event(note.body, note.kind)
            before = states.get(thing, machine.start)
            after = machine.table.get((before, event))
            steps.append(Step(thing, event, before, after, note))
            states[thing] = before if after is None else after
    return steps
