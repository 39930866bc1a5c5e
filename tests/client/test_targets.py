"""Which server, whose keys: several targets, the leader's hint, pinned keys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from tests.client.camera_records import raw_segment
from tests.client.clock import Clock, Connect
from tests.client.ledger_simulator import ORIGIN, LedgerSimulator, serve

from custody.client import KeysNotPinned, LedgerUnavailable, RefusedError, State, fetch_keys, pin
from custody.client.refusal import from_message
from custody.core.errors import CustodyError, SignatureError
from custody.core.note import SignatureType, SignerKey
from custody.v1 import ledger_pb2


@pytest.fixture
async def standby(sockets: Path) -> AsyncIterator[LedgerSimulator]:
    simulator = LedgerSimulator()
    server = await serve(simulator, sockets / "standby")
    yield simulator
    await server.stop(None)


async def test_a_standby_names_the_leader_and_the_client_goes_there(
    connect: Connect, ledger: LedgerSimulator, standby: LedgerSimulator, sockets: Path
) -> None:
    leader = f"unix:{sockets / 'ledger'}"
    standby.lies.refuse = [(grpc.StatusCode.UNAVAILABLE, "not-leader", {"leader": leader, "retryable": "true"})]
    client = await connect(target=f"unix:{sockets / 'standby'}")
    receipt = await client.append([raw_segment(0)])
    assert receipt.indexes == (0,)
    assert client.target == leader
    assert (ledger.tree.size, standby.tree.size) == (1, 0)


async def test_the_next_server_is_asked_when_one_does_not_answer(
    connect: Connect, ledger: LedgerSimulator, sockets: Path, clock: Clock
) -> None:
    client = await connect(target=[f"unix:{sockets / 'nobody'}", f"unix:{sockets / 'ledger'}"])
    await client.append([raw_segment(0)])
    assert client.target == f"unix:{sockets / 'ledger'}"
    assert len(clock.waits) == 1


async def test_a_leader_that_is_gone_leads_back_to_the_known_servers(
    connect: Connect, ledger: LedgerSimulator, sockets: Path
) -> None:
    gone = f"unix:{sockets / 'gone'}"
    ledger.lies.refuse = [(grpc.StatusCode.UNAVAILABLE, "not-leader", {"leader": gone})]
    client = await connect()
    await client.append([raw_segment(0)])
    assert client.target == f"unix:{sockets / 'ledger'}"


async def test_keys_are_never_trusted_silently(connect: Connect, ledger: LedgerSimulator, tmp_path: Path) -> None:
    with pytest.raises(KeysNotPinned) as refused:
        await connect(vkeys=[], state=tmp_path / "state.db")
    assert refused.value.code == "keys-not-pinned"


async def test_fetched_keys_are_pinned_by_an_explicit_act(
    connect: Connect, ledger: LedgerSimulator, sockets: Path, tmp_path: Path
) -> None:
    origin, keys = await fetch_keys(f"unix:{sockets / 'ledger'}")
    assert (origin, [key.encode() for key in keys]) == (ORIGIN, [ledger.vkey])
    pin(tmp_path / "state.db", origin, keys)
    client = await connect(vkeys=[], state=tmp_path / "state.db")
    await client.append([raw_segment(0)])
    await client.close()
    with pytest.raises(CustodyError) as refused:
        await fetch_keys(f"unix:{sockets / 'ledger'}", log="ledger.test/other")
    assert refused.value.code == "checkpoint-origin"
    ledger.lies.key = SignerKey.from_seed(ORIGIN, SignatureType.ED25519, b"\x09" * 32)
    with pytest.raises(SignatureError):
        await fetch_keys(f"unix:{sockets / 'ledger'}")
    with pytest.raises(ValueError, match="no key"):
        pin(tmp_path / "state.db", origin, [])


async def test_a_remembered_checkpoint_of_other_keys_is_refused(
    connect: Connect, ledger: LedgerSimulator, tmp_path: Path
) -> None:
    client = await connect(state=tmp_path / "state.db")
    await client.append([raw_segment(0)])
    await client.close()
    other = SignerKey.from_seed(ORIGIN, SignatureType.ED25519, b"\x09" * 32)
    with pytest.raises(SignatureError):
        await connect(state=tmp_path / "state.db", vkeys=[other.vkey])
    State(tmp_path / "state.db").close()  # the failed connect gave the file back


async def test_a_server_that_is_no_ledger(connect: Connect, sockets: Path) -> None:
    server = grpc.aio.server()
    server.add_insecure_port(f"unix:{sockets / 'other'}")
    await server.start()
    client = await connect(target=f"unix:{sockets / 'other'}")
    with pytest.raises(RefusedError) as refused:
        await client.append([raw_segment(0)])
    assert (refused.value.code, refused.value.retryable) == ("unimplemented", False)
    await server.stop(None)


async def test_a_slow_answer_ends_at_the_deadline(connect: Connect, ledger: LedgerSimulator, sockets: Path) -> None:
    held = ledger.lies.hold = []
    client = await connect()
    with pytest.raises(LedgerUnavailable, match="deadline exceeded"):
        await client.append([raw_segment(0)], timeout_s=0.05, retry=False)
    ledger.lies.hold = None
    held[0].set()
    assert (await client.append([raw_segment(0)])).indexes == (0,)


def test_a_refusal_with_a_foreign_status() -> None:
    refusal = from_message(ledger_pb2.Refusal(code="odd", status=99, position=-1))
    assert (refusal.status, refusal.position) == ("UNKNOWN", -1)
