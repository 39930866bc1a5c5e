"""Peers that do not behave: the server keeps its memory bounds and serves everybody else. And nothing secret is written."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from pathlib import Path
from typing import Any

import grpc
import pytest
from tests.security.parties import SECRET, House, Party, house
from tests.server.ledger_rig import ORIGIN, START_US, Fault, record_id, request_of, segment
from tests.server.refusals import refusal

from custody.asgi.serving import HttpAddress
from custody.core.limits import MAX_BATCH_BYTES, MAX_MESSAGE_BYTES
from custody.core.roles import Role
from custody.private.file import PrivateFileError
from custody.private.key import key_pem, read_key
from custody.server.gate import GateSettings
from custody.server.http.app import HttpApp
from custody.server.http.settings import HttpSettings
from custody.server.limits import Limits
from custody.v1 import ledger_pb2, record_pb2

STREAM = "site-1/cam-1"
ROOM_BYTES = 128 * 1024 * 1024
"""What the misbehaving peers of one test may cost; what they send and ask for is many times more."""


def resident() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


async def others_are_served(home: House, recorder: Party, number: int) -> None:
    response = await recorder.append(segment(number))
    assert len(response.runs) == 1


@contextlib.contextmanager
def raw_connections(home: House, count: int) -> Any:
    host, _, port = home.address.rpartition(":")
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(socket.create_connection((host, int(port)), 10)) for _ in range(count)]


async def test_tls_garbage(home: House) -> None:
    recorder = await home.registered(Role.RECORDER, "nvr-1", STREAM)
    before = resident()
    garbage = [
        os.urandom(60_000),
        b"GET / HTTP/1.1\r\n\r\n" * 1_000,
        b"\x16\x03\x01\xff\xff" + bytes(65_535),
        b"PRI * HTTP/2.0\r\n",
    ]
    with raw_connections(home, 100) as made:
        for at, one in enumerate(made):
            with contextlib.suppress(OSError):
                await asyncio.to_thread(one.sendall, garbage[at % len(garbage)])
        await others_are_served(home, recorder, 1)
    await others_are_served(home, recorder, 2)
    assert resident() - before < ROOM_BYTES


async def test_half_open_connections(home: House) -> None:
    recorder = await home.registered(Role.RECORDER, "nvr-1", STREAM)
    before = resident()
    with raw_connections(home, 200) as made:
        for one in made[::2]:
            one.sendall(b"\x16\x03\x01")  # the beginning of a handshake, and then nothing
        await others_are_served(home, recorder, 1)
        assert resident() - before < ROOM_BYTES


async def test_a_frame_above_the_limit(home: House) -> None:
    recorder = await home.registered(Role.RECORDER, "nvr-1", STREAM)
    giant = home.connect(recorder.enrolled, recorder.key, options=[("grpc.max_send_message_length", -1)])
    before, size = resident(), await home.size()
    # The sender lives in this process too, so its own copies count; it sends 160 MB in all.
    request = ledger_pb2.AppendRequest(log=ORIGIN, records=[bytes(MAX_MESSAGE_BYTES)])
    for _ in range(20):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await giant.stub.Append(request, timeout=30)
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    await others_are_served(home, recorder, 1)
    assert await home.size() == size + 1
    assert resident() - before < ROOM_BYTES


async def test_clients_that_ask_for_everything_and_read_nothing(home: House) -> None:
    recorder = await home.registered(Role.RECORDER, "nvr-1", STREAM)
    inspector = home.party(Role.INSPECTOR)
    records = [_bulky(number) for number in range(400)]  # 16 MB of entries
    for at in range(0, len(records), 80):
        await recorder.append(*records[at : at + 80])
    before = resident()
    calls = [inspector.stub.ReadEntries(_everything()) for _ in range(60)]  # nearly 1 GB in all
    for call in calls:
        assert (await call.read()).entries
    await others_are_served(home, recorder, 1_000)
    assert resident() - before < 2 * ROOM_BYTES
    for call in calls:
        call.cancel()


async def test_a_stream_that_sends_and_never_reads_its_receipts(home: House) -> None:
    recorder = await home.registered(Role.RECORDER, "nvr-1", STREAM)
    slow = home.connect(recorder.enrolled, recorder.key)
    call = slow.stub.AppendStream()
    before = resident()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(3):
            for at in range(2_000):
                await call.write(request_of([_bulky(10_000 + at)]))
    await others_are_served(home, recorder, 1)
    assert resident() - before < 2 * ROOM_BYTES
    call.cancel()


def _everything() -> ledger_pb2.ReadEntriesRequest:
    return ledger_pb2.ReadEntriesRequest(log=ORIGIN, range=ledger_pb2.IndexRange(first=0, count=1_000_000))


def _bulky(number: int) -> bytes:
    """An access record of about 40 kB, as a recorder observed it."""
    record = record_pb2.Record(record_id=record_id(number), at_us=START_US + number)
    record.access.act = record_pb2.ACCESS_ACT_CONSULT
    record.access.spans.add(stream=STREAM, from_us=1, to_us=2)
    for at in range(900):
        record.access.copies_sha256.append(at.to_bytes(32, "big"))
    return record.SerializeToString()


async def test_what_a_flood_sends_beyond_its_limits_is_not_even_read(tmp_path: Path) -> None:
    """Reading a batch costs more than anything else at the door; a flood of refused ones once slowed others sixfold."""
    async with house(tmp_path, GateSettings(limits=Limits(records_per_s=512))) as home:
        flood = await home.registered(Role.RECORDER, "nvr-1", STREAM)
        await flood.append(*(segment(number) for number in range(1_000)))
        garbage = request_of([b"no record"] * 1_000)
        assert (await refusal(flood.stub.Append(garbage))).code == "rate-limited"
        neighbour = await home.registered(Role.RECORDER, "nvr-2", STREAM)
        assert (await refusal(neighbour.stub.Append(garbage))).code == "record-malformed"


async def test_open_streams_are_limited_for_each_identity(tmp_path: Path) -> None:
    async with house(tmp_path, GateSettings(limits=Limits(open_streams=1))) as home:
        recorder = await home.registered(Role.RECORDER, "nvr-1", STREAM)
        await recorder.append(segment(1))
        inspector, other = home.party(Role.INSPECTOR), home.party(Role.INSPECTOR, "other")
        first, *more = (party.stub.Follow(ledger_pb2.FollowRequest(log=ORIGIN)) for party in (inspector, other))
        assert (await first.read()).entries
        assert (await more[0].read()).entries
        second = inspector.stub.Follow(ledger_pb2.FollowRequest(log=ORIGIN))
        assert (await refusal(second.read())).code == "too-many-streams"


async def test_bytes_are_limited_for_each_identity(tmp_path: Path) -> None:
    async with house(tmp_path, GateSettings(limits=Limits(bytes_per_s=MAX_BATCH_BYTES // 2))) as home:
        flood = home.party(Role.RECORDER, "nvr-1")
        garbage = request_of([b"\xff" * 40_000] * 100)
        assert (await refusal(flood.stub.Append(garbage))).code == "record-malformed"
        assert (await refusal(flood.stub.Append(garbage))).code == "rate-limited"
        neighbour = home.party(Role.RECORDER, "nvr-2")
        assert (await refusal(neighbour.stub.Append(garbage))).code == "record-malformed"


async def test_batches_without_a_receipt_are_limited_for_each_identity(tmp_path: Path) -> None:
    async with house(tmp_path, GateSettings(limits=Limits(outstanding_batches=1))) as home:
        recorder = await home.registered(Role.RECORDER, "nvr-1", STREAM)
        home.rig.faults.waiting = [Fault("store.commit", False, "crash")]  # the storage does not answer
        first = asyncio.create_task(recorder.append(segment(1)))
        await home.rig.faults.crashed.wait()
        refused = await refusal(recorder.append(segment(2)))
        assert (refused.code, refused.retryable) == ("too-many-batches", "true")
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)


PLANTED = ("Zhang Sanfeng-7731", "010001-PLANTED", "planted free text about a theft")


async def test_nothing_secret_and_no_name_is_written(
    home: House, written: Any, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Passphrases, keys and what peers send stay out of the log (at every level), refusals, errors, metrics and health."""
    caplog.set_level(logging.DEBUG)
    recorder = await home.registered(Role.RECORDER, "nvr-1", STREAM)
    told: list[str] = []
    for number, text in enumerate(PLANTED):
        record = record_pb2.Record.FromString(segment(number))
        record.segment.path = text
        raws = (
            record.SerializeToString() + b"\x00",
            record.SerializeToString().replace(b"site-1/cam-1", b"site-2/cam-1"),
            text.encode(),
        )
        for raw in raws:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await recorder.stub.Append(request_of([raw]), metadata=(("custody-submitter", text),))
            told.append(f"{caught.value.details()} {caught.value.trailing_metadata()}")
        other = ledger_pb2.AppendRequest(log=text, records=[record.SerializeToString()])
        with pytest.raises(grpc.aio.AioRpcError):  # names a log that is not there; a name of a log is no secret
            await recorder.stub.Append(other)
    stored = record_pb2.Record.FromString(segment(8))
    stored.segment.path = PLANTED[0]
    await recorder.append(stored.SerializeToString())  # what is stored stays out as well
    home.revoke(recorder)
    with pytest.raises(grpc.aio.AioRpcError):
        await recorder.append(segment(9))
    assert [line for line in written if line["event"] == "denied"]
    told += await metrics_and_health(home)
    for path in ("server.key", "ca/ca.key"):
        with pytest.raises(PrivateFileError) as unreadable:
            read_key(home.folder / path, PLANTED[2].encode)
        told.append(f"{unreadable.value!r} {unreadable.value.__context__!r}")
    out, err = capfd.readouterr()
    everything = "\n".join([*map(str, written), *caplog.messages, *told, out, err])
    key_lines = [line for line in key_pem(recorder.key).decode().splitlines() if not line.startswith("-----")]
    for secret in (*PLANTED, SECRET.decode(), *key_lines):
        assert secret not in everything, secret


async def metrics_and_health(home: House) -> list[str]:
    """What the HTTP side shows to everybody."""
    hosted = home.rig.hosted()
    settings = HttpSettings(address=HttpAddress(host="127.0.0.1", port=0))
    app = HttpApp([hosted], settings.access(lambda: 0, lambda: 0.0))
    shown: list[str] = []

    async def send(message: Any) -> None:
        shown.append(str(message))

    async def receive() -> Any:
        return {"type": "http.request"}

    for path in ("/metrics", "/healthz", f"/{ORIGIN}/checkpoint", f"/{PLANTED[0]}"):
        scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": []}
        await app(scope, receive, send)
    assert any("custody_" in one for one in shown), "the metrics page shows something"
    return shown
