"""The signer in this process, its real socket, a real gRPC client."""

from __future__ import annotations

import asyncio
import shutil
import socket as sockets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo
from grpc_status import rpc_status
from log_history import History

from custody.core.checkpoint import open_checkpoint
from custody.core.errors import CustodyError
from custody.core.note import SignatureType, SignerKey
from custody.signer.app import Settings, SignerApp
from custody.signer.refusals import STATUS, code_of
from custody.signer.service import SERVICE
from custody.signer.state import open_state
from custody.v1 import signer_pb2, signer_pb2_grpc

ORIGIN = "ledger.example/one"
MAIN, OTHER = History(), History("other", parts_at=4)
Make = Callable[..., Settings]


@asynccontextmanager
async def listening(settings: Settings) -> AsyncIterator[tuple[signer_pb2_grpc.SignerAsyncStub, grpc.aio.Channel]]:
    async with SignerApp(settings) as app, grpc.aio.insecure_channel(app.address) as channel:
        yield signer_pb2_grpc.SignerStub(channel), channel


def wish(old: int, new: int, history: History = MAIN) -> signer_pb2.SignRequest:
    return signer_pb2.SignRequest(
        origin=ORIGIN,
        old_size=old,
        new_size=new,
        new_root=history.root(new),
        consistency_proof=history.proof(old, new),
    )


async def refused(call: Awaitable[object]) -> tuple[str | None, grpc.StatusCode]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return code_of(caught.value), caught.value.code()


async def state(stub: signer_pb2_grpc.SignerAsyncStub) -> signer_pb2.GetStateResponse:
    return await stub.GetState(signer_pb2.GetStateRequest(origin=ORIGIN), timeout=10)


async def test_from_nothing_to_growth(settings: Make, key: SignerKey) -> None:
    async with listening(settings()) as (stub, _):
        fresh = await state(stub)
        assert list(fresh.vkeys) == [key.vkey.encode()]
        assert (fresh.size, fresh.root, fresh.checkpoint, fresh.latched) == (0, b"", b"", False)

        empty = (await stub.Sign(wish(0, 0))).checkpoint
        assert open_checkpoint(empty, key.vkey).size == 0
        assert (await state(stub)).root == MAIN.root(0)

        grown = (await stub.Sign(wish(0, 6))).checkpoint
        assert open_checkpoint(grown, key.vkey, origin=ORIGIN).root == MAIN.root(6)
        assert (await stub.Sign(wish(0, 6))).checkpoint == grown
        now = await state(stub)
        assert (now.size, now.root, now.checkpoint, now.latched) == (6, MAIN.root(6), grown, False)


async def test_refusals_carry_their_code_and_facts(settings: Make) -> None:
    async with listening(settings()) as (stub, _):
        await stub.Sign(wish(0, 6))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.Sign(wish(5, 9))
        assert caught.value.code() is grpc.StatusCode.ABORTED
        status = rpc_status.from_call(caught.value)
        assert status is not None
        info = ErrorInfo()
        assert status.details[0].Unpack(info)
        assert (info.domain, info.reason, dict(info.metadata)) == ("custody", "signer-old-size", {"size": "6"})
        other = signer_pb2.GetStateRequest(origin="ledger.example/two")
        assert await refused(stub.GetState(other)) == ("signer-origin-unknown", grpc.StatusCode.NOT_FOUND)


async def test_latched_stays_latched_over_a_restart(settings: Make) -> None:
    async with listening(settings()) as (stub, _):
        held = (await stub.Sign(wish(0, 6))).checkpoint
        assert await refused(stub.Sign(wish(3, 6, OTHER))) == ("signer-fork", grpc.StatusCode.FAILED_PRECONDITION)
        assert await refused(stub.Sign(wish(6, 9))) == ("signer-latched", grpc.StatusCode.FAILED_PRECONDITION)
    for _ in range(2):
        async with listening(settings()) as (stub, _):
            now = await state(stub)
            assert now.latched
            assert now.checkpoint == held
            assert await refused(stub.Sign(wish(0, 6))) == ("signer-latched", grpc.StatusCode.FAILED_PRECONDITION)


async def test_bad_input_is_refused_and_the_signer_lives(settings: Make) -> None:
    async with listening(settings()) as (stub, channel):
        await stub.Sign(wish(0, 6))
        raw: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"/{SERVICE}/Sign")
        good = wish(6, 9)
        long = wish(6, 9)
        long.consistency_proof.extend([bytes(32)] * 62)
        garbage = [
            b"",  # an empty message is a message: of no origin
            b"\xff" * 40,
            good.SerializeToString()[:-1],
            good.SerializeToString() + b"\x78\x01",  # field 15
            long.SerializeToString(),
            signer_pb2.SignRequest(origin=ORIGIN, old_size=2**64 - 1, new_size=2**64 - 1).SerializeToString(),
            signer_pb2.SignRequest(origin="x" * 10_000, new_root=bytes(32)).SerializeToString(),
        ]
        for data in garbage:
            code, status = await refused(raw(data))
            assert code in {"signer-request-malformed", "signer-origin-unknown"}
            assert STATUS[code] is status
        assert (await refused(raw(bytes(200_000))))[1] is grpc.StatusCode.RESOURCE_EXHAUSTED
        unknown: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"/{SERVICE}/Unsign")
        assert (await refused(unknown(b"")))[1] is grpc.StatusCode.UNIMPLEMENTED
        assert (await state(stub)).size == 6
        assert (await stub.Sign(good)).checkpoint


async def test_garbage_on_the_socket(settings: Make, socket: Path) -> None:
    async with listening(settings()) as (stub, _):
        for data in (b"", b"GET / HTTP/1.1\r\n\r\n", b"\0" * 70_000, bytes(range(256)) * 64):
            reader, writer = await asyncio.open_unix_connection(str(socket))
            writer.write(data)
            if writer.can_write_eof():
                writer.write_eof()
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await asyncio.wait_for(reader.readexactly(1_000_000), timeout=30)
            writer.close()
        assert (await stub.Sign(wish(0, 6))).checkpoint


async def test_two_callers_with_two_trees_get_one(settings: Make, key: SignerKey) -> None:
    async with listening(settings()) as (stub, _):
        await stub.Sign(wish(0, 4))
        calls = [stub.Sign(wish(4, 9, history)) for history in (MAIN, OTHER) for _ in range(10)]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        notes = {answer.checkpoint for answer in answers if isinstance(answer, signer_pb2.SignResponse)}
        assert len(notes) == 1
        assert (await state(stub)).latched


async def test_the_socket_is_private(settings: Make, socket: Path) -> None:
    async with listening(settings()):
        assert socket.stat().st_mode & 0o777 == 0o600
        assert socket.parent.stat().st_mode & 0o777 == 0o700


async def test_an_exposed_socket_folder_is_refused(settings: Make, socket: Path) -> None:
    socket.parent.chmod(0o755)
    assert await refused_start(settings()) == "signer-socket-exposed"


async def test_a_socket_that_somebody_uses_is_refused(settings: Make, socket: Path) -> None:
    with sockets.socket(sockets.AF_UNIX) as other:
        other.bind(str(socket))
        other.listen()
        assert await refused_start(settings()) == "signer-socket-in-use"
    # Now nobody listens: what is left is what a killed signer leaves.
    assert socket.exists()
    async with listening(settings()) as (stub, _):
        assert (await state(stub)).size == 0


async def test_a_file_in_the_socket_s_place_is_kept(settings: Make, socket: Path) -> None:
    socket.write_text("precious")
    assert await refused_start(settings()) == "signer-socket-in-use"
    assert socket.read_text() == "precious"


async def test_a_second_signer_on_one_state_is_refused(settings: Make, socket: Path) -> None:
    async with listening(settings()):
        assert await refused_start(settings(socket=socket.with_name("t"))) == "signer-state-locked"


async def test_another_key_is_refused(settings: Make, folder: Path) -> None:
    from custody.signer.keys import create_key

    create_key(f"file:{folder / 'other.pem'}", ORIGIN, SignatureType.ED25519, lambda: b"throw-away")
    assert await refused_start(settings(key_uris=(f"file:{folder / 'other.pem'}",))) == "signer-key-mismatch"


async def test_a_moved_key_is_found_where_it_is_said_to_be(settings: Make, key_file: Path) -> None:
    moved = key_file.rename(key_file.with_name("moved.pem"))
    assert await refused_start(settings()) == "private-file-unreadable"
    async with listening(settings(key_uris=(f"file:{moved}",))) as (stub, _):
        assert (await stub.Sign(wish(0, 1))).checkpoint


async def test_a_restored_state_is_refused_by_a_newer_checkpoint(settings: Make, state_folder: Path) -> None:
    async with listening(settings()) as (stub, _):
        older = (await stub.Sign(wish(0, 6))).checkpoint
    shutil.copytree(state_folder, state_folder.with_name("backup"))
    async with listening(settings()) as (stub, _):
        newer = (await stub.Sign(wish(6, 9))).checkpoint
    shutil.rmtree(state_folder)
    shutil.copytree(state_folder.with_name("backup"), state_folder)
    assert await refused_start(settings(floors=(older, newer))) == "signer-state-behind"
    async with listening(settings(floors=(older,))) as (stub, _):
        # Without the floor the old copy starts, and the ledger's own request gives it away.
        assert await refused(stub.Sign(wish(9, 12))) == ("signer-state-behind", grpc.StatusCode.FAILED_PRECONDITION)


async def test_a_key_used_with_two_states_latches(settings: Make, state_folder: Path, socket: Path) -> None:
    twin = state_folder.with_name("twin")
    shutil.copytree(state_folder, twin)
    async with listening(settings(state=twin)) as (stub, _):
        elsewhere = (await stub.Sign(wish(0, 6, OTHER))).checkpoint
    async with listening(settings()) as (stub, _):
        await stub.Sign(wish(0, 6))
    for _ in range(2):
        assert await refused_start(settings(floors=(elsewhere,))) == "signer-fork"
    async with listening(settings()) as (stub, _):
        assert (await state(stub)).latched
    with open_state(state_folder) as store:
        evidence = store.reload().evidence
    assert evidence is not None
    assert evidence.offered == elsewhere


async def refused_start(settings: Settings) -> str:
    with pytest.raises(CustodyError) as caught:
        async with SignerApp(settings):
            raise AssertionError("it started")
    return caught.value.code


async def test_a_failed_start_leaves_nothing_behind(settings: Make, socket: Path) -> None:
    assert await refused_start(settings(floors=(b"garbage",))) == "signer-floor-invalid"
    assert not socket.exists()
    async with listening(settings()):
        pass
    assert not socket.exists()
