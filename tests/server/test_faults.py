"""The fault-pair table: every durable step of DESIGN section 4 fails, carried out or not, and then recovery fails too.

Afterwards, always: what was acknowledged is in the log as the receipt says; whoever sends again gets the first receipt
again; for one size there is one note; the whole log verifies.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from tests.server.ledger_rig import Appended, Fault, Rig, access, segment

from custody.core.errors import CustodyError
from custody.server.store.protocol import HeadMoved

Ways = dict[str, dict[bool, tuple[str, ...]]]

STEPS: Ways = {
    # step: how it may fail when it was (not) carried out
    "store.commit": {False: ("unavailable", "unknown", "moved", "crash"), True: ("unavailable", "unknown", "crash")},
    "signer.sign": {False: ("no-signer", "crash"), True: ("no-signer", "crash")},
    "store.publish": {False: ("unavailable", "unknown", "moved", "crash"), True: ("unavailable", "unknown", "crash")},
}
RECOVERY: Ways = {
    "store.state": {False: ("unavailable", "crash")},
    "store.tiles": {False: ("unavailable", "crash")},
    "store.entries": {False: ("unavailable", "crash")},
    "store.heads": {False: ("unavailable", "crash")},
    "signer.state": {False: ("no-signer", "crash")},
    "store.fence": {
        False: ("unavailable", "unknown", "moved", "crash"),
        True: ("unavailable", "unknown", "moved", "crash"),
    },
    "signer.sign": STEPS["signer.sign"],
    "store.publish": STEPS["store.publish"],
}


def table(steps: Ways) -> list[Fault]:
    return [Fault(step, kept, how) for step, ways in steps.items() for kept, hows in ways.items() for how in hows]


FIRST = table(STEPS)
SECOND = table(RECOVERY)


async def story(rig: Rig, faults: Sequence[Fault]) -> None:
    a = [segment(1), segment(2), access(3, "site-1/cam-1", "site-1/cam-2")]
    b = [segment(4), segment(5, stream="site-1/cam-2")]
    c = [segment(6)]
    before = await rig.append(a)
    rig.faults.waiting = list(faults)
    during = await rig.append(b)
    if rig.faults.waiting:  # nothing had to be recovered from; a plain restart meets the second fault
        await rig.crash()
    after = await rig.append(c)
    assert not [fault for fault in rig.faults.waiting if fault.step not in {"signer.sign", "store.publish"}]
    rig.faults.waiting = []
    assert all(isinstance(end, HeadMoved) for end in rig.ends), rig.ends
    await everything_holds(rig, {0: (a, before), 1: (b, during), 2: (c, after)})


async def everything_holds(rig: Rig, sent: dict[int, tuple[list[bytes], Appended]]) -> None:
    for records, first in sent.values():
        again = await rig.append(records)
        assert again.entries == first.entries
        stored = await rig.raw_store.entries_at([entry.index for entry in first.entries])
        assert [entry for _, entry in stored] == [entry.entry.raw for entry in first.entries]
    indexes = [entry.index for _, first in sent.values() for entry in first.entries]
    assert sorted(indexes) == list(range(len(indexes)))  # each record once, nothing else
    assert all(len(notes) == 1 for notes in rig.signer.notes.values())
    rig.audit()


@pytest.mark.parametrize("fault", FIRST, ids=str)
async def test_a_step_fails(rig: Rig, fault: Fault) -> None:
    await story(rig, [fault])


@pytest.mark.parametrize("fault", table({"store.known_records": {False: ("unavailable", "crash")}}), ids=str)
async def test_looking_for_known_records_fails(rig: Rig, fault: Fault) -> None:
    a = [segment(1)]
    first = await rig.append(a)
    rig.faults.waiting = [fault]
    assert (await rig.append(a)).entries == first.entries
    assert not rig.faults.waiting
    await everything_holds(rig, {0: (a, first)})


@pytest.mark.parametrize("second", SECOND, ids=str)
@pytest.mark.parametrize("first", FIRST, ids=str)
async def test_recovery_fails_too(rig: Rig, first: Fault, second: Fault) -> None:
    await story(rig, [first, second])


@pytest.mark.parametrize("second", FIRST, ids=str)
async def test_a_new_log_fails_twice_before_its_first_checkpoint(rig: Rig, second: Fault) -> None:
    rig.faults.waiting = [Fault("signer.sign", True, "crash"), Fault("store.publish", True, "crash"), second]
    a, b = [segment(1)], [segment(2)]
    first = await rig.append(a)
    await everything_holds(rig, {0: (a, first), 1: (b, await rig.append(b))})


async def test_the_store_stays_away_for_all_tries(rig: Rig) -> None:
    await rig.append([segment(1)])
    rig.faults.waiting = [Fault("store.commit", False, "unavailable")] * 9
    a = [segment(2)]
    first = await rig.append(a)
    assert not rig.faults.waiting
    assert rig.ends == []
    await everything_holds(rig, {0: (a, first), 1: ([segment(1)], await rig.append([segment(1)]))})


async def test_what_ends_a_sequencer_is_told_to_whoever_sends(rig: Rig) -> None:
    await rig.append([segment(1)])
    rig.faults.waiting = [Fault("store.commit", False, "moved")]
    with pytest.raises(CustodyError) as told:
        await rig.submit([segment(2)])
    assert told.value.code == "ledger-stopped"
    await rig.crash()
    with pytest.raises(CustodyError) as told:
        await rig.submit([segment(2)])
    assert told.value.code == "ledger-stopped"
