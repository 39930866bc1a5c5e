"""One log, two processes: who writes, who stands by, and what becomes of one that lost the lease without noticing."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from tests.server import ledger_rig
from tests.server.leadership_rig import Peer, SharedLease
from tests.server.ledger_rig import ORIGIN, Fault, Rig, request_of, segment

from custody.server.app import CHANNEL_OPTIONS, LedgerServer, Settings
from custody.server.recovery import StartRefused
from custody.server.sequencer import LedgerStopped, NotLeader
from custody.server.signing import SignerMovedOn
from custody.server.store.protocol import HeadMoved, OutcomeUnknown, StoreDamaged, StoreUnavailable
from custody.v1 import ledger_pb2, ledger_pb2_grpc


class Two:
    """A rig, a lease, and two processes that may hold it."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.shared = SharedLease()
        self.one = Peer(rig, self.shared, "unix:/run/one")
        self.other = Peer(rig, self.shared, "unix:/run/other")

    async def start(self) -> None:
        """One leads, the other stands by."""
        self.one.start()
        await self.one.leads()
        self.other.start()
        await self.other.looked.wait()

    async def size(self) -> int:
        return (await self.rig.raw_store.state()).head.size


@pytest.fixture
async def two(rig: Rig) -> AsyncIterator[Two]:
    made = Two(rig)
    await made.start()
    yield made
    for peer in (made.one, made.other):
        peer.lease.silent, peer.lease.failure = False, None
        await peer.stop()
    rig.audit()


async def test_a_standby_names_the_leader(two: Two) -> None:
    with pytest.raises(NotLeader) as refused:
        await two.other.submit([segment(1)])
    assert refused.value.code == "ledger-standby"
    assert refused.value.leader == two.one.address
    with pytest.raises(NotLeader):
        await two.other.sequencer.snapshot()


async def test_a_standby_says_so_over_grpc_and_serves_reads(two: Two) -> None:
    await two.one.submit([segment(1), segment(2)])
    await two.other.publication.beyond(1)
    with tempfile.TemporaryDirectory(prefix="cy") as sockets:
        server = LedgerServer([two.other.hosted()], Settings(listen=[f"unix:{sockets}/l"]))
        await server.start()
        async with grpc.aio.insecure_channel(f"unix:{sockets}/l", options=CHANNEL_OPTIONS) as channel:
            stub = ledger_pb2_grpc.LedgerStub(channel)
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stub.Append(request_of([segment(3)]))
            request = ledger_pb2.ReadEntriesRequest(log=ORIGIN, range=ledger_pb2.IndexRange(first=0, count=2))
            pages = [page async for page in stub.ReadEntries(request)]
        await server.stop()
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
    status = rpc_status.from_call(refused.value)
    assert status is not None
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert info.reason == "ledger-standby"
    assert dict(info.metadata) == {"position": "-1", "retryable": "true", "leader": two.one.address}
    assert sum(len(page.entries) for page in pages) == 2


async def test_a_standby_catches_up_with_what_the_leader_publishes(two: Two) -> None:
    for number in range(3):
        appended = await two.one.submit([segment(number)])
        await two.other.publication.beyond(appended.checkpoint.size - 1)
        assert two.other.publication.note == two.one.publication.note


async def test_a_ledger_that_lags_looks_into_the_storage_before_it_calls_a_size_unknown(two: Two) -> None:
    """A leader that was paused thinks that it leads, and a client may know more than it does: that is no rollback."""
    await two.one.submit([segment(1)])
    lagging = Peer(two.rig, SharedLease(), "unix:/run/lagging")
    lagging.sequencer.leader = None
    old = await two.rig.raw_store.checkpoint(0)
    lagging.publication.publish(0, old or b"")
    with tempfile.TemporaryDirectory(prefix="cy") as sockets:
        server = LedgerServer([lagging.hosted()], Settings(listen=[f"unix:{sockets}/l"]))
        await server.start()
        async with grpc.aio.insecure_channel(f"unix:{sockets}/l", options=CHANNEL_OPTIONS) as channel:
            stub = ledger_pb2_grpc.LedgerStub(channel)
            request = ledger_pb2.GetProofRequest(log=ORIGIN, size=1, consistency=ledger_pb2.Consistency(old_size=1))
            answer = await stub.GetProof(request)
            beyond = ledger_pb2.GetProofRequest(log=ORIGIN, size=2, consistency=ledger_pb2.Consistency(old_size=1))
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stub.GetProof(beyond)
        await server.stop()
    assert answer.checkpoint == two.one.publication.note
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND


async def test_the_standby_takes_over_when_the_lease_ends(two: Two) -> None:
    await two.one.submit([segment(1)])
    two.one.lease.silent = True
    two.shared.end()
    await two.other.leads()
    assert two.shared.holder == two.other.address
    appended = await two.other.submit([segment(2)])
    assert appended.entries[0].index == 1


async def test_a_leader_that_goes_leaves_the_lease_to_the_next(two: Two) -> None:
    assert await two.one.stop() is None
    await two.other.leads()
    assert await two.size() == 0
    await two.other.submit([segment(1)])
    two.one.start()  # for the fixture to stop


async def test_a_paused_leader_that_wakes_up_writes_nothing(two: Two) -> None:
    await two.one.submit([segment(1)])
    two.one.lease.silent = True  # as one that is paused it does not renew, and does not learn of it
    two.shared.end()
    await two.other.leads()
    epoch = (await two.rig.raw_store.state()).head.epoch
    with pytest.raises(LedgerStopped):
        await two.one.submit([segment(2)])
    state = await two.rig.raw_store.state()
    assert (state.head.size, state.head.epoch) == (1, epoch)
    two.one.lease.silent = False
    await two.one.stands_by()
    with pytest.raises(NotLeader):
        await two.one.submit([segment(2)])
    assert two.one.sequencer.halted is None, "nothing is wrong with it"
    assert (await two.other.submit([segment(2)])).entries[0].index == 1


async def test_a_leader_fenced_between_commit_and_publication_changes_nothing(two: Two) -> None:
    """It has committed and signed; its successor finds the entries, gets the same signature, and publishes."""
    two.rig.faults.waiting.append(Fault("store.publish", kept=False, how="crash"))
    sending = asyncio.create_task(two.one.submit([segment(1)]))
    await two.rig.faults.crashed.wait()
    two.one.lease.silent = True
    two.shared.end()
    await two.other.leads()
    assert (await two.rig.raw_store.state()).published == 1
    two.one.lease.silent = False  # it hears that the lease has gone to another
    await two.one.stands_by()
    with pytest.raises(LedgerStopped):
        await sending
    assert all(len(notes) == 1 for notes in two.rig.signer.notes.values())
    again = await two.other.submit([segment(1)])  # the record is there: the first receipt, not a second entry
    assert again.entries[0].index == 0
    assert await two.size() == 1


async def test_a_leader_that_cannot_renew_stops_writing(two: Two) -> None:
    two.one.lease.failure = StoreUnavailable("the database does not answer")
    await two.one.stands_by()
    with pytest.raises(NotLeader) as refused:
        await two.one.submit([segment(1)])
    assert refused.value.leader == ""
    two.shared.end()
    await two.other.leads()
    await two.other.submit([segment(1)])
    assert await two.size() == 1


async def test_a_leader_leads_again_when_the_database_answers_again(two: Two) -> None:
    await two.other.stop()
    two.one.lease.failure = OutcomeUnknown("the connection ended")
    await two.one.stands_by()
    two.one.lease.failure = None
    two.shared.end()
    await two.one.leads()
    await two.one.submit([segment(1)])
    two.other.start()


async def test_a_signer_that_another_process_used_makes_the_leader_look_again(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ledger_rig.ERRORS, "moved-on", SignerMovedOn)
    two.rig.faults.waiting.append(Fault("signer.sign", kept=False, how="moved-on"))
    with pytest.raises(LedgerStopped):
        await two.one.submit([segment(1)])
    await two.one.leads()
    appended = await two.one.submit([segment(1)])  # committed before, published by the reopening
    assert (appended.entries[0].index, await two.size()) == (0, 1)


async def test_a_head_that_moves_under_the_leader_costs_the_leadership_only(two: Two) -> None:
    two.rig.faults.waiting.append(Fault("store.commit", kept=False, how="moved"))
    with pytest.raises(LedgerStopped):
        await two.one.submit([segment(1)])
    waiting = {asyncio.create_task(peer.leads()) for peer in (two.one, two.other)}
    _, late = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in late:
        task.cancel()
    (leader,) = [peer for peer in (two.one, two.other) if peer.sequencer.leader is None]
    await leader.submit([segment(1)])
    assert await two.size() == 1


@pytest.mark.parametrize("error", [StartRefused("the signer latched", code="signer-latched"), StoreDamaged("torn")])
async def test_what_a_person_has_to_look_at_ends_the_process_and_frees_the_lease(
    rig: Rig, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ledger_rig.ERRORS, "person", lambda _: error)
    shared = SharedLease()
    peer = Peer(rig, shared, "unix:/run/one")
    rig.faults.waiting.append(Fault("signer.state", kept=False, how="person"))
    peer.start()
    assert peer.running is not None
    (end,) = await asyncio.gather(peer.running, return_exceptions=True)
    assert end is error
    assert shared.holder == ""
    with pytest.raises(NotLeader):
        await peer.submit([segment(1)])


async def test_a_lease_that_cannot_be_given_up_does_not_hold_up_the_end(rig: Rig) -> None:
    shared = SharedLease()
    peer = Peer(rig, shared, "unix:/run/one")
    peer.start()
    await peer.leads()
    peer.lease.silent = True
    assert await peer.stop() is None
    assert shared.holder == peer.address  # it ends by itself


async def test_a_log_that_moves_while_it_is_loaded_is_loaded_again(rig: Rig) -> None:
    shared = SharedLease()
    peer = Peer(rig, shared, "unix:/run/one")
    rig.faults.waiting.append(Fault("store.fence", kept=False, how="moved"))
    peer.start()
    await peer.leads()
    await peer.submit([segment(1)])
    assert await peer.stop() is None
    assert ledger_rig.ERRORS["moved"] is HeadMoved
