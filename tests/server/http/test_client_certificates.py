"""Entry bundles by client certificate: real TLS, clients of the standard library and of openssl, one table of rights."""

from __future__ import annotations

import asyncio
import http.client
import shutil
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from tests.server.http.conftest import TOKEN, Site
from tests.server.ledger_rig import ORIGIN, segment

from custody.asgi.serving import HttpAddress, HttpServer
from custody.authority.certificate import new_key
from custody.authority.folder import Authority, make_authority, open_authority
from custody.core.errors import CustodyError
from custody.core.roles import Role
from custody.core.tile import entries_path, tile_path
from custody.private.file import replace_file
from custody.private.key import key_pem, write_key
from custody.server.http.app import HttpApp
from custody.server.http.settings import HttpSettings
from custody.server.http.tls import HttpTls
from custody.verifier.mirror.copying import Mirror
from custody.verifier.tiles.credentials import Credentials
from custody.verifier.tiles.source import HttpSource
from custody.verifier.trust import TrustError

DAY = timedelta(days=1)
SECRET = b"a passphrase that only tests know"
BUNDLE = entries_path(0, 3)


def secret() -> bytes:
    return SECRET


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


@dataclass
class Home:
    site: Site
    folder: Path
    authority: Authority
    port: int = 0
    ahead_us: int = 0
    """How far the server's clock is ahead."""

    def party(self, role: Role, name: str, *, authority: Authority | None = None) -> tuple[Path, Path]:
        key = new_key()
        made = (authority or self.authority).enrol(role, name, key.public_key(), now=now(), life=DAY)
        certificate, private = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        certificate.write_bytes(made.certificate)
        private.write_bytes(key_pem(key))
        return certificate, private

    def connect(self, party: tuple[Path, Path] | None = None) -> http.client.HTTPSConnection:
        context = ssl.create_default_context(cafile=self.folder / "ca" / "ca.pem")
        if party is not None:
            context.load_cert_chain(*party)
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=30, context=context)

    async def ask(self, party: tuple[Path, Path] | None, path: str = BUNDLE, token: str = "") -> tuple[int, bytes]:
        def run() -> tuple[int, bytes]:
            with closing(self.connect(party)) as connection:
                return get(connection, path, token)

        return await asyncio.to_thread(run)


def get(connection: http.client.HTTPSConnection, path: str = BUNDLE, token: str = "") -> tuple[int, bytes]:
    connection.request("GET", f"/{ORIGIN}/{path}", headers={"Authorization": f"Bearer {token}"} if token else {})
    response = connection.getresponse()
    return response.status, response.read()


def certify(home: Home) -> None:
    """The server's own certificate, in the place of one that is there."""
    key = new_key()
    write_key(home.folder / "fresh.key", key, secret)
    made = home.authority.enrol(Role.LEDGER, "a", key.public_key(), hosts=["127.0.0.1"], now=now(), life=DAY)
    replace_file(home.folder / "server.crt", made.certificate)
    (home.folder / "fresh.key").replace(home.folder / "server.key")


@pytest.fixture
async def home(site: Site, tmp_path: Path) -> AsyncIterator[Home]:
    await site.rig.append([segment(number) for number in range(3)])
    make_authority(tmp_path / "ca", "Tests", secret, now(), 365 * DAY)
    with open_authority(tmp_path / "ca", secret) as authority:
        made = Home(site, tmp_path, authority)
        certify(made)
        hosted = site.rig.hosted()
        tls = HttpTls(
            certificate=tmp_path / "server.crt",
            key=tmp_path / "server.key",
            passphrase=secret,
            client_authorities=tmp_path / "ca" / "ca.pem",
            revocation_lists=tmp_path / "ca" / "crl.pem",
        )
        settings = HttpSettings(address=HttpAddress(host="127.0.0.1", port=0), tls=tls, tokens=tmp_path / "tokens")
        access = settings.access(lambda: time.time_ns() // 1000 + made.ahead_us, time.monotonic)
        server = HttpServer(HttpApp([hosted], access), settings.address, tls.context())
        url = await server.start()
        assert url.startswith("https://")
        made.port = urlsplit(url).port or 0
        yield made
        await server.stop()


async def test_an_inspector_reads_entries_and_nobody_else_asks_for_a_certificate(home: Home) -> None:
    inspector = home.party(Role.INSPECTOR, "li")
    status, bundle = await home.ask(inspector)
    assert (status, bundle) == (200, (await home.ask(None, token=TOKEN))[1])
    assert (await home.ask(None))[0] == 401
    for path in ("checkpoint", tile_path(0, 0, 3)):
        assert (await home.ask(None, path))[0] == 200
    assert (await home.ask(inspector, entries_path(7)))[0] == 404


@pytest.mark.parametrize("role", [Role.RECORDER, Role.WITNESS, Role.CUSTODIAN, Role.DESK, Role.EXPORTER])
async def test_the_rights_are_those_of_the_table(home: Home, role: Role) -> None:
    status, body = await home.ask(home.party(role, "x"))
    if role in {Role.RECORDER, Role.WITNESS}:
        assert (status, b"[rpc-not-allowed]" in body) == (403, True)
        # A token beside it still counts.
        assert (await home.ask(home.party(role, "y"), token=TOKEN))[0] == 200
    else:
        assert status == 200


async def test_a_revoked_certificate_is_refused_within_a_kept_connection(home: Home) -> None:
    inspector = home.party(Role.INSPECTOR, "li")
    other = home.party(Role.INSPECTOR, "wang")
    with closing(home.connect(inspector)) as kept:
        assert (await asyncio.to_thread(get, kept))[0] == 200
        home.authority.revoke("urn:custody:inspector:li", x509.ReasonFlags.key_compromise, now())
        status, body = await asyncio.to_thread(get, kept)
        assert (status, b"[certificate-revoked]" in body) == (403, True)
    assert (await home.ask(inspector))[0] == 403
    assert (await home.ask(other))[0] == 200


async def test_an_expired_certificate_is_refused_within_a_kept_connection(home: Home) -> None:
    with closing(home.connect(home.party(Role.INSPECTOR, "li"))) as kept:
        assert (await asyncio.to_thread(get, kept))[0] == 200
        home.ahead_us = 2 * 86_400_000_000
        status, body = await asyncio.to_thread(get, kept)
        assert (status, b"[certificate-expired]" in body) == (403, True)
        assert (await asyncio.to_thread(get, kept, "checkpoint"))[0] == 200


async def test_a_certificate_of_another_authority_gets_no_connection(home: Home, tmp_path: Path) -> None:
    make_authority(tmp_path / "other", "Others", secret, now(), 365 * DAY)
    with open_authority(tmp_path / "other", secret) as other:
        stranger = home.party(Role.INSPECTOR, "li", authority=other)
    with pytest.raises((ssl.SSLError, ConnectionError, http.client.RemoteDisconnected)):
        await home.ask(stranger)


async def test_certificate_and_authorities_are_taken_up_without_a_restart(home: Home, tmp_path: Path) -> None:
    def serial() -> int:
        with closing(home.connect()) as connection:
            connection.connect()
            der = connection.sock.getpeercert(binary_form=True)
            assert isinstance(der, bytes)
            return x509.load_der_x509_certificate(der).serial_number

    before = await asyncio.to_thread(serial)
    certify(home)
    assert await asyncio.to_thread(serial) != before
    make_authority(tmp_path / "second", "Second", secret, now(), 365 * DAY)
    with open_authority(tmp_path / "second", secret) as second:
        late = home.party(Role.INSPECTOR, "late", authority=second)
        both = (tmp_path / "ca/ca.pem").read_bytes() + (tmp_path / "second/ca.pem").read_bytes()
        replace_file(tmp_path / "ca/ca.pem", both)
        assert (await home.ask(late))[0] == 200
    # Half a file is not taken up: what was there before stands.
    (tmp_path / "server.crt").write_bytes(b"-----BEGIN")
    assert (await home.ask(late))[0] == 200


async def test_older_tls_is_not_spoken(home: Home) -> None:
    context = ssl.create_default_context(cafile=home.folder / "ca" / "ca.pem")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    connection = http.client.HTTPSConnection("127.0.0.1", home.port, timeout=30, context=context)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await asyncio.to_thread(get, connection)
    connection.close()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
async def test_openssl_as_the_client(home: Home) -> None:
    certificate, key = home.party(Role.INSPECTOR, "li")
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{home.port}", "-CAfile", str(home.folder / "ca/ca.pem")]
    command += ["-verify_return_error", "-cert", str(certificate), "-key", str(key), "-ign_eof"]
    request = f"GET /{ORIGIN}/{BUNDLE} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode()
    done = await asyncio.to_thread(subprocess.run, command, input=request, check=False, capture_output=True, timeout=60)
    assert b"HTTP/1.1 200 OK" in done.stdout
    assert b"TLSv1.3" in done.stdout


async def test_a_mirror_shows_its_certificate(home: Home, tmp_path: Path) -> None:
    certificate, key = home.party(Role.INSPECTOR, "li")
    authorities = home.folder / "ca" / "ca.pem"
    url = f"https://127.0.0.1:{home.port}/{ORIGIN}"

    def run(credentials: Credentials) -> int:
        with closing(HttpSource(url, credentials)) as source:
            return Mirror(source, tmp_path / "mirror", [home.site.rig.signer.signing.vkey]).run().size

    assert await asyncio.to_thread(run, Credentials(authorities=authorities, certificate=certificate, key=key)) == 3
    shutil.rmtree(tmp_path / "mirror")
    codes: list[str] = []
    trials: list[Callable[[], Credentials]] = [lambda: Credentials(authorities=authorities), Credentials]
    for trial in trials:
        with pytest.raises(CustodyError) as caught:
            await asyncio.to_thread(run, trial())
        codes.append(caught.value.code)
    assert codes == ["token-needed", "log-unreadable"]
    with pytest.raises(TrustError):
        Credentials(certificate=certificate)
    with pytest.raises(TrustError):
        Credentials(certificate=certificate, key=home.folder / "server.key").context()
