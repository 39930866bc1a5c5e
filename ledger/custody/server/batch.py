"""A batch on its way: what was admitted, and where it was sequenced.

An admitted batch is checked in form and is the submitter's to tell. It is sequenced whole or not at all.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from custody.core.record import ReadRecord
from custody.core.tree import Extension


class Admitted(NamedTuple):
    """One record of a batch and the first half of its entry (`core.entry.sealed_record`)."""

    record: ReadRecord
    sealed: bytes


class NewRun(NamedTuple):
    """New neighbouring entries of one batch, as they were stamped."""

    first_index: int
    stamps: Sequence[bytes]
    positions: Sequence[int]
    """Positions in the batch; empty when they are all of it in order."""


class Outcome(NamedTuple):
    """Where the records of a batch are, and the published checkpoint that covers them."""

    size: int
    note: bytes
    run: NewRun | None
    """The new entries; None when there was none."""
    known: Sequence[tuple[int, int]]
    """(position, leaf index) of records that had been appended before."""
    extension: Extension | None
    """The growth in which the run stands: its range proof and recent consistency proofs come from here."""


@dataclass(slots=True, eq=False)
class Batch:
    """Waits in the pool until it is published; owned by the sequencer from `Pool.put` on."""

    submitter: str
    items: Sequence[Admitted]
    total_bytes: int
    sealed_as_one: bool = False
    """One seal covers the batch, so its entries must be neighbours in the log."""
    done: asyncio.Future[Outcome] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
