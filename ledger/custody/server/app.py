"""The ledger server as a process: wires clock, storage, signer, sequencers and gRPC together.

The one clock and the one source of randomness of the server live here. Structured concurrency: when any sequencer ends
for good, its log answers UNAVAILABLE and health says NOT_SERVING for it, while other logs go on.
"""

import asyncio
import gc
import os
import signal
import sys
import time
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, cast

import click
import grpc
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from custody.asgi.serving import HttpServer
from custody.core.errors import CustodyError
from custody.core.limits import MAX_MESSAGE_BYTES
from custody.core.record_id import RANDOM_BYTES, make_record_id
from custody.server.address import AddressError
from custody.server.gate import Gate, GateSettings
from custody.server.handlers import handler
from custody.server.hosted import HostedLog
from custody.server.http.app import HttpApp
from custody.server.http.settings import HttpSettings
from custody.server.leadership import LEASE_S, Leadership, Lease
from custody.server.pool import Pool
from custody.server.publication import Publication
from custody.server.remote_signer import RemoteSigner
from custody.server.revocation import RevocationLists
from custody.server.sequencer import Sequencer
from custody.server.service import LedgerService
from custody.server.signers import Signers
from custody.server.signing import Signer
from custody.server.snapshot import Snapshots
from custody.server.store.protocol import LogDirectory
from custody.server.timestamping.keeper import StampKeeper
from custody.server.timestamping.settings import TimestampSettings
from custody.server.tls import TlsSettings, server_credentials
from custody.server.witnessing.cadence import keep_showing
from custody.server.witnessing.quorum import Witnesses, WitnessSettings
from custody.v1 import ledger_pb2
from custody.witness.app import PATH, WitnessApp
from custody.witness.witness import Witness

log = structlog.get_logger()

SERVICE: Final = ledger_pb2.DESCRIPTOR.services_by_name["Ledger"].full_name
GRACE_S: Final = 5.0
"""How long running calls may go on after SIGTERM."""
SWITCH_INTERVAL_S: Final = 0.0005
"""Threads of the store come back from SQLite between batches; with Python's 5 ms they would wait for the event loop."""
GC_THRESHOLDS: Final = (50_000, 20, 50)
"""A busy ledger makes thousands of small objects a batch and hardly a cycle; looking for cycles at every 700th costs a
third of the time of admission."""

CHANNEL_OPTIONS: Final = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.so_reuseport", 0),
    ("grpc.max_concurrent_streams", 1_000),
    ("grpc.http2.max_ping_strikes", 3),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
)

SIGNER_OPTIONS: Final = (
    # gRPC's own pause between two attempts to connect grows to two minutes; the signer is a file away.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
)


def now_us() -> int:
    """Microseconds since 1970-01-01T00:00:00Z by the machine's clock."""
    return time.time_ns() // 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the person who starts the server decides."""

    listen: Sequence[str]
    advertise: str = ""
    """Address at which senders find this process when it leads; by default the first it listens on."""
    snapshot_interval_s: float = 3_600.0
    max_waiting_records: int = 32_768
    lease_s: float = LEASE_S
    """How long this process may be silent while it writes a log that others could write; docs/ops/ha.md."""
    tls: TlsSettings | None = None
    """With it, network addresses speak mutual TLS; without, plain text on loopback."""
    gate: GateSettings = field(default_factory=GateSettings)
    http: HttpSettings | None = None
    """The side for tiles, health and metrics; None: there is none."""
    witnesses: WitnessSettings | None = None
    """Who cosigns the logs; None: nobody is asked."""
    timestamps: TimestampSettings | None = None
    """Who says when checkpoints existed; None: nobody is asked."""
    neighbours: Witness | None = None
    """A witness for other logs, reached through the HTTP side."""


class SharedDirectory(LogDirectory, Protocol):
    """A storage that several processes can open at once."""

    async def lease(self, origin: str, address: str) -> Lease:
        """The lease on one of its logs, for the process at `address`."""
        ...


async def host(directory: LogDirectory, signer: Signer, origin: str, settings: Settings) -> HostedLog:
    """Prepares one log; its sequencer is not running yet."""
    store = await directory.open(origin)
    publication = Publication()
    witnesses = Witnesses(origin, settings.witnesses) if settings.witnesses is not None else None
    snapshots = Snapshots(
        interval_us=int(settings.snapshot_interval_s * 1e6),
        new_record_id=lambda at_us: make_record_id(at_us, os.urandom(RANDOM_BYTES)),
        now_us=now_us(),
    )
    sequencer = Sequencer(
        store=store,
        signer=signer,
        pool=Pool(max_records=settings.max_waiting_records),
        snapshots=snapshots,
        publication=publication,
        now_us=now_us,
        witnesses=witnesses,
    )
    vkeys = (await store.state()).vkeys
    stamps = None
    if settings.timestamps is not None:
        stamps = StampKeeper(origin, publication, settings.timestamps, now_us)
    return HostedLog(
        origin=origin,
        vkeys=vkeys,
        store=store,
        sequencer=sequencer,
        publication=publication,
        witnesses=witnesses,
        stamps=stamps,
    )


class LedgerServer:
    """gRPC server over hosted logs; `start`, then `stop`."""

    def __init__(self, logs: Sequence[HostedLog], settings: Settings) -> None:
        self._logs = {hosted.origin: hosted for hosted in logs}
        self._settings = settings
        self._server = grpc.aio.server(options=CHANNEL_OPTIONS)
        self._health = health.aio.HealthServicer()
        self.addresses: list[str] = []
        self._announced: set[str] = set()
        self._serving: set[str] = set()
        """Origins of logs that can be read here and are written by somebody who is well."""
        self._tasks: set[asyncio.Future[None]] = set()

    async def start(self) -> None:
        """Begins to listen. Raises AddressError when an address is taken; FileUnusable, PrivateFileError for TLS."""
        service = LedgerService(self._logs, _gate(self._settings))
        self._server.add_generic_rpc_handlers((handler(service),))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection((SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME), self._server)
        for name in ("", SERVICE, *self._logs):  # the library's default is SERVING, before anything is opened
            await self._health.set(name, health_pb2.HealthCheckResponse.NOT_SERVING)
        for address in self._settings.listen:
            try:
                if self._settings.tls is None or address.startswith("unix:"):
                    port = self._server.add_insecure_port(address)
                else:
                    port = self._server.add_secure_port(address, server_credentials(self._settings.tls))
            except RuntimeError as error:
                raise AddressError(
                    f"cannot listen on {address}: another process has it, or it is no address of this machine; stop that"
                    " process or give another --listen"
                ) from error
            self.addresses.append(address if address.startswith("unix:") else f"{address.rpartition(':')[0]}:{port}")
        await self._server.start()

    async def say_health(self, hosted: HostedLog, *, serving: bool) -> None:
        """Health of one log, by its origin, and of the process as a whole: it serves as long as any of its logs does."""
        (self._serving.add if serving else self._serving.discard)(hosted.origin)
        await self._show(hosted)

    async def _show(self, hosted: HostedLog) -> None:
        # What is true now, not when it was told: tellings may overtake each other.
        await self._health.set(hosted.origin, _status(hosted.origin in self._serving))
        for name in ("", SERVICE):
            await self._health.set(name, _status(bool(self._serving)))

    @property
    def advertised(self) -> str:
        """Where senders find this process."""
        return self._settings.advertise or self.addresses[0]

    @property
    def lease_s(self) -> float:
        """How long this process may be silent while it leads."""
        return self._settings.lease_s

    def told_ready(self, hosted: HostedLog) -> None:
        """A log is served here: said once to people on stdout, and to probes as health."""
        if hosted.origin not in self._announced:
            self._announced.add(hosted.origin)
            click.echo(" ".join(("ledger ready", hosted.origin, *self.addresses)))
        if hosted.origin not in self._serving:
            self._serving.add(hosted.origin)
            self._show_soon(hosted)

    def told_shut(self, hosted: HostedLog) -> None:
        """A log is not served here, for the moment or for good."""
        if hosted.origin in self._serving:
            self._serving.discard(hosted.origin)
            self._show_soon(hosted)

    def _show_soon(self, hosted: HostedLog) -> None:
        self._tasks.add(task := asyncio.ensure_future(self._show(hosted)))
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Stops taking calls; running ones get some seconds."""
        await self._health.enter_graceful_shutdown()
        await self._server.stop(GRACE_S)


def _status(serving: bool) -> "health_pb2.HealthCheckResponse.ServingStatus":  # noqa: FBT001  (its whole meaning)
    return health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING


def _gate(settings: Settings) -> Gate:
    tls = settings.tls
    lists = RevocationLists(tls.revocation_lists, tls.client_authorities) if tls is not None else None
    return Gate(settings.gate, now_us=now_us, monotonic_s=time.monotonic, lists=lists)


async def serve(
    directory: LogDirectory, signer_targets: Sequence[str], origins: Sequence[str], settings: Settings
) -> int:
    """Runs until SIGTERM or SIGINT, or until no log may be written; returns 0, or 2 when a log must not be written.

    Prints one line `ledger ready ORIGIN ADDRESS...` for each log to stdout when it takes records. A log that halts
    answers UNAVAILABLE and is NOT_SERVING to probes, and the others go on: only a person can mend it.
    """
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.freeze()  # what start-up made stays for ever
    gc.set_threshold(*GC_THRESHOLDS)
    ending = _Ending(asyncio.Event(), len(origins), [])
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.stopping.set)
    async with AsyncExitStack() as channels:
        remote = [
            await channels.enter_async_context(grpc.aio.insecure_channel(target, options=SIGNER_OPTIONS))
            for target in signer_targets
        ]
        signer = Signers([RemoteSigner(channel) for channel in remote])
        logs = [await host(directory, signer, origin, settings) for origin in origins]
        server = LedgerServer(logs, settings)
        await server.start()
        http = await _serve_http(logs, settings)
        async with asyncio.TaskGroup() as group:
            tasks = []
            for hosted in logs:
                writing = await _writing(server, directory, hosted)
                tasks.append(group.create_task(_keep(server, hosted, writing, ending)))
                if hosted.witnesses is not None:
                    showing = keep_showing(hosted.witnesses, hosted.store, hosted.publication)
                    tasks.append(group.create_task(showing))
                if hosted.stamps is not None:
                    tasks.append(group.create_task(hosted.stamps.run()))
            await ending.stopping.wait()
            await server.stop()
            if http is not None:
                await http.stop()
            for task in tasks:
                task.cancel()
        for hosted in logs:
            if hosted.witnesses is not None:
                await hosted.witnesses.close()
    return 2 if ending.failed else 0


async def _serve_http(logs: Sequence[HostedLog], settings: Settings) -> HttpServer | None:
    if settings.http is None:
        return None
    beside = {PATH: WitnessApp(settings.neighbours)} if settings.neighbours is not None else {}
    tls = settings.http.tls.context() if settings.http.tls is not None else None
    access = settings.http.access(now_us, time.monotonic)
    side = HttpServer(HttpApp(logs, access, beside), settings.http.address, tls)
    click.echo(f"ledger http {await side.start()}")
    return side


async def _writing(server: LedgerServer, directory: LogDirectory, hosted: HostedLog) -> Coroutine[Any, Any, None]:
    if not hasattr(directory, "lease"):
        return _alone(server, hosted)
    shared = cast("SharedDirectory", directory)
    leadership = Leadership(
        lease=await shared.lease(hosted.origin, server.advertised),
        sequencer=hosted.sequencer,
        store=hosted.store,
        publication=hosted.publication,
        ready=lambda: server.told_ready(hosted),
        shut=lambda: server.told_shut(hosted),
        lease_s=server.lease_s,
    )
    return leadership.run()


async def _keep(server: LedgerServer, hosted: HostedLog, writing: Coroutine[Any, Any, None], ending: "_Ending") -> None:
    """Writes one log, or stands by for it, and tells its health; ends the server when no log is left to serve."""
    try:
        await writing
    except CustodyError as error:
        ending.failed.append(error)
        hosted.sequencer.halted = error  # also when it stood by: it will not look again
        hosted.sequencer.leader = None
        await log.aerror("log stopped", origin=hosted.origin, code=error.code, reason=str(error))
        click.echo(f"error: {hosted.origin}: {error} [{error.code}]", err=True)
        if len(ending.failed) == ending.logs:
            ending.stopping.set()
    finally:
        await server.say_health(hosted, serving=False)


async def _alone(server: LedgerServer, hosted: HostedLog) -> None:
    """Runs the sequencer of a log that no other process can open."""

    async def announce() -> None:
        while True:
            await hosted.sequencer.ready.wait()
            server.told_ready(hosted)
            await hosted.sequencer.shut.wait()
            server.told_shut(hosted)

    announcing = asyncio.create_task(announce())
    try:
        await hosted.sequencer.run()
    finally:
        announcing.cancel()


@dataclass(slots=True)
class _Ending:
    """How the server comes to its end."""

    stopping: asyncio.Event
    logs: int
    failed: list[CustodyError]
