"""A story: what happens in a world that did everything right for two days (`World.lawful`) under the named profiles.

It may give back what was seen in the footage store. `breaks` are the codes of *all* findings of the breaking story, in
their order; `listed` those of the lawful one, for rules that only list.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.rules.simulator import HOUR, STREAM, World, document, person

from custody.rules import LogVerdict, Observation, Status
from custody.rules.observation import Seen
from custody.v1 import record_pb2 as pb

Telling = Callable[[World], Any]


@dataclass(frozen=True, kw_only=True)
class Story:
    rules: str
    """Ids of the rules that it is about, with blanks between."""
    profiles: str = "bj185 cn799"
    lawful: Telling
    breaking: Telling
    breaks: str
    listed: str = ""
    site: dict[str, Any] = field(default_factory=dict)
    bare: bool = False
    """True when the story begins with nothing at all."""


def seen(status: Status, first: int = 1, last: int = 1) -> Observation:
    return Observation(streams={STREAM: [Seen(first, last, status)]})


def log(verdict: LogVerdict) -> Observation:
    return Observation(log=verdict)


def nothing(_: World) -> None:
    return None


def tell(*steps: Callable[[World], Any]) -> Telling:
    """Several steps, the last one's answer."""

    def run(world: World) -> Any:
        answer = None
        for step in steps:
            answer = step(world)
        return answer

    return run


def keep(days: float) -> Telling:
    return lambda w: w.record(days=days, length=12 * HOUR)


def state_access(**more: Any) -> Telling:
    return lambda w: w.access(**more)


def private(**more: Any) -> Telling:
    fields: dict[str, Any] = {
        "accessor": pb.ACCESSOR_KIND_PRIVATE_PERSON,
        "purpose": pb.ACCESS_PURPOSE_PERSONAL_RIGHTS,
        "officers": [person("neighbour", "")],
        "documents": [document("consent")],
        "consent": True,
    }
    return lambda w: w.access(**(fields | more))


def publish(*, protected: bool) -> Telling:
    return lambda w: w.tell(
        publication=pb.Publication(streams=[STREAM], published_sha256=b"p" * 32, protected=protected, medium="web")
    )


def provide(**more: Any) -> Telling:
    fields: dict[str, Any] = {"act": pb.ACCESS_ACT_PROVIDE, "recipient": "Bureau", "copies_sha256": [b"c" * 32]}
    return lambda w: w.access(**(fields | more))


def inspect(**more: Any) -> Telling:
    fields: dict[str, Any] = {"authority": "Bureau", "inspectors": [person("inspector")], "report_sha256": b"r" * 32}
    return lambda w: w.tell(inspection=pb.Inspection(site="north", inspection_id="n1", **(fields | more)))


def open_disclosure(basis: str) -> Telling:
    return lambda w: w.tell(
        disclosure_access=pb.DisclosureAccess(
            streams=[STREAM], opened_commitments=[b"d" * 32], act=pb.DISCLOSURE_ACT_READ, basis=basis
        )
    )
