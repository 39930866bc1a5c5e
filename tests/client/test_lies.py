"""Every lie of a ledger is refused with its own error, and nothing is believed on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.client.camera_records import raw_segment
from tests.client.clock import Clock, Connect
from tests.client.ledger_simulator import ORIGIN, LedgerSimulator, forged

from custody.client import LatchedError, LedgerClient, State
from custody.core.checkpoint import Checkpoint
from custody.core.entry import Link
from custody.core.errors import CheckpointConflictError, CustodyError, ForkError, RollbackError
from custody.core.note import SignatureType, SignerKey
from custody.v1 import ledger_pb2

Lie = Callable[[LedgerSimulator, ledger_pb2.AppendResponse], None]


def _other_key(ledger: LedgerSimulator, answer: ledger_pb2.AppendResponse) -> None:
    key = SignerKey.from_seed(ORIGIN, SignatureType.ED25519, b"\x07" * 32)
    answer.checkpoint = forged(
        Checkpoint(origin=ORIGIN, size=ledger.tree.size, root=ledger.tree.root(ledger.tree.size)), key
    )


def _broken_signature(ledger: LedgerSimulator, answer: ledger_pb2.AppendResponse) -> None:
    note = bytearray(answer.checkpoint)
    note[-20] = ord("A") if note[-20] != ord("A") else ord("B")
    answer.checkpoint = bytes(note)


def _other_origin(ledger: LedgerSimulator, answer: ledger_pb2.AppendResponse) -> None:
    root = ledger.tree.root(ledger.tree.size)
    answer.checkpoint = forged(Checkpoint(origin="ledger.test/other", size=ledger.tree.size, root=root), ledger.key)


def _no_note(_: LedgerSimulator, answer: ledger_pb2.AppendResponse) -> None:
    answer.checkpoint = b"size 5\n"


def _range_proof(_: LedgerSimulator, answer: ledger_pb2.AppendResponse) -> None:
    answer.runs[0].proof.left[0] = b"\x00" * 32


def _short_range_proof(_: LedgerSimulator, answer: ledger_pb2.AppendResponse) -> None:
    del answer.runs[0].proof.left[:]


def _elsewhere(_: LedgerSimulator, answer: ledger_pb2.AppendResponse) -> None:
    answer.runs[0].first_index -= 1


def _beyond(_: LedgerSimulator, answer: ledger_pb2.AppendResponse) -> None:
    answer.runs[0].first_index += 1


def _swapped_stamps(_: LedgerSimulator, answer: ledger_pb2.AppendResponse) -> None:
    stamps = list(answer.runs[0].stamps)
    answer.runs[0].stamps[:] = [stamps[0], stamps[2], stamps[1], *stamps[3:]]


def _stamp_with_record(_: LedgerSimulator, answer: ledger_pb2.AppendResponse) -> None:
    answer.runs[0].stamps[1] = b"\x0a\x03abc" + answer.runs[0].stamps[1]


def _garbage_stamp(_: LedgerSimulator, answer: ledger_pb2.AppendResponse) -> None:
    answer.runs[0].stamps[1] = b"\xff\xff\xff"


def _fewer(_: LedgerSimulator, answer: ledger_pb2.AppendResponse) -> None:
    del answer.runs[0].stamps[-1]


def _none(_: LedgerSimulator, answer: ledger_pb2.AppendResponse) -> None:
    del answer.runs[:]


def _empty_run(_: LedgerSimulator, answer: ledger_pb2.AppendResponse) -> None:
    del answer.runs[0].stamps[:]


def _twice(_: LedgerSimulator, answer: ledger_pb2.AppendResponse) -> None:
    answer.runs[0].positions[:] = [0, 1, 2, 2]


def _position_beyond(_: LedgerSimulator, answer: ledger_pb2.AppendResponse) -> None:
    answer.runs[0].positions[:] = [0, 1, 2, 4]


def _positions_lacking(_: LedgerSimulator, answer: ledger_pb2.AppendResponse) -> None:
    answer.runs[0].positions[:] = [0, 1, 2]


LIES: list[tuple[Lie, str]] = [
    (_other_key, "signature-missing"),
    (_broken_signature, "signature-invalid"),
    (_other_origin, "checkpoint-origin"),
    (_no_note, "note-malformed"),
    (_range_proof, "inclusion-failed"),
    (_short_range_proof, "inclusion-failed"),
    (_elsewhere, "inclusion-failed"),
    (_beyond, "receipt-mismatch"),
    (_swapped_stamps, "chain-broken"),
    (_stamp_with_record, "entry-spelling"),
    (_garbage_stamp, "entry-spelling"),
    (_fewer, "inclusion-failed"),
    (_none, "receipt-mismatch"),
    (_empty_run, "receipt-mismatch"),
    (_twice, "receipt-mismatch"),
    (_position_beyond, "receipt-mismatch"),
    (_positions_lacking, "receipt-mismatch"),
]


@pytest.mark.parametrize(("lie", "code"), LIES, ids=[lie.__name__ for lie, _ in LIES])
async def test_a_lying_receipt_is_refused(client: LedgerClient, ledger: LedgerSimulator, lie: Lie, code: str) -> None:
    await client.append([raw_segment(0)])
    held = client.held
    ledger.lies.answer = lambda answer: lie(ledger, answer)
    with pytest.raises(CustodyError) as refused:
        await client.append([raw_segment(number) for number in range(1, 5)])
    assert refused.value.code == code
    assert client.held == held
    assert client.conflicts() == []
    # A bad receipt is not a fork: an honest answer to the same records is believed.
    ledger.lies.answer = None
    receipt = await client.append([raw_segment(number) for number in range(1, 5)])
    assert receipt.indexes == (1, 2, 3, 4)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda _: Link("footage/site-1/cam-9", 1, b""), "receipt-mismatch"),
        (lambda link: Link(link.chain, link.seq + 1, link.prev), "chain-broken"),
        (lambda link: Link(link.chain, link.seq, b"\x05" * 32), "chain-broken"),
    ],
    ids=["other chain", "other number", "other predecessor"],
)
async def test_a_link_that_is_wrong_though_it_is_in_the_tree(
    client: LedgerClient, ledger: LedgerSimulator, change: Callable[[Link], Link], code: str
) -> None:
    """The ledger hashed the bad link into its tree, so only the link itself gives it away."""
    await client.append([raw_segment(0)])
    ledger.lies.stamp = lambda index, links: [change(link) for link in links] if index == 3 else links
    with pytest.raises(CustodyError) as refused:
        await client.append([raw_segment(number) for number in range(1, 5)])
    assert refused.value.code == code


async def test_an_answer_that_is_no_message(client: LedgerClient, ledger: LedgerSimulator) -> None:
    ledger.lies.answer = lambda answer: answer.Clear()
    with pytest.raises(CustodyError) as refused:
        await client.append([raw_segment(0)])
    assert refused.value.code == "note-malformed"


# ---- rollback and fork


def _both(error: CheckpointConflictError, client: LedgerClient) -> None:
    """The error names both checkpoints, and both are kept, byte for byte."""
    for note in (error.held, error.offered):
        checkpoint = client._link.session.open(note)
        assert f"size {checkpoint.size}" in str(error)
        assert checkpoint.root.hex()[:16] in str(error)
    (kept,) = client.conflicts()
    assert (kept.code, kept.held, kept.offered, kept.cleared_us) == (error.code, error.held, error.offered, None)


async def test_a_log_that_went_back_is_caught_by_the_next_append(client: LedgerClient, ledger: LedgerSimulator) -> None:
    await client.append([raw_segment(number) for number in range(9)])
    ledger.roll_back(5)
    with pytest.raises(RollbackError) as caught:
        await client.append([raw_segment(20)])
    _both(caught.value, client)
    with pytest.raises(LatchedError):
        await client.append([raw_segment(21)])


async def test_a_log_that_went_back_and_grew_past_its_old_size_has_forked(
    client: LedgerClient, ledger: LedgerSimulator
) -> None:
    await client.append([raw_segment(number) for number in range(9)])
    ledger.fork(5, [raw_segment(number) for number in range(100, 110)])
    with pytest.raises(ForkError) as caught:
        await client.append([raw_segment(20)])
    _both(caught.value, client)


async def test_two_roots_for_one_size(client: LedgerClient, ledger: LedgerSimulator) -> None:
    await client.append([raw_segment(number) for number in range(9)])
    ledger.fork(8, [raw_segment(100)])
    with pytest.raises(ForkError) as caught:
        await client.checkpoint()
    _both(caught.value, client)


async def test_a_smaller_checkpoint_in_a_receipt(client: LedgerClient, ledger: LedgerSimulator) -> None:
    """The entries are proven under it, but the client had told that it knows more."""
    await client.append([raw_segment(number) for number in range(5)])
    old = ledger.tree.size
    note = ledger.note(old)
    await client.append([raw_segment(5)])

    def answer_with_the_past(answer: ledger_pb2.AppendResponse) -> None:
        answer.checkpoint = note
        answer.runs[0].proof.CopyFrom(ledger.tree.range(0, 5, old))

    ledger.lies.answer = answer_with_the_past
    with pytest.raises(RollbackError) as caught:
        await client.append([raw_segment(number) for number in range(5)])
    _both(caught.value, client)


@pytest.mark.parametrize("missing", [True, False], ids=["missing", "wrong"])
async def test_growth_without_proof(client: LedgerClient, ledger: LedgerSimulator, missing: bool) -> None:
    await client.append([raw_segment(number) for number in range(5)])

    def answer(response: ledger_pb2.AppendResponse) -> None:
        response.consistency[:] = [] if missing else [b"\x01" * 32] * len(response.consistency)

    ledger.lies.answer = answer
    with pytest.raises(ForkError) as caught:
        await client.append([raw_segment(20)])
    _both(caught.value, client)


async def test_a_fork_shown_to_one_of_many_callers(client: LedgerClient, ledger: LedgerSimulator) -> None:
    """Both ask when the client knows 5 and are answered from two trees that part there; the later answer is refused.

    It needs no further question: the run of the second stands behind another tree than the one that was held by then.
    """
    await client.append([raw_segment(number) for number in range(5)])
    held = ledger.lies.hold = []
    one = asyncio.create_task(client.append([raw_segment(10)]))
    while len(held) < 1:
        await ledger.grown.wait()
    ledger.fork(5, [raw_segment(30)])
    other = asyncio.create_task(client.append([raw_segment(31)]))
    while len(held) < 2:
        await ledger.grown.wait()
    calls = len(ledger.calls)
    held[0].set()
    await one
    held[1].set()
    with pytest.raises(ForkError) as caught:
        await other
    _both(caught.value, client)
    assert "GetProof" not in ledger.calls[calls:]


async def test_the_latch_holds_over_a_restart_until_a_person_clears_it(
    connect: Connect, ledger: LedgerSimulator, clock: Clock, tmp_path: Path
) -> None:
    path = tmp_path / "state.db"
    client = await connect(state=path)
    await client.append([raw_segment(number) for number in range(9)])
    ledger.roll_back(5)
    with pytest.raises(RollbackError):
        await client.checkpoint()
    await client.close()

    client = await connect(state=path)
    with pytest.raises(LatchedError) as latched:
        await client.append([raw_segment(20)])
    assert latched.value.code == "client-latched"
    with pytest.raises(ValueError, match="why"):
        client.clear_conflicts(" ")
    # Cleared without another checkpoint: the log that went back is caught again, and that is kept too.
    client.clear_conflicts("thought it was a test")
    with pytest.raises(RollbackError):
        await client.append([raw_segment(20)])
    client.clear_conflicts("restored from backup after the fire", adopt=ledger.note(5))
    receipt = await client.append([raw_segment(21)])
    assert receipt.checkpoint.size == 7
    first, second = client.conflicts()
    assert (first.reason, second.reason) == ("thought it was a test", "restored from backup after the fire")
    await client.close()
    with_state = State(path)
    assert with_state.checkpoint(ORIGIN) == receipt.note
    with_state.close()


async def test_a_rollback_while_the_client_was_away(connect: Connect, ledger: LedgerSimulator, tmp_path: Path) -> None:
    client = await connect(state=tmp_path / "state.db")
    await client.append([raw_segment(number) for number in range(9)])
    await client.close()
    ledger.roll_back(3)
    client = await connect(state=tmp_path / "state.db")
    with pytest.raises(RollbackError):
        await client.append([raw_segment(20)])
