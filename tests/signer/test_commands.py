"""The command line as a person uses it; `serve` as a real process, killed at random instants."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from log_history import History

from custody.cli.main import run
from custody.core.checkpoint import Checkpoint, open_checkpoint
from custody.core.note import SignerKey, VerifierKey
from custody.v1 import signer_pb2, signer_pb2_grpc

ORIGIN = "ledger.example/one"
CUSTODY = Path(sys.executable).parent / "custody"
MAIN, OTHER = History(), History("other", parts_at=2)


@contextmanager
def serving(
    state: Path, socket: Path, passphrase: Path, *more: str | Path
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A signer's process that has said that it is ready, and its line."""
    command = [CUSTODY, "signer", "serve", "--state", state, "--socket", socket, "--passphrase-file", passphrase, *more]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline()
        finally:
            process.kill()


def wish(old: int, new: int, history: History = MAIN) -> signer_pb2.SignRequest:
    return signer_pb2.SignRequest(
        origin=ORIGIN, old_size=old, new_size=new, new_root=history.root(new), consistency_proof=history.proof(old, new)
    )


def test_init_serve_status_stop(
    folder: Path, socket: Path, passphrase_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = folder / "new"
    init = ["signer", "init", "--origin", ORIGIN, "--state", str(state), "--passphrase-file", str(passphrase_file)]
    assert run(init) == 0
    vkey = VerifierKey.parse(capsys.readouterr().out.strip())
    assert vkey.name == ORIGIN
    assert run(init) == 2
    assert "[signer-state-exists]" in capsys.readouterr().err

    with serving(state, socket, passphrase_file) as (process, line):
        assert line == f"signer ready {ORIGIN} {vkey}\n"
        assert run(["signer", "status", "--socket", str(socket), "--origin", ORIGIN]) == 0
        shown = capsys.readouterr().out
        assert f"vkey    {vkey}" in shown
        assert "nothing yet" in shown
        assert run(["signer", "status", "--state", str(state)]) == 2
        assert "[signer-state-locked]" in capsys.readouterr().err

        async def sign_and_fork() -> None:
            async with grpc.aio.insecure_channel(f"unix:{socket}") as channel:
                stub = signer_pb2_grpc.SignerStub(channel)
                await stub.Sign(wish(0, 3))
                with pytest.raises(grpc.aio.AioRpcError):
                    await stub.Sign(wish(0, 3, OTHER))

        asyncio.run(sign_and_fork())
        assert run(["signer", "status", "--socket", str(socket), "--origin", ORIGIN]) == 1
        assert "LATCHED SHUT" in capsys.readouterr().out
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert process.stderr is not None
        events = [json.loads(line) for line in process.stderr]
        assert [(event["event"], event["code"]) for event in events] == [("refused", "signer-fork")]

    assert not socket.exists()
    assert run(["signer", "status", "--state", str(state), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["latched"]
    assert open_checkpoint(report["evidence"]["held"].encode(), vkey).size == 3
    offered = Checkpoint(origin=ORIGIN, size=3, root=OTHER.root(3))
    assert report["evidence"]["offered"].encode() == offered.encode()


def test_no_passphrase_without_terminal_or_file(folder: Path) -> None:
    command: list[str | Path] = [CUSTODY, "signer", "init", "--origin", ORIGIN, "--state", folder / "new"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "[passphrase-missing]" in done.stderr
    assert list((folder / "new").iterdir()) == []


def test_secrets_come_from_nowhere_else(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("init", "serve"):
        assert run(["signer", name, "--help"]) == 0
        shown = capsys.readouterr().out
        assert "--passphrase-file" in shown
        assert "--passphrase " not in shown


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--socket", "tcp:127.0.0.1:1"], "signer-socket-refused"),
        (["--socket", "127.0.0.1:50051"], "signer-socket-refused"),
        (["--socket", "unix:relative"], "signer-socket-refused"),
        (["--socket", "unix-abstract:x"], "signer-socket-refused"),
        (["--socket", "/tmp/" + "x" * 120], "signer-socket-refused"),
        (["--socket", "/tmp/a%20b"], "signer-socket-refused"),
        (["--socket", "/nowhere/s", "--floor", "/no/such/file"], "os-error"),
        (["--socket", "/nowhere/s", "--key", "vault:x"], "signer-key-uri"),
    ],
)
def test_serve_refuses(
    state_folder: Path, passphrase_file: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: str
) -> None:
    common = ["--state", str(state_folder), "--passphrase-file", str(passphrase_file)]
    assert run(["signer", "serve", *common, *arguments]) == 2
    assert f"[{code}]" in capsys.readouterr().err


@pytest.mark.parametrize("origin", ["", "two words", "a+b", "tab\there"])
def test_an_origin_that_no_checkpoint_can_carry(
    folder: Path, passphrase_file: Path, capsys: pytest.CaptureFixture[str], origin: str
) -> None:
    state = folder / "new"
    arguments = ["--origin", origin, "--state", str(state), "--passphrase-file", str(passphrase_file)]
    assert run(["signer", "init", *arguments]) == 2
    assert "[signer-origin-malformed]" in capsys.readouterr().err
    assert not state.exists()


def test_status_wants_one_place(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], ["--socket", "/x"], ["--state", "/x", "--socket", "/x"], ["--state", "/x", "--origin", "o"]):
        assert run(["signer", "status", *arguments]) == 2
        assert "[usage]" in capsys.readouterr().err


def test_status_of_nobody(socket: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["signer", "status", "--socket", str(socket), "--origin", ORIGIN]) == 2
    assert "[signer-unreachable]" in capsys.readouterr().err


ROUNDS = 20


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_killed_at_any_instant(state_folder: Path, socket: Path, passphrase_file: Path, key: SignerKey) -> None:
    """Each round asks for some signatures, then kills the process while one more is on its way."""
    rng = random.Random(185)
    signed: dict[int, bytes] = {}

    async def one_round(process: subprocess.Popen[str]) -> None:
        async with grpc.aio.insecure_channel(f"unix:{socket}") as channel:
            stub = signer_pb2_grpc.SignerStub(channel)
            state = await stub.GetState(signer_pb2.GetStateRequest(origin=ORIGIN), timeout=20)
            check(state)
            size = state.size
            for _ in range(rng.randrange(12)):
                new = size + rng.randrange(1, 4)
                take(new, (await stub.Sign(wish(size, new), timeout=20)).checkpoint)
                size = new
            in_flight = stub.Sign(wish(size, size + 1), timeout=20)
            # Some are killed before the request left this process, some with it on its way, some after the answer.
            for _ in range(rng.randrange(6)):
                await asyncio.sleep(0)
            os.kill(process.pid, signal.SIGKILL)
            try:
                take(size + 1, (await in_flight).checkpoint)
            except grpc.aio.AioRpcError as error:
                assert error.code() is grpc.StatusCode.UNAVAILABLE  # noqa: PT017 - either outcome is right

    def take(size: int, note: bytes) -> None:
        checkpoint = open_checkpoint(note, key.vkey, origin=ORIGIN)
        assert (checkpoint.size, checkpoint.root) == (size, MAIN.root(size))
        assert signed.setdefault(size, note) == note

    def check(state: signer_pb2.GetStateResponse) -> None:
        assert not state.latched
        assert state.size >= max(signed, default=0)
        if state.checkpoint:
            take(state.size, state.checkpoint)

    for _ in range(ROUNDS):
        with serving(state_folder, socket, passphrase_file) as (process, line):
            assert line.startswith("signer ready"), process.stderr and process.stderr.read()
            asyncio.run(one_round(process))
            assert process.wait(20) == -signal.SIGKILL
    assert len(signed) > ROUNDS
