"""A ledger that listens with mutual TLS, its authority, and parties with certificates: all real, in this process.

Store, signer, sequencer and the signer's state are those of `ledger_rig`; the sockets are real.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
from cryptography import x509
from tests.server.ledger_rig import Rig, request_of

from custody.authority.certificate import new_key
from custody.authority.folder import Authority, Enrolled, make_authority, open_authority
from custody.authority.registration import identity_registered, key_revoked
from custody.core.roles import Role
from custody.private.file import replace_file
from custody.private.key import key_pem, write_key
from custody.server.app import LedgerServer, Settings
from custody.server.gate import GateSettings
from custody.server.tls import TlsSettings
from custody.v1 import ledger_pb2_grpc

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

DAY = timedelta(days=1)
SECRET = b"a passphrase that only tests know"


def secret() -> bytes:
    return SECRET


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def now_us() -> int:
    return time.time_ns() // 1_000


def random10(seed: str) -> bytes:
    return sha256(f"{seed}{time.perf_counter_ns()}".encode()).digest()[:10]


@dataclass
class Party:
    """Somebody with a certificate and a connection."""

    enrolled: Enrolled
    key: Any
    channel: grpc.aio.Channel
    stub: Any

    async def append(self, *records: bytes, **fields: Any) -> Any:
        return await self.stub.Append(request_of(records, **fields), timeout=30)


@dataclass
class House:
    """The server and everybody around it."""

    rig: Rig
    folder: Path
    authority: Authority
    address: str = ""
    settings: GateSettings = field(default_factory=GateSettings)
    parties: list[Party] = field(default_factory=list)

    @property
    def roots(self) -> bytes:
        return (self.folder / "ca" / "ca.pem").read_bytes()

    def enrol(
        self, role: Role, name: str, *scopes: str, begin: datetime | None = None, life: timedelta = DAY
    ) -> tuple[Enrolled, Any]:
        key = new_key()
        enrolled = self.authority.enrol(role, name, key.public_key(), scopes=scopes, now=begin or now(), life=life)
        return enrolled, key

    def connect(self, enrolled: Enrolled, key: Any, *, options: Sequence[tuple[str, Any]] = ()) -> Party:
        credentials = grpc.ssl_channel_credentials(self.roots, key_pem(key), enrolled.certificate)
        # Every party has connections of its own, as other machines have.
        channel = grpc.aio.secure_channel(
            self.address, credentials, options=[("grpc.use_local_subchannel_pool", 1), *options]
        )
        party = Party(enrolled, key, channel, ledger_pb2_grpc.LedgerStub(channel))
        self.parties.append(party)
        return party

    def party(self, role: Role, name: str = "", *scopes: str) -> Party:
        return self.connect(*self.enrol(role, name or role.value, *scopes))

    async def registered(self, role: Role, name: str, *scopes: str) -> Party:
        """A party whose scopes an administrator has told the log."""
        party = self.party(role, name, *scopes)
        await self.tell(identity_registered(party.enrolled, now_us(), random10(name)))
        return party

    async def tell(self, *records: bytes) -> None:
        administrator = next((one for one in self.parties if "administrator" in one.enrolled.identity), None)
        await (administrator or self.party(Role.ADMINISTRATOR)).append(*records)

    def revoke(self, party: Party) -> None:
        self.authority.revoke(party.enrolled.identity, x509.ReasonFlags.key_compromise, now())

    async def revoke_in_log(self, party: Party) -> None:
        await self.tell(key_revoked(party.enrolled.key_id, 2, now_us(), random10("revoked")))

    async def size(self) -> int:
        return (await self.rig.raw_store.state()).head.size


async def begun(folder: Path) -> Rig:
    """A log whose sequencer runs by the clock of the wall, as certificates do."""
    rig = await Rig.make(folder)
    rig.clock.us = now_us()
    rig.start()
    await asyncio.wait_for(rig.sequencer.ready.wait(), 10)
    return rig


@asynccontextmanager
async def served(rig: Rig, tls: TlsSettings, gate: GateSettings) -> AsyncIterator[str]:
    """The address at which the log is served with mutual TLS; ends server and log."""
    hosted = rig.hosted()
    server = LedgerServer([hosted], Settings(listen=["127.0.0.1:0"], tls=tls, gate=gate))
    await server.start()
    try:
        yield server.addresses[0]
    finally:
        await server.stop()
        await rig.close()


@asynccontextmanager
async def house(
    folder: Path, settings: GateSettings | None = None, wait: Callable[[], None] | None = None
) -> AsyncIterator[House]:
    """A running house; ends with it."""
    rig = await begun(folder)
    make_authority(folder / "ca", "Tests", secret, now(), 365 * DAY)
    with open_authority(folder / "ca", secret) as authority:
        home = House(rig, folder, authority, settings=settings or GateSettings())
        key = new_key()
        write_key(folder / "server.key", key, secret)
        made = authority.enrol(Role.LEDGER, "a", key.public_key(), hosts=["127.0.0.1"], now=now(), life=DAY)
        replace_file(folder / "server.crt", made.certificate)
        tls = TlsSettings(
            certificate=folder / "server.crt",
            key=folder / "server.key",
            passphrase=secret,
            client_authorities=folder / "ca" / "ca.pem",
            revocation_lists=folder / "ca" / "crl.pem",
        )
        async with served(rig, tls, home.settings) as home.address:
            yield home
            for party in home.parties:
                await party.channel.close()
