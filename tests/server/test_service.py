"""The gRPC service as its peers meet it: appending, streams, following, health, reflection, deadlines."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from tests.server.ledger_rig import ORIGIN, Fault, range_proof, request_of, segment
from tests.server.refusals import Served, refusal

from custody.core.chain import Head
from custody.core.checkpoint import open_checkpoint
from custody.core.entry import decode_entry
from custody.core.hashing import leaf_hash
from custody.core.heads import check_heads
from custody.core.proof import verify_consistency, verify_inclusion
from custody.core.range_proof import verify_range
from custody.server.app import SERVICE
from custody.server.pool import Pool
from custody.v1 import ledger_pb2, record_pb2


async def append(served: Served, *numbers: int, known_size: int = 0) -> Any:
    records = [segment(number) for number in numbers]
    response = await served.stub.Append(request_of(records, known_size=known_size))
    return response, served.rig.read(records, response)


async def test_a_receipt_proves_consistency_with_what_the_client_holds(served: Served) -> None:
    _, first = await append(served, *range(5))
    for size in (5, 6):
        response, then = await append(served, 10 + size, known_size=5)
        assert then.checkpoint.size == size + 1
        verify_consistency(5, first.checkpoint.root, size + 1, then.checkpoint.root, response.consistency)


async def test_a_batch_that_is_partly_known_gets_its_first_places_again(served: Served) -> None:
    _, old = await append(served, 1, 2, 3)
    _, mixed = await append(served, 9, 3, 8, 1, 7)
    assert [mixed.entries[1], mixed.entries[3]] == [old.entries[2], old.entries[0]]
    assert [entry.index for entry in mixed.entries] == [3, 2, 4, 0, 5]
    _, again = await append(served, 7, 1, 8, 3, 9)
    assert again.entries == list(reversed(mixed.entries))
    assert await served.size() == 6


async def test_the_same_batch_sent_at_once_many_times_is_stored_once(served: Served) -> None:
    sent = await asyncio.gather(*(append(served, 1, 2) for _ in range(20)), *(append(served, 2, 3) for _ in range(20)))
    assert await served.size() == 3
    assert len({entry.leaf for _, receipted in sent for entry in receipted.entries}) == 3
    served.rig.audit()


async def test_the_name_that_a_peer_claims_is_recorded_as_unverified(served: Served) -> None:
    records = [segment(1)]
    response = await served.stub.Append(request_of(records), metadata=(("custody-submitter", "nvr-7"),))
    (entry,) = served.rig.read(records, response).entries
    assert entry.entry.submitter == "urn:custody:unverified:nvr-7"
    _, nameless = await append(served, 2)
    assert nameless.entries[0].entry.submitter == "urn:custody:unverified:anonymous"


async def test_a_stream_answers_in_order_and_a_refusal_ends_nothing(served: Served) -> None:
    batches: list[list[bytes]] = [[segment(3 * n + at) for at in range(3)] for n in range(100)]
    batches[41] = [segment(1_000), b"\xff"]
    call = served.stub.AppendStream()

    async def send() -> None:
        for batch in batches:
            await call.write(request_of(batch))
        await call.done_writing()

    sending = asyncio.create_task(send())
    results = [result async for result in call]
    await sending
    assert len(results) == len(batches)
    for number, (batch, result) in enumerate(zip(batches, results, strict=True)):
        if number == 41:
            assert (result.refusal.code, result.refusal.position, result.refusal.retryable) == (
                "record-malformed",
                1,
                False,
            )
            assert result.refusal.status == grpc.StatusCode.INVALID_ARGUMENT.value[0]
        else:
            served.rig.read(batch, result.response)
    assert await served.size() == 297
    served.rig.audit()


async def test_a_stream_that_is_left_in_the_middle_hurts_nobody(served: Served) -> None:
    for first in range(0, 40, 8):
        call = served.stub.AppendStream()
        for number in range(first, first + 8):
            await call.write(request_of([segment(number)]))
        call.cancel()
    _, receipted = await append(served, *range(40))
    assert len(receipted.entries) == 40
    assert await served.size() == 40
    served.rig.audit()


async def test_a_full_pool_turns_away_what_may_come_later(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served.rig.sequencer, "_pool", Pool(max_records=3))  # nobody takes from this one
    told = await refusal(served.stub.Append(request_of([segment(n) for n in range(4)])))
    assert (told.status, told.code, told.retryable) == ("RESOURCE_EXHAUSTED", "pool-full", "true")
    monkeypatch.undo()
    await append(served, *range(4))


async def test_a_deadline_ends_the_wait_and_the_batch_can_be_sent_again(served: Served) -> None:
    served.rig.faults.waiting = [Fault("store.commit", True, "crash")]
    with pytest.raises(grpc.aio.AioRpcError) as told:
        await served.stub.Append(request_of([segment(1)]), timeout=0.2)
    assert told.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    await served.rig.crash()
    assert len((await served.rig.append([segment(1)])).entries) == 1
    assert await served.size() == 1


async def test_a_halted_log_says_so_and_still_reads(served: Served) -> None:
    await append(served, 1)
    served.rig.faults.waiting = [Fault("store.commit", False, "moved")]
    told = await refusal(served.stub.Append(request_of([segment(2)])))
    assert (told.status, told.code, told.retryable) == ("UNAVAILABLE", "ledger-stopped", "true")
    for _ in range(2):
        told = await refusal(served.stub.Append(request_of([segment(2)]), timeout=5))
        assert (told.status, told.code) == ("UNAVAILABLE", "ledger-stopped")
    told = await refusal(served.stub.GetChainHeads(ledger_pb2.GetChainHeadsRequest(log=ORIGIN, fresh=True), timeout=5))
    assert told.code == "ledger-stopped"
    assert len(await served.read(range={"first": 0, "count": 9})) == 1
    await served.rig.crash()


async def test_follow_gives_everything_once_and_in_order(served: Served) -> None:
    await append(served, *range(1_500, 1_500 + 1_000))
    call = served.stub.Follow(ledger_pb2.FollowRequest(log=ORIGIN, from_index=990))
    seen: list[int] = []

    async def follow() -> None:
        async for page in call:
            checkpoint = open_checkpoint(page.checkpoint, served.rig.signer.signing.vkey, origin=ORIGIN)
            leaves = [leaf_hash(one.entry) for one in page.entries]
            proof = range_proof(page.range)
            verify_range(leaves, page.entries[0].index, checkpoint.size, proof, checkpoint.root)
            seen.extend(one.index for one in page.entries)
            if seen[-1] == 1_029:
                return

    following = asyncio.create_task(follow())
    for number in range(30):
        await append(served, number)
    await asyncio.wait_for(following, 30)
    call.cancel()
    assert seen == list(range(990, 1_030))


async def test_follow_of_a_chain_gives_its_entries_alone(served: Served) -> None:
    chain = "footage/site-1/cam-2"
    call = served.stub.Follow(ledger_pb2.FollowRequest(log=ORIGIN, chains=[chain]))
    for number in range(6):
        await served.stub.Append(request_of([segment(number, stream=f"site-1/cam-{number % 3}")]))
    found: list[int] = []
    async for page in call:
        found += [one.index for one in page.entries]
        if open_checkpoint(page.checkpoint, served.rig.signer.signing.vkey, origin=ORIGIN).size == 6:
            break
    call.cancel()
    assert found == [2, 5]


async def test_chain_heads_are_those_of_the_log(served: Served) -> None:
    told = await refusal(served.stub.GetChainHeads(ledger_pb2.GetChainHeadsRequest(log=ORIGIN)))
    assert (told.status, told.code) == ("FAILED_PRECONDITION", "snapshot-unknown")
    told = await refusal(served.stub.GetChainHeads(ledger_pb2.GetChainHeadsRequest(log=ORIGIN, fresh=True)))
    assert told.code == "log-empty"
    await append(served, 1, 2)
    for fresh, index in ((True, 2), (True, 3), (False, 3)):
        answer = await served.stub.GetChainHeads(ledger_pb2.GetChainHeadsRequest(log=ORIGIN, fresh=fresh))
        assert answer.snapshot.index == index
        checkpoint = open_checkpoint(answer.checkpoint, served.rig.signer.signing.vkey, origin=ORIGIN)
        verify_inclusion(
            leaf_hash(answer.snapshot.entry), index, checkpoint.size, tuple(answer.inclusion.hashes), checkpoint.root
        )
        snapshot = record_pb2.Record.FromString(decode_entry(answer.snapshot.entry).record)
        check_heads(
            snapshot.chain_heads, index, {head.chain: Head(head.seq, head.leaf_sha256) for head in answer.heads}
        )
    served.rig.audit()


async def test_a_log_that_is_being_opened_is_unavailable_and_not_empty(served: Served) -> None:
    await append(served, 1)
    served.rig.publication.size, served.rig.publication.note = 0, b""
    for call in (
        served.read(range={"first": 0, "count": 1}),
        served.stub.GetCheckpoint(ledger_pb2.GetCheckpointRequest(log=ORIGIN)),
        served.stub.GetProof(ledger_pb2.GetProofRequest(log=ORIGIN, inclusion=ledger_pb2.Inclusion(index=0))),
    ):
        told = await refusal(call)
        assert (told.status, told.retryable) == ("UNAVAILABLE", "true")


async def test_checkpoints_by_size(served: Served) -> None:
    for number in range(3):
        await append(served, number)
    for size in (1, 2, 3):
        answer = await served.stub.GetCheckpoint(ledger_pb2.GetCheckpointRequest(log=ORIGIN, size=size))
        assert open_checkpoint(answer.checkpoint, served.rig.signer.signing.vkey, origin=ORIGIN).size == size
    told = await refusal(served.stub.GetCheckpoint(ledger_pb2.GetCheckpointRequest(log=ORIGIN, size=4)))
    assert (told.status, told.code) == ("NOT_FOUND", "checkpoint-unknown")


async def test_the_only_log_need_not_be_named(served: Served) -> None:
    answer = await served.stub.GetLog(ledger_pb2.GetLogRequest())
    assert (answer.log, list(answer.vkeys)) == (ORIGIN, [served.rig.signer.signing.vkey.encode()])


async def test_health_and_reflection(served: Served) -> None:
    stub = health_pb2_grpc.HealthStub(served.channel)
    for name in ("", SERVICE, ORIGIN):
        answer = await stub.Check(health_pb2.HealthCheckRequest(service=name))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    reflection = reflection_pb2_grpc.ServerReflectionStub(served.channel)
    call = reflection.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(list_services="")]))
    (answer,) = [one async for one in call]
    assert SERVICE in {one.name for one in answer.list_services_response.service}
