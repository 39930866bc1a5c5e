"""The whole matrix of role x rpc x record kind, made from the table, against the real server over mutual TLS."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import FieldDescriptor
from tests.security.parties import House, Party, now_us, random10
from tests.server.ledger_rig import ORIGIN, record_id, segment
from tests.server.refusals import refusal

from custody.authority.registration import identity_registered
from custody.core import rights
from custody.core.kinds import KINDS
from custody.core.record import read_record
from custody.core.rights import RPCS, TABLE, Scoping
from custody.core.roles import CERTIFIED, Role, Scope
from custody.server.rights import Denied, check_record, check_rpc
from custody.v1 import ledger_pb2, record_pb2

SITE = "site-1"
STREAM = "site-1/cam-1"
_ids = iter(range(1, 1_000_000))


def example(kind: str, stream: str = STREAM) -> bytes:
    """A record of any kind, with what the kind requires and nothing else."""
    record = record_pb2.Record(record_id=record_id(next(_ids)), at_us=now_us())
    body = getattr(record, kind)
    body.SetInParent()
    if kind == "chain_heads":
        body.tree_size, body.chains, body.heads_root = 1, 1, bytes(32)
    for path in KINDS[kind].required:
        _fill(body, path, stream)
    if KINDS[kind].family == "either":
        body.streams.append(stream)
    return record.SerializeToString()


def _fill(message: Any, path: str, stream: str) -> None:
    name, _, rest = path.partition(".")
    field = message.DESCRIPTOR.fields_by_name[name]
    if rest:
        _fill(getattr(message, name), rest, stream)
        return
    if field.message_type is not None:
        made = getattr(message, name).add() if field.is_repeated else getattr(message, name)
        made.SetInParent()
        _fill_message(made, stream)
        return
    value = _value(field, stream)
    if field.is_repeated:
        getattr(message, name).append(value)
    else:
        setattr(message, name, value)


def _fill_message(message: Any, stream: str) -> None:
    for field in message.DESCRIPTOR.fields:
        if field.name == "stream":
            message.stream = stream
        elif field.name == "to_us":
            message.to_us = 2
        elif field.name.endswith("_commitment") and message.DESCRIPTOR.name == "Person":
            setattr(message, field.name, bytes(range(32)))


def _value(field: Any, stream: str) -> Any:
    if field.enum_type is not None:
        return 1
    if field.type == FieldDescriptor.TYPE_BYTES:
        return b"\x01" * 44 if field.name == "public_key" else b"\x01" * 32
    if field.type == FieldDescriptor.TYPE_STRING:
        if field.name in {"stream", "streams"}:
            return stream
        return stream.partition("/")[0] if field.name == "site" else "x1"
    return 3


def test_every_kind_has_an_example() -> None:
    for kind in KINDS:
        assert read_record(example(kind)).kind.name == kind


CELLS = [(role, rpc) for role in TABLE for rpc in sorted(RPCS)]


@pytest.mark.parametrize(("role", "rpc"), CELLS)
def test_the_table_decides_every_cell(role: Role, rpc: str) -> None:
    """Role x rpc, and behind an appending rpc role x kind x scope: inside, outside and without a registration."""
    if rpc not in TABLE[role].rpcs:
        with pytest.raises(Denied) as caught:
            check_rpc(role, rpc)
        assert caught.value.code == "rpc-not-allowed"
        return
    check_rpc(role, rpc)
    if rpc not in rights.APPEND:
        return
    inside, outside = Scope.of([f"{SITE}/*"]), Scope.of(["site-2/*"])
    for kind in KINDS:
        record = read_record(example(kind))
        expected: dict[Any, str] = {}
        if kind not in TABLE[role].kinds:
            expected = dict.fromkeys((inside, outside, None), "kind-not-allowed")
        elif TABLE[role].scoping is Scoping.REGISTERED:
            expected = {outside: "not-in-scope", None: "identity-unregistered"}
        for scope in (inside, outside, None):
            if scope not in expected:
                check_record(role, scope, record, 0)
                continue
            with pytest.raises(Denied) as caught:
                check_record(role, scope, record, 0)
            assert caught.value.code == expected[scope], (kind, scope)


async def call(party: Party, rpc: str, records: list[bytes]) -> Any:  # noqa: PLR0911  one for each rpc
    match rpc:
        case "Append":
            return await party.append(*records)
        case "AppendStream":
            stream = party.stub.AppendStream()
            await stream.write(ledger_pb2.AppendRequest(log=ORIGIN, records=records))
            await stream.done_writing()
            return await _last(stream)
        case "ReadEntries":
            wanted = ledger_pb2.IndexRange(first=0, count=1)
            return await _last(party.stub.ReadEntries(ledger_pb2.ReadEntriesRequest(log=ORIGIN, range=wanted)))
        case "Follow":
            stream = party.stub.Follow(ledger_pb2.FollowRequest(log=ORIGIN))
            first = await stream.read()
            stream.cancel()
            return first
        case "GetProof":
            leaf = ledger_pb2.Inclusion(index=0)
            return await party.stub.GetProof(ledger_pb2.GetProofRequest(log=ORIGIN, inclusion=leaf))
        case "GetCheckpoint":
            return await party.stub.GetCheckpoint(ledger_pb2.GetCheckpointRequest(log=ORIGIN))
        case "GetChainHeads":
            return await party.stub.GetChainHeads(ledger_pb2.GetChainHeadsRequest(log=ORIGIN, fresh=True))
        case "GetTimestamps":
            return await party.stub.GetTimestamps(ledger_pb2.GetTimestampsRequest(log=ORIGIN))
        case "GetLog":
            return await party.stub.GetLog(ledger_pb2.GetLogRequest(log=ORIGIN))
        case other:
            raise AssertionError(f"write a call for {other}")


async def _last(stream: Any) -> Any:
    last = None
    while (answer := await stream.read()) is not grpc.aio.EOF:
        last = answer
    return last


@pytest.mark.slow
@pytest.mark.parametrize("role", CERTIFIED)
async def test_over_the_wire_a_denial_stores_nothing_and_writes_one_line(home: House, role: Role, written: Any) -> None:
    party = await home.registered(role, "it", f"{SITE}/*")
    for rpc in sorted(RPCS):
        kinds = sorted(KINDS) if rpc in rights.APPEND else [""]
        for kind in kinds:
            records = [example(kind)] if kind else []
            before = await home.size()
            written.clear()
            allowed = rpc in TABLE[role].rpcs and (not kind or kind in TABLE[role].kinds)
            code = await outcome(party, rpc, records, written)
            denials = [line for line in written if line["event"] == "denied"]
            stored = await home.size() - before
            if allowed:
                assert (code, denials) == ("", []), (rpc, kind)
                assert stored == (1 if kind or rpc == "GetChainHeads" else 0)
                continue
            expected = "kind-reserved" if kind == "chain_heads" else "kind-not-allowed"
            expected = expected if rpc in TABLE[role].rpcs else "rpc-not-allowed"
            assert (code, stored) == (expected, 0), (rpc, kind)
            assert [(one["code"], one["rpc"], one["identity"]) for one in denials] == [
                (expected, rpc, f"urn:custody:{role.value}:it")
            ]


async def outcome(party: Party, rpc: str, records: list[bytes], written: Any) -> str:
    """The code of the refusal, or nothing."""
    while True:
        calling = asyncio.create_task(call(party, rpc, records))
        await asyncio.wait({calling}, timeout=20)
        error = calling.exception() if calling.done() else None
        if not isinstance(error, grpc.aio.AioRpcError) or not _is_own_failed_write(error):
            break
        written.clear()
    if error is not None:
        return (await refusal(calling)).code
    answer = await calling
    return str(answer.refusal.code) if rpc == "AppendStream" else ""


def _is_own_failed_write(error: grpc.aio.AioRpcError) -> bool:
    """A stream that was refused before it was written to: gRPC's client sometimes reports its own failed write in place
    of the answer that it has, and where in the error it says so differs between its versions."""
    told = f"{error.details()} {error.debug_error_string()}"
    return error.code() is grpc.StatusCode.INTERNAL and "execute_batch" in told


async def test_an_entry_for_anothers_stream_is_refused_with_its_place(home: House, written: Any) -> None:
    recorder = await home.registered(Role.RECORDER, "nvr-1", STREAM)
    await recorder.append(segment(1))
    size = await home.size()
    refused = await refusal(recorder.append(segment(2), segment(3, stream="site-1/cam-2")))
    assert refused[:3] == ("PERMISSION_DENIED", "not-in-scope", "1")
    assert await home.size() == size
    (line,) = [line for line in written if line["event"] == "denied"]
    assert (line["kind"], line["position"]) == ("segment", 1)


async def test_an_access_to_two_sites_needs_both(home: House) -> None:
    desk = await home.registered(Role.DESK, "desk-1", f"{SITE}/*")
    record = record_pb2.Record.FromString(example("access"))
    await desk.append(record.SerializeToString())
    record.record_id = record_id(next(_ids))
    record.access.spans.add(stream="site-2/cam-1", from_us=1, to_us=2)
    assert (await refusal(desk.append(record.SerializeToString()))).code == "not-in-scope"


async def test_scopes_come_from_the_log_and_change_with_it(home: House) -> None:
    recorder = home.party(Role.RECORDER, "nvr-1")
    first = await refusal(recorder.append(segment(1)))
    assert (first.code, first.position) == ("identity-unregistered", "-1")
    await home.tell(identity_registered(recorder.enrolled, now_us(), random10("none")))
    assert (await refusal(recorder.append(segment(1)))).code == "not-in-scope"
    wider = dataclasses.replace(recorder.enrolled, scopes=(STREAM,))
    await home.tell(identity_registered(wider, now_us(), random10("wider")))
    await recorder.append(segment(1))


async def test_a_registration_for_another_holder_gives_nothing(home: House) -> None:
    recorder = home.party(Role.RECORDER, "nvr-1")
    other = dataclasses.replace(recorder.enrolled, identity="urn:custody:recorder:nvr-2", scopes=(STREAM,))
    await home.tell(identity_registered(other, now_us(), random10("other")))
    assert (await refusal(recorder.append(segment(1)))).code == "identity-unregistered"
