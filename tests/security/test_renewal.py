"""A client whose certificate or registration is replaced under its feet goes on, as the same party, without a restart."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from tests.security.parties import DAY, SECRET, House, now, now_us, random10, secret
from tests.server.ledger_rig import ORIGIN, segment

from custody.authority.certificate import new_key
from custody.authority.folder import make_authority, open_authority
from custody.authority.registration import identity_registered
from custody.client import Credentials, Drain, LedgerClient, LedgerUnavailable, Outbox, RefusedError, TlsFiles
from custody.client.waiting import Waiting, look
from custody.core.note import VerifierKey
from custody.core.roles import Role
from custody.private.file import replace_file
from custody.private.key import write_key

STREAM = "site-1/cam-1"


def place(folder: Path, enrolled: Any, key: Any) -> None:
    """Puts a certificate with its key where the client reads them."""
    (folder / "nvr.key").unlink(missing_ok=True)
    write_key(folder / "nvr.key", key, secret)
    replace_file(folder / "nvr.crt", enrolled.certificate)


@pytest.fixture
def files(home: House, tmp_path: Path) -> TlsFiles:
    (tmp_path / "phrase").touch(mode=0o600)
    (tmp_path / "phrase").write_bytes(SECRET + b"\n")
    (tmp_path / "roots.pem").write_bytes(home.roots)
    return TlsFiles(
        roots=tmp_path / "roots.pem",
        certificate=tmp_path / "nvr.crt",
        key=tmp_path / "nvr.key",
        passphrase_file=tmp_path / "phrase",
    )


async def connected(home: House, files: TlsFiles) -> LedgerClient:
    vkey: VerifierKey = home.rig.signer.signing.vkey
    return await LedgerClient.connect(home.address, log=ORIGIN, vkeys=[vkey], **Credentials(tls=files).settings())


async def test_an_outbox_drains_with_the_new_certificate(home: House, files: TlsFiles, tmp_path: Path) -> None:
    enrolled, key = home.enrol(Role.RECORDER, "nvr-1", STREAM)
    await home.tell(identity_registered(enrolled, now_us(), random10("nvr-1")))
    place(tmp_path, enrolled, key)
    async with await connected(home, files) as client:
        await client.append([segment(1, stream=STREAM)])
        home.revoke(home.connect(enrolled, key))
        with pytest.raises(RefusedError) as refused:
            await client.append([segment(2, stream=STREAM)], retry=False)
        assert refused.value.code == "certificate-revoked"
        fresh, key = home.enrol(Role.RECORDER, "nvr-1", STREAM)
        await home.tell(identity_registered(fresh, now_us(), random10("again")))
        place(tmp_path, fresh, key)
        size = await home.size()
        outbox = Outbox(tmp_path / "outbox")
        outbox.put(segment(2, stream=STREAM))
        await Drain(outbox, client).flush(20)
        assert outbox.count == 0
        outbox.close()
    assert await home.size() == size + 1


async def test_another_partys_certificate_is_not_taken_up(home: House, files: TlsFiles, tmp_path: Path) -> None:
    """Else its receipts would be filed under a name that nobody expected. Nor is half of a pair."""
    make_authority(tmp_path / "strangers", "Strangers", secret, now(), DAY)
    with open_authority(tmp_path / "strangers", secret) as authority:
        key = new_key()
        place(tmp_path, authority.enrol(Role.RECORDER, "nvr-1", key.public_key(), now=now(), life=DAY), key)
    mine, my_key = home.enrol(Role.RECORDER, "nvr-1", STREAM)
    await home.tell(identity_registered(mine, now_us(), random10("nvr-1")))
    other, other_key = home.enrol(Role.RECORDER, "nvr-2", STREAM)
    size = await home.size()
    async with await connected(home, files) as client:
        for attempt in range(3):
            with pytest.raises(LedgerUnavailable):
                await client.append([segment(1, stream=STREAM)], retry=False, timeout_s=10)
            if attempt == 0:
                place(tmp_path, other, other_key)
            if attempt == 1:
                (tmp_path / "nvr.crt").write_bytes(mine.certificate[: len(mine.certificate) // 2])
        assert await home.size() == size
        place(tmp_path, mine, my_key)
        receipt = await client.append([segment(1, stream=STREAM)], timeout_s=20)
        assert receipt.indexes == (size,)


async def test_a_camera_outside_the_scope_stops_no_other_and_goes_in_when_it_is_registered(
    home: House, files: TlsFiles, tmp_path: Path
) -> None:
    enrolled, key = home.enrol(Role.RECORDER, "nvr-1", STREAM)
    await home.tell(identity_registered(enrolled, now_us(), random10("nvr-1")))
    place(tmp_path, enrolled, key)
    outbox = Outbox(tmp_path / "outbox")
    outbox.put_many([segment(number, stream=f"site-1/cam-{number % 2 + 1}") for number in range(6)])
    size = await home.size()
    async with await connected(home, files) as client:
        await Drain(outbox, client).flush(20)
        assert await home.size() == size + 3
        (refusal,) = look(tmp_path / "outbox").refusals
        assert (refusal.code, refusal.count) == ("not-in-scope", 3)
        wider = dataclasses.replace(enrolled, scopes=("site-1/*",))
        await home.tell(identity_registered(wider, now_us(), random10("wider")))
        assert outbox.revive() == 3
        await Drain(outbox, client).flush(20)
    assert await home.size() == size + 7
    assert look(tmp_path / "outbox") == Waiting()
    outbox.close()
