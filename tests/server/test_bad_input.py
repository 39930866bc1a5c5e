"""Bad input: a clear error with a code, nothing stored, and the server alive afterwards."""

from __future__ import annotations

import os
import socket
from typing import Any

import grpc
import pytest
from tests.server.ledger_rig import ORIGIN, access, record_id, request_of, segment
from tests.server.refusals import Refused, Served, refusal

from custody.core.limits import MAX_BATCH_RECORDS, MAX_MESSAGE_BYTES, MAX_RECORD_BYTES, MAX_TIME_US
from custody.v1 import entry_pb2, ledger_pb2, record_pb2

GOOD = segment(1)
SEAL = entry_pb2.Seal(key_id="key-1", signature=b"s" * 64, count=1)


def changed(**fields: Any) -> bytes:
    record = record_pb2.Record.FromString(segment(2))
    for name, value in fields.items():
        target = record if name in {"record_id", "at_us"} else record.segment
        setattr(target, name, value)
    return record.SerializeToString()


def heads() -> bytes:
    record = record_pb2.Record(record_id=record_id(3), at_us=1)
    record.chain_heads.CopyFrom(record_pb2.ChainHeads(tree_size=1, chains=1, heads_root=bytes(32)))
    return record.SerializeToString()


BAD_RECORDS = {
    "garbage": (b"\xff\xff\xff", "record-malformed"),
    "empty": (b"", "record-kind"),
    "oversize": (changed(path="x" * (MAX_RECORD_BYTES + 1)), "record-oversize"),
    "unknown-field": (segment(2) + b"\xf8\x07\x01", "record-spelling"),
    "two-spellings": (segment(2) + segment(2), "record-spelling"),
    "id-short": (changed(record_id=b"1234"), "record-id"),
    "id-version": (changed(record_id=bytes(16)), "record-id"),
    "hash-short": (changed(file_sha256=b"1" * 31), None),
    "time-zero": (changed(at_us=0), "record-time"),
    "time-negative": (changed(at_us=-5), "record-time"),
    "time-absurd": (changed(at_us=MAX_TIME_US + 1), "record-time"),
    "ends-never": (changed(at_us=MAX_TIME_US, duration_us=10), "record-time"),
    "name": (changed(stream="Site 1/../cam"), "name-malformed"),
    "too-many-streams": (access(2, *(f"site-1/cam-{n:03}" for n in range(257))), None),
    "no-kind": (record_pb2.Record(record_id=record_id(2), at_us=5).SerializeToString(), "record-kind"),
}


@pytest.mark.parametrize("name", BAD_RECORDS)
async def test_a_bad_record_stores_nothing_of_its_batch(served: Served, name: str) -> None:
    raw, code = BAD_RECORDS[name]
    told = await refusal(served.stub.Append(request_of([GOOD, raw])))
    assert told == Refused("INVALID_ARGUMENT", code or told.code, "1", "false")
    assert told.code != "malformed"  # more is known than that
    assert await served.size() == 0
    await served.alive()


BAD_REQUESTS = {
    "no-log": (ledger_pb2.AppendRequest(records=[GOOD]), "NOT_FOUND", "log-unknown"),
    "other-log": (ledger_pb2.AppendRequest(log="x" * 5_000, records=[GOOD]), "NOT_FOUND", "log-unknown"),
    "no-records": (request_of([]), "INVALID_ARGUMENT", "batch-empty"),
    "many-records": (request_of([GOOD] * (MAX_BATCH_RECORDS + 1)), "INVALID_ARGUMENT", "batch-oversize"),
    "absurdly-many": (request_of([b""] * 1_000_000), "INVALID_ARGUMENT", "batch-oversize"),
    "many-bytes": (request_of([bytes(60_000)] * 80), "INVALID_ARGUMENT", "batch-oversize"),
    "an-id-twice": (request_of([GOOD, changed(record_id=record_id(1))]), "INVALID_ARGUMENT", "batch-duplicate-id"),
    "reserved-kind": (request_of([GOOD, heads()]), "PERMISSION_DENIED", "kind-reserved"),
    "seal-count": (request_of([GOOD] + [segment(n) for n in (4, 5)], seals=[SEAL] * 2), "INVALID_ARGUMENT", "seal-count"),
    "seal-empty-key": (
        request_of([GOOD], seals=[entry_pb2.Seal(signature=b"s" * 64, count=1)]), "INVALID_ARGUMENT", "key-id-malformed",
    ),
    "seal-long": (
        request_of([GOOD], seals=[entry_pb2.Seal(key_id="k", signature=b"s" * 2_421, count=1)]), "INVALID_ARGUMENT", "seal-malformed",
    ),
    "seal-no-count": (
        request_of([GOOD], seals=[entry_pb2.Seal(key_id="k", signature=b"s" * 64)]), "INVALID_ARGUMENT", "seal-count",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_REQUESTS)
async def test_a_bad_request_stores_nothing(served: Served, name: str) -> None:
    request, status, code = BAD_REQUESTS[name]
    told = await refusal(served.stub.Append(request))
    assert (told.status, told.code, told.retryable) == (status, code, "false")
    assert await served.size() == 0
    await served.alive()


async def test_the_same_id_with_other_bytes_stores_nothing(served: Served) -> None:
    await served.stub.Append(request_of([segment(1)]))
    told = await refusal(served.stub.Append(request_of([segment(2), changed(record_id=record_id(1)), segment(3)])))
    assert told == Refused("ALREADY_EXISTS", "record-conflict", "1", "false")
    assert await served.size() == 1
    await served.alive()


async def test_a_name_that_is_none_is_unauthenticated(served: Served) -> None:
    told = await refusal(served.stub.Append(request_of([GOOD]), metadata=(("custody-submitter", "a b"),)))
    assert (told.status, told.code) == ("UNAUTHENTICATED", "unauthenticated")
    assert await served.size() == 0


async def test_a_client_that_knows_more_than_the_log_is_told_so(served: Served) -> None:
    told = await refusal(served.stub.Append(request_of([GOOD], known_size=50)))
    assert (told.status, told.code) == ("NOT_FOUND", "size-unknown")


BIG = (1 << 64) - 1
BAD_READS: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({}, "selector-missing"),
    "chain-name": ({"chain": {"chain": "x"}}, "name-malformed"),
    "submitter": ({"submitter_time": {"submitter": "me"}}, "identity-malformed"),
    "digest": ({"file_sha256": b"short"}, "record-digest"),
    "id": ({"record_id": b"short"}, "not-there"),
}


@pytest.mark.parametrize("name", BAD_READS)
async def test_a_bad_read_is_refused(served: Served, name: str) -> None:
    await served.alive()
    selector, code = BAD_READS[name]
    assert (await refusal(served.read(**selector))).code == code
    await served.alive(5)


@pytest.mark.parametrize(
    "selector",
    [
        {"range": {"first": BIG, "count": BIG}},
        {"chain": {"chain": "footage/site-1/cam-1", "first_seq": BIG, "count": BIG}},
        {"chain": {"chain": "footage/nowhere/cam-1"}},
        {"time": {"from_us": -(1 << 63), "to_us": -(1 << 63)}},
        {"time": {"from_us": (1 << 63) - 1, "to_us": -(1 << 63)}},
        {"chain_time": {"chain": "footage/site-1/cam-1", "from_us": (1 << 63) - 1, "to_us": (1 << 63) - 1}},
        {"chain_time": {"chain": "footage/site-1/cam-1", "from_us": -(1 << 63), "to_us": -(1 << 63)}},
    ],
    ids=str,
)
async def test_absurd_numbers_select_nothing(served: Served, selector: dict[str, Any]) -> None:
    await served.alive()
    assert await served.read(**selector) == []


@pytest.mark.parametrize(
    "wanted",
    [
        {"inclusion": {"index": BIG}},
        {"inclusion": {"index": 0}, "size": BIG},
        {"consistency": {"old_size": BIG}},
        {"range": {"first": BIG, "count": BIG}},
        {"range": {"first": 0, "count": 0}},
        {},
    ],
    ids=str,
)
async def test_an_impossible_proof_is_refused(served: Served, wanted: dict[str, Any]) -> None:
    await served.alive()
    told = await refusal(served.stub.GetProof(ledger_pb2.GetProofRequest(log=ORIGIN, **wanted)))
    assert told.code in {"proof-impossible", "size-unknown", "selector-missing"}
    await served.alive(5)


async def test_a_message_above_the_limit_is_turned_away(served: Served) -> None:
    request = request_of([bytes(MAX_MESSAGE_BYTES)])
    async with grpc.aio.insecure_channel(served.target, options=[("grpc.max_send_message_length", -1)]) as channel:
        call: Any = channel.unary_unary("/custody.v1.Ledger/Append")
        with pytest.raises(grpc.aio.AioRpcError) as told:
            await call(request.SerializeToString())
    assert told.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert await served.size() == 0
    await served.alive()


@pytest.mark.parametrize("method", ["Append", "GetProof", "GetCheckpoint", "GetChainHeads", "GetLog"])
async def test_bytes_that_are_no_message(served: Served, method: str) -> None:
    call: Any = served.channel.unary_unary(f"/custody.v1.Ledger/{method}")
    told = await refusal(call(b"\xff\x00garbage\xff"))
    assert (told.status, told.code, told.retryable) == ("INVALID_ARGUMENT", "request-malformed", "false")
    await served.alive()


async def test_a_method_that_is_none(served: Served) -> None:
    call: Any = served.channel.unary_unary("/custody.v1.Ledger/Nonsense")
    with pytest.raises(grpc.aio.AioRpcError) as told:
        await call(b"")
    assert told.value.code() is grpc.StatusCode.UNIMPLEMENTED
    await served.alive()


async def test_bytes_that_are_no_message_in_a_stream(served: Served) -> None:
    call: Any = served.channel.stream_stream("/custody.v1.Ledger/AppendStream")()
    await call.write(b"\xff\x00garbage\xff")
    await call.done_writing()
    result = ledger_pb2.AppendResult.FromString(await call.read())
    assert (result.refusal.code, result.refusal.retryable) == ("request-malformed", False)
    assert await call.read() is grpc.aio.EOF
    await served.alive()


@pytest.mark.parametrize("method", ["ReadEntries", "Follow"])
async def test_bytes_that_are_no_message_to_a_reader(served: Served, method: str) -> None:
    call: Any = served.channel.unary_stream(f"/custody.v1.Ledger/{method}")
    call = call(b"\xff\x00garbage\xff")
    assert (await refusal(call.read())).code == "request-malformed"
    await served.alive()


@pytest.mark.parametrize("seed", range(5))
async def test_garbage_on_the_port(served: Served, seed: int) -> None:
    for garbage in (
        os.urandom(4_096),
        b"GET / HTTP/1.1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + os.urandom(999),
        b"",
    ):
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(served.target.removeprefix("unix:"))
            peer.sendall(garbage)
    await served.alive(seed)
