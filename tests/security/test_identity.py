"""Mutual TLS as peers meet it: who gets in, who does not, and when that changes."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from tests.security.parties import House, now, secret
from tests.server.ledger_rig import ORIGIN, request_of, segment
from tests.server.refusals import refusal

from custody.authority.certificate import make_client, make_root, new_key
from custody.authority.folder import make_authority, open_authority
from custody.core.entry import decode_entry
from custody.core.roles import Role
from custody.private.file import replace_file
from custody.private.key import key_pem, read_key
from custody.server import UNUSABLE_TLS12_SUITE
from custody.server.gate import Gate, GateSettings
from custody.server.identity import Unauthenticated
from custody.server.peer import read_peer
from custody.server.revocation import RevocationLists
from custody.server.watched_file import FileUnusable
from custody.v1 import ledger_pb2

STREAM = "site-1/cam-1"


def handshake(address: str, version: ssl.TLSVersion) -> str:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    context.minimum_version = context.maximum_version = version
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), 10) as raw, context.wrap_socket(raw) as made:
        return str(made.version())


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning")
async def test_only_tls_1_3_is_spoken(home: House) -> None:
    assert os.environ["GRPC_SSL_CIPHER_SUITES"] == UNUSABLE_TLS12_SUITE
    assert await asyncio.to_thread(handshake, home.address, ssl.TLSVersion.TLSv1_3) == "TLSv1.3"
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_1):
        with pytest.raises(ssl.SSLError):
            await asyncio.to_thread(handshake, home.address, version)


async def test_the_certificate_says_who_submits_whatever_the_peer_claims(home: House) -> None:
    recorder = await home.registered(Role.RECORDER, "nvr-1", STREAM)
    await recorder.stub.Append(request_of([segment(1)]), metadata=(("custody-submitter", "somebody"),))
    placed = await home.rig.raw_store.entries(1, 1)
    assert decode_entry(placed[0].entry).submitter == "urn:custody:recorder:nvr-1"


@pytest.mark.parametrize("how", ["nothing", "stranger", "plain"])
async def test_without_a_certificate_of_the_authority_nobody_gets_in(home: House, how: str) -> None:
    credentials: Any = grpc.ssl_channel_credentials(home.roots)
    if how == "stranger":
        make_authority(home.folder / "other", "Tests", lambda: b"x", now(), timedelta(days=9))
        with open_authority(home.folder / "other", lambda: b"x") as other:
            key = new_key()
            made = other.enrol(Role.ADMINISTRATOR, "x", key.public_key(), now=now(), life=timedelta(days=1))
        credentials = grpc.ssl_channel_credentials(home.roots, key_pem(key), made.certificate)
    opened = (
        grpc.aio.insecure_channel(home.address)
        if how == "plain"
        else grpc.aio.secure_channel(home.address, credentials, options=[("grpc.use_local_subchannel_pool", 1)])
    )
    async with opened as channel:
        call: Any = channel.unary_unary("/custody.v1.Ledger/GetLog")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call(b"", timeout=10)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_an_expired_certificate_is_refused(home: House) -> None:
    begin = now() - timedelta(days=2)
    party = home.connect(*home.enrol(Role.INSPECTOR, "late", begin=begin, life=timedelta(days=1)))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await party.stub.GetLog(ledger_pb2.GetLogRequest(), timeout=10)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE  # the handshake itself fails


async def test_a_revoked_certificate_is_refused_on_a_connection_that_is_open(home: House, written: Any) -> None:
    recorder = await home.registered(Role.RECORDER, "nvr-1", STREAM)
    await recorder.append(segment(1))
    size = await home.size()
    home.revoke(recorder)
    refused = await refusal(recorder.append(segment(2)))
    assert refused[:2] == ("UNAUTHENTICATED", "certificate-revoked")
    assert await home.size() == size
    assert [line["code"] for line in written if line["event"] == "denied"] == ["certificate-revoked"]


async def test_a_key_that_the_log_has_revoked_is_refused(home: House) -> None:
    recorder = await home.registered(Role.RECORDER, "nvr-1", STREAM)
    await recorder.append(segment(1))
    await home.revoke_in_log(recorder)
    assert (await refusal(recorder.append(segment(2)))).code == "certificate-revoked"


async def test_an_open_append_stream_ends_with_the_next_batch_after_revocation(home: House) -> None:
    recorder = await home.registered(Role.RECORDER, "nvr-1", STREAM)
    call = recorder.stub.AppendStream()
    await call.write(request_of([segment(1)]))
    assert (await call.read()).response.runs
    size = await home.size()
    home.revoke(recorder)
    await call.write(request_of([segment(2)]))
    assert (await refusal(_drain(call))).code == "certificate-revoked"
    assert await home.size() == size


async def test_an_idle_follower_is_sent_away_after_revocation(home: House) -> None:
    recorder = await home.registered(Role.RECORDER, "nvr-1", STREAM)
    inspector = home.party(Role.INSPECTOR)
    call = inspector.stub.Follow(ledger_pb2.FollowRequest(log=ORIGIN))
    assert (await call.read()).entries
    home.revoke(inspector)
    assert (await refusal(_drain(call))).code == "certificate-revoked"
    await recorder.append(segment(1))  # others are served


async def test_an_idle_append_stream_is_sent_away_after_revocation(home: House) -> None:
    recorder = await home.registered(Role.RECORDER, "nvr-1", STREAM)
    call = recorder.stub.AppendStream()
    await call.write(request_of([segment(1)]))
    assert (await call.read()).response.runs
    home.revoke(recorder)
    assert (await refusal(_drain(call))).code == "certificate-revoked"  # and sends nothing more meanwhile


async def test_an_idle_follower_is_sent_away_when_its_certificate_ends(home: House) -> None:
    recorder = await home.registered(Role.RECORDER, "nvr-1", STREAM)
    await recorder.append(segment(1))
    brief = home.connect(*home.enrol(Role.INSPECTOR, "brief", life=timedelta(seconds=4)))
    call = brief.stub.Follow(ledger_pb2.FollowRequest(log=ORIGIN))
    assert (await call.read()).entries
    assert (await refusal(_drain(call))).code == "certificate-expired"


async def test_a_certificate_that_expires_is_refused_on_a_connection_that_is_open(home: House) -> None:
    """The handshake was long ago; the gate looks at the dates at every call, batch and page."""
    party = home.party(Role.INSPECTOR)
    peer = read_peer(party.enrolled.certificate)
    times = [peer.until_us - 1, peer.until_us, peer.from_us - 1]
    gate = Gate(GateSettings(), now_us=lambda: times.pop(0), monotonic_s=lambda: 0.0)
    gate.enter(peer, "GetLog")
    while times:
        with pytest.raises(Unauthenticated) as caught:
            gate.recheck(peer)
        assert caught.value.code == "certificate-expired"


async def test_an_authority_without_a_list_is_not_believed_where_lists_are(tmp_path: Path) -> None:
    for name in ("one", "two"):
        make_authority(tmp_path / name, name, lambda: b"x", now(), timedelta(days=9))
    roots, lists = tmp_path / "roots.pem", tmp_path / "lists.pem"
    roots.write_bytes((tmp_path / "one" / "ca.pem").read_bytes() + (tmp_path / "two" / "ca.pem").read_bytes())
    lists.write_bytes((tmp_path / "one" / "crl.pem").read_bytes())
    with pytest.raises(FileUnusable, match="no revocation list of"):
        RevocationLists(lists, roots)
    lists.write_bytes(lists.read_bytes() + (tmp_path / "two" / "crl.pem").read_bytes())
    assert not RevocationLists(lists, roots).revoked(1)


async def test_a_list_that_has_expired_lets_nobody_in(home: House) -> None:
    inspector = home.party(Role.INSPECTOR)
    await inspector.stub.GetLog(ledger_pb2.GetLogRequest())
    home.authority.renew_list(now() - timedelta(days=400))
    assert (await refusal(inspector.stub.GetLog(ledger_pb2.GetLogRequest()))).code == "revocation-list-expired"


async def test_a_list_that_nobody_trusted_signed_changes_nothing(home: House, written: Any) -> None:
    make_authority(home.folder / "other", "Tests", lambda: b"x", now(), timedelta(days=9))
    replace_file(home.folder / "ca" / "crl.pem", (home.folder / "other" / "crl.pem").read_bytes())
    inspector = home.party(Role.INSPECTOR)
    await inspector.stub.GetLog(ledger_pb2.GetLogRequest())
    replace_file(home.folder / "ca" / "crl.pem", b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n")
    await inspector.stub.GetLog(ledger_pb2.GetLogRequest())
    codes = [line["code"] for line in written if line["event"].startswith("file not taken up")]
    assert codes == ["tls-file-unusable", "tls-file-unusable"]


async def test_the_servers_certificate_is_replaced_without_a_restart(home: House) -> None:
    def serial() -> int:
        pem = ssl.get_server_certificate(_pair(home.address))
        return x509.load_pem_x509_certificate(pem.encode()).serial_number

    first = await asyncio.to_thread(serial)
    from cryptography.hazmat.primitives.asymmetric import ec

    key: ec.EllipticCurvePrivateKey = read_key(home.folder / "server.key", secret)
    made = home.authority.enrol(
        Role.LEDGER, "a", key.public_key(), hosts=["127.0.0.1"], now=now(), life=timedelta(days=1)
    )
    replace_file(home.folder / "server.crt", b"half of a certific")
    assert await asyncio.to_thread(serial) == first
    replace_file(home.folder / "server.crt", made.certificate)
    second = await asyncio.to_thread(serial)
    assert second == x509.load_pem_x509_certificate(made.certificate).serial_number != first


@pytest.mark.parametrize("uri", ["urn:custody:king:x", "urn:custody:unverified:x", "urn:custody:ledger:x", "https://x"])
def test_a_certificate_makes_nobody_what_is_no_role(uri: str) -> None:
    key = new_key()
    root = make_root(key, "x", now(), timedelta(days=1))
    made = make_client(root, key, new_key().public_key(), uri, now(), timedelta(days=1))
    for pem in (made.public_bytes(Encoding.PEM), root.public_bytes(Encoding.PEM), b"x"):
        with pytest.raises(Unauthenticated) as caught:
            read_peer(pem)
        assert caught.value.code == "certificate-unusable"


async def _drain(call: Any) -> None:
    while await call.read() is not grpc.aio.EOF:
        pass


def _pair(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host, int(port)
