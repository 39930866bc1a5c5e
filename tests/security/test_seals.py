"""Seals from the device to the log: one signature a batch, checked at the door, kept over lost answers."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.security.parties import House, Party, house, now_us, random10
from tests.server.ledger_rig import ORIGIN, record_id, segment
from tests.server.refusals import refusal

from custody.authority.registration import key_revoked, seal_key_registered
from custody.client import Drain, LedgerClient, LedgerUnavailable, Outbox, SealingKey, tls
from custody.core.entry import decode_entry
from custody.core.receipt import Submitted
from custody.core.record import encode_record
from custody.core.roles import Role
from custody.core.seal import ED25519, SealKey, sign_batch, verify_batch
from custody.private.key import key_pem
from custody.server.gate import GateSettings
from custody.v1 import record_pb2

STREAM = "site-1/cam-1"
DEVICE = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
PUBLIC = SealKey(algorithm=ED25519, raw=DEVICE.public_key().public_bytes_raw())
KEY_ID = "seal/nvr-1"
SEALING = SealingKey(key_id=KEY_ID, key=DEVICE)


async def sealed_recorder(home: House) -> Party:
    recorder = await home.registered(Role.RECORDER, "nvr-1", STREAM)
    await home.tell(seal_key_registered(KEY_ID, PUBLIC, recorder.enrolled.identity, now_us(), random10("seal")))
    return recorder


def seal(records: list[bytes], *, key_id: str = KEY_ID, key: Any = DEVICE, log: str = ORIGIN) -> Any:
    return sign_batch(key, key_id, log, records)


async def client_of(home: House, party: Party, **settings: Any) -> LedgerClient:
    credentials = tls(roots=home.roots, certificate=party.enrolled.certificate, key=key_pem(party.key))
    vkey = home.rig.signer.signing.vkey.encode()
    return await LedgerClient.connect(home.address, log=ORIGIN, vkeys=[vkey], credentials=credentials, **settings)


async def test_a_sealed_batch_is_in_the_log_as_the_device_signed_it(home: House) -> None:
    recorder = await sealed_recorder(home)
    records = [segment(number) for number in range(5)]
    async with await client_of(home, recorder, sealing=SEALING) as client:
        receipt = await client.append(records)
    entries = [decode_entry(raw) for raw in receipt.raw_entries]
    assert [entry.seal is not None for entry in entries] == [False] * 4 + [True]
    assert entries[-1].seal is not None
    verify_batch(entries[-1].seal, PUBLIC, ORIGIN, [entry.record for entry in entries])


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"key_id": "seal/other"}, "seal-key-unknown"),
        ({"key": Ed25519PrivateKey.from_private_bytes(b"\x08" * 32)}, "seal-invalid"),
        ({"log": "ledger.example/other"}, "seal-invalid"),
    ],
)
async def test_a_seal_that_is_not_this_devices_for_this_log_is_refused(
    home: House, fields: dict[str, Any], code: str
) -> None:
    recorder = await sealed_recorder(home)
    records = [segment(1), segment(2)]
    size = await home.size()
    refused = await refusal(recorder.append(*records, seals=[seal(records, **fields)]))
    assert refused[:2] == ("PERMISSION_DENIED", code)
    assert await home.size() == size


async def test_a_seal_over_other_records_is_refused(home: House) -> None:
    recorder = await sealed_recorder(home)
    wrong = seal([segment(1), segment(3)])
    assert (await refusal(recorder.append(segment(1), segment(2), seals=[wrong]))).code == "seal-invalid"
    swapped = seal([segment(2), segment(1)])
    assert (await refusal(recorder.append(segment(1), segment(2), seals=[swapped]))).code == "seal-invalid"


async def test_the_key_of_one_device_seals_nothing_of_another(home: House) -> None:
    await sealed_recorder(home)
    other = await home.registered(Role.RECORDER, "nvr-2", STREAM)
    assert (await refusal(other.append(segment(1), seals=[seal([segment(1)])]))).code == "seal-key-unknown"


async def test_a_revoked_seal_key_seals_nothing_more(home: House) -> None:
    recorder = await sealed_recorder(home)
    await recorder.append(segment(1), seals=[seal([segment(1)])])
    await home.tell(key_revoked(KEY_ID, 2, now_us(), random10("revoked")))
    assert (await refusal(recorder.append(segment(2), seals=[seal([segment(2)])]))).code == "seal-key-invalid"


async def test_a_site_that_demands_seals_takes_no_footage_without(tmp_path: Path) -> None:
    async with house(tmp_path, GateSettings(sealed_sites=frozenset({"site-1"}))) as home:
        recorder = await sealed_recorder(home)
        assert (await refusal(recorder.append(segment(1)))).code == "seal-required"
        await recorder.append(segment(1), seals=[seal([segment(1)])])


async def test_a_site_that_demands_seals_takes_no_other_word_of_a_device_without(tmp_path: Path) -> None:
    """What a recorder says of itself besides footage is the device's word too; a custodian has no device."""
    run = record_pb2.SegmentRange(stream=STREAM, first=1, last=1)
    scan = encode_record(
        record_pb2.Record(
            record_id=record_id(70), at_us=now_us(), integrity_scan=record_pb2.IntegrityScan(ranges=[run], files=1)
        )
    )
    async with house(tmp_path, GateSettings(sealed_sites=frozenset({"site-1"}))) as home:
        recorder = await sealed_recorder(home)
        assert (await refusal(recorder.append(scan))).code == "seal-required"
        await recorder.append(scan, seals=[seal([scan])])
        custodian = await home.registered(Role.CUSTODIAN, "clerk", STREAM)
        told = record_pb2.Record(
            record_id=record_id(71), at_us=now_us(), integrity_scan=record_pb2.IntegrityScan(ranges=[run], files=1)
        )
        await custodian.append(encode_record(told))


class LosingClient:
    """Sends, and loses the first answer; remembers what was sent."""

    def __init__(self, client: LedgerClient) -> None:
        self.client = client
        self.sent: list[list[Submitted]] = []

    async def append(self, records: Any, **fields: Any) -> Any:
        self.sent.append(list(records))
        receipt = await self.client.append(records, **fields)
        if len(self.sent) == 1:
            raise LedgerUnavailable("the answer was lost")
        return receipt


async def test_the_outbox_sends_a_sealed_batch_again_byte_for_byte(home: House, tmp_path: Path) -> None:
    recorder = await sealed_recorder(home)
    outbox = Outbox(tmp_path / "outbox.db")
    outbox.put_many([segment(number) for number in range(5)])
    async with await client_of(home, recorder) as client:
        losing = LosingClient(client)
        drain = Drain(outbox, losing, sealing=functools.partial(SEALING.seal, ORIGIN))
        await drain._step()
        # A restart, and more has come meanwhile: what was sealed together still goes together, and alone.
        outbox.close()
        outbox = Outbox(tmp_path / "outbox.db")
        outbox.put_many([segment(number) for number in range(5, 8)])
        drain = Drain(outbox, losing, sealing=functools.partial(SEALING.seal, ORIGIN))
        await drain.flush(20)
    assert losing.sent[0] == losing.sent[1]
    assert [len(batch) for batch in losing.sent] == [5, 5, 3]
    assert (outbox.count, outbox.dead_letters()) == (0, [])
    outbox.close()


async def test_what_is_left_of_a_refused_batch_is_sealed_anew(home: House, tmp_path: Path) -> None:
    recorder = await sealed_recorder(home)
    outbox = Outbox(tmp_path / "outbox.db")
    outbox.put_many([segment(1), segment(2, stream="site-2/cam-9"), segment(3)])
    async with await client_of(home, recorder) as client:
        await Drain(outbox, client, sealing=functools.partial(SEALING.seal, ORIGIN)).flush(20)
    assert [letter.code for letter in outbox.dead_letters()] == ["not-in-scope"]
    assert outbox.count == 0
    outbox.close()
    last = decode_entry((await home.rig.raw_store.entries((await home.size()) - 1, 1))[0].entry)
    assert last.seal is not None
    assert last.seal.count == 2
