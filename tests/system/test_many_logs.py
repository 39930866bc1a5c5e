"""One `custody serve` for two logs in two databases, each with its signer: what befalls one does not touch the other."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from postgres_server import PostgresServer
from tests.client.camera_records import raw_segment
from tests.server.store.test_postgres_failover import sql
from tests.system.programs import CUSTODY, Program, run

from custody.client import LedgerClient
from custody.client.errors import RefusedError

HERE, THERE = "ledger.example/here", "ledger.example/there"
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@pytest.fixture
def servers() -> Iterator[dict[str, PostgresServer]]:
    with ExitStack() as stack:
        yield {origin: stack.enter_context(PostgresServer()) for origin in (HERE, THERE)}


@pytest.fixture
def sockets() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="cy") as folder:
        yield Path(folder)


@pytest.fixture
async def vkeys(
    tmp_path: Path, sockets: Path, servers: dict[str, PostgresServer]
) -> AsyncIterator[tuple[dict[str, str], list[str]]]:
    """Keys of both logs, which are made, and the options that `custody serve` needs for them; the signers run."""
    (tmp_path / "passphrase").touch(mode=0o600)
    (tmp_path / "passphrase").write_text("throw-away\n")
    (tmp_path / "placement.toml").write_text(f'[logs]\n"{THERE}" = "{servers[THERE].dsn("postgres")}"\n')
    store = ["--store", servers[HERE].dsn("postgres"), "--placement", str(tmp_path / "placement.toml")]
    found, signers = {}, []
    for number, origin in enumerate((HERE, THERE)):
        state = ("--state", tmp_path / f"signer{number}", "--passphrase-file", tmp_path / "passphrase")
        found[origin] = (await run("signer", "init", "--origin", origin, *state)).strip()
        command = [CUSTODY, "signer", "serve", "--socket", str(sockets / f"s{number}"), *map(str, state)]
        signer = Program(f"signer {number}", command, tmp_path / "log", ready="signer ready")
        await signer.start()
        signers.append(signer)
        await run("log", "create", *store, "--signer", f"unix:{sockets}/s{number}", origin)
    yield found, [*store, "--signer", f"unix:{sockets}/s0", "--signer", f"unix:{sockets}/s1"]
    for signer in signers:
        await signer.kill()


async def health(target: str, name: str) -> int:
    async with grpc.aio.insecure_channel(target) as channel:
        answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=name))
        return int(answer.status)


@pytest.mark.slow
async def test_one_log_halts_and_the_other_goes_on(
    tmp_path: Path, sockets: Path, servers: dict[str, PostgresServer], vkeys: tuple[dict[str, str], list[str]]
) -> None:
    keys, options = vkeys
    target = f"unix:{sockets}/l"
    command = [CUSTODY, "serve", *options, "--listen", target, "--lease", "1"]
    ledger = Program("ledger", command, tmp_path / "log", ready="ledger ready")
    ready = {(await ledger.start()).split()[2], (await ledger.read_line()).split()[2]}
    try:
        assert ready == {HERE, THERE}
        clients = {
            origin: await LedgerClient.connect(target, log=origin, vkeys=[key], timeout_s=30)
            for origin, key in keys.items()
        }
        for client in clients.values():
            await client.append([raw_segment(1)])
        for origin, server in servers.items():
            assert await sql(server, "SELECT string_agg(origin || ' ' || size, ',') FROM log") == f"{origin} 1"
        # Somebody changes the database of one log: it must not be written any more, and a person has to look.
        await sql(servers[THERE], "UPDATE log SET root = sha256('another')")
        with pytest.raises(RefusedError) as refused:  # the round that finds it out
            await clients[THERE].append([raw_segment(2)], retry=False)
        assert refused.value.code == "ledger-stopped"
        while await health(target, THERE) != NOT_SERVING or "store-damaged" not in (tmp_path / "log").read_text():
            pass
        with pytest.raises(RefusedError, match="until somebody has looked") as refused:
            await clients[THERE].append([raw_segment(2)], retry=False)
        assert refused.value.code == "ledger-stopped"
        assert [await health(target, name) for name in (HERE, THERE, "")] == [SERVING, NOT_SERVING, SERVING]
        assert (await clients[HERE].append([raw_segment(2)])).checkpoint.size == 2
        for client in clients.values():
            await client.close()
        assert await ledger.terminate() == 2, "the exit status tells"
    finally:
        await ledger.kill()
