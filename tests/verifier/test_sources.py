"""Stories of sources: who told what, under whose key, told to `custody verify log`; most of them by a false operator.

Each false log is whole, hashed and signed anew by the log's own key: nothing but the sources' own keys speaks against it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.verifier.conftest import LEDGER, ORIGIN

from custody.core.seal import ED25519, SealKey, sign_batch
from custody.v1 import entry_pb2, record_pb2
from custody.verifier.audit_run import AuditPlan, audit_log
from custody.verifier.log_reader import StoredRun
from custody.verifier.log_report import RIGHTS, SEALS, LogReport, Status
from custody.verifier.seal_check import check_slice
from custody.verifier.sqlite_log import SqliteLog

if TYPE_CHECKING:
    from tests.verifier.conftest import LogWriter

ADMINISTRATOR = "urn:custody:administrator:head-office"
ONE, TWO = "urn:custody:recorder:nvr-1", "urn:custody:recorder:nvr-2"
CAMERA_ONE, CAMERA_TWO = "site-12/cam-01", "site-12/cam-02"
DEVICE, OTHER_DEVICE = (Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32) for seed in (7, 8))
KEY_ID, OTHER_KEY_ID = "seal/nvr-1", "seal/nvr-2"
HOUR_US = 3_600_000_000


def identity(writer: LogWriter, holder: str, *scopes: str, from_us: int = 0, until_us: int = 0, key: str = "") -> bytes:
    name = key or holder.rpartition(":")[2]
    return writer.record(
        key_registered=record_pb2.KeyRegistered(
            key_id=f"recorder/{name}", use=record_pb2.KEY_USE_IDENTITY,
            algorithm=record_pb2.KEY_ALGORITHM_ECDSA_P256_SHA256, public_key=name.encode(), holder=holder,
            scopes=scopes, valid_from_us=from_us or writer.now_us, valid_until_us=until_us,
        )
    )  # fmt: skip


def seal_key(
    writer: LogWriter,
    holder: str = ONE,
    key_id: str = KEY_ID,
    device: Ed25519PrivateKey = DEVICE,
    *,
    from_us: int = 0,
) -> bytes:
    public = SealKey(algorithm=ED25519, raw=device.public_key().public_bytes_raw())
    registered = record_pb2.KeyRegistered(
        key_id=key_id, use=record_pb2.KEY_USE_SEAL, algorithm=ED25519, public_key=public.spki(), holder=holder,
        valid_from_us=from_us or writer.now_us,
    )  # fmt: skip
    return writer.record(key_registered=registered)


def revoked(writer: LogWriter, key_id: str, from_us: int = 0, reason: str = "UNSPECIFIED") -> bytes:
    why = record_pb2.RevocationReason.Value(f"REVOCATION_REASON_{reason}")
    told = record_pb2.KeyRevoked(key_id=key_id, from_us=from_us or writer.now_us, reason=why)
    return writer.record(key_revoked=told)


def house(writer: LogWriter) -> None:
    """Two recorders with a camera and a seal key each."""
    writer.append(
        [
            identity(writer, ONE, CAMERA_ONE),
            identity(writer, TWO, CAMERA_TWO),
            seal_key(writer),
            seal_key(writer, TWO, OTHER_KEY_ID, OTHER_DEVICE),
        ],
        ADMINISTRATOR,
    )


def footage(writer: LogWriter, count: int = 3, stream: str = CAMERA_ONE) -> list[bytes]:
    return [writer.segment(stream, b"%d" % at) for at in range(count)]


def seal(
    records: Sequence[bytes], key_id: str = KEY_ID, device: Ed25519PrivateKey = DEVICE, origin: str = ORIGIN
) -> entry_pb2.Seal:
    return sign_batch(device, key_id, origin, records)


def audit(writer: LogWriter, **options: Any) -> LogReport:
    opened = partial(SqliteLog.open, writer.path, writer.log)
    return audit_log(AuditPlan(open_log=opened, keys=(writer.key.vkey,), **options))


def state(report: LogReport, number: int) -> Status:
    return next(check.status for check in report.checks if check.number == number)


def found(report: LogReport) -> list[tuple[str, int | None]]:
    """Everything that blames; nothing besides checks 11 and 12 ever does here."""
    assert {one.check for one in report.findings.blaming()} <= {SEALS, RIGHTS}
    return [(one.code, one.index) for one in report.findings.blaming()]


def test_an_honest_sealed_log_is_fine(writer: LogWriter) -> None:
    house(writer)
    for size in (1, 3, 1_024):
        records = footage(writer, size)
        writer.append(records, ONE, seal=seal(records))
    writer.append([writer.snapshot()], LEDGER)
    report = audit(writer)
    assert (report.status, report.findings.kept) == (Status.FINE, [])
    assert (state(report, SEALS), state(report, RIGHTS)) == (Status.FINE, Status.FINE)


def test_where_nothing_is_sealed_or_registered_nothing_is_called_fine(writer: LogWriter) -> None:
    writer.append(footage(writer), ONE)
    report = audit(writer)
    assert report.status is Status.FINE
    assert (state(report, SEALS), state(report, RIGHTS)) == (Status.NOT_CHECKED, Status.NOT_CHECKED)


@pytest.mark.parametrize("bundles", [1, 2, 64])
def test_seals_across_the_edges_of_ranges(writer: LogWriter, bundles: int) -> None:
    house(writer)
    records = footage(writer, 900)
    writer.append(records, ONE, seal=seal(records))
    records = footage(writer, 700)
    writer.append([*records[:300], writer.segment(CAMERA_ONE, b"put in"), *records[301:]], ONE, seal=seal(records))
    report = audit(writer, range_bundles=bundles)
    assert found(report) == [("seal-invalid", 4 + 900 + 700 - 1)]


def _altered(writer: LogWriter) -> None:
    records = footage(writer)
    writer.append([records[0], writer.segment(CAMERA_ONE, b"altered"), records[2]], ONE, seal=seal(records))


def _left_out(writer: LogWriter) -> None:
    """The operator drops a segment of a sealed batch; what stands before it now is not the batch's."""
    records = footage(writer, 4)
    writer.append([*records[:1], *records[2:]], ONE, seal=seal(records))


def _left_out_and_counted_down(writer: LogWriter) -> None:
    records = footage(writer, 4)
    made = seal(records)
    made.count = 3
    writer.append([*records[:1], *records[2:]], ONE, seal=made)


def _reordered(writer: LogWriter) -> None:
    records = footage(writer)
    writer.append([records[1], records[0], records[2]], ONE, seal=seal(records))


def _of_another_log(writer: LogWriter) -> None:
    """A batch that the device sealed for another log, replayed here."""
    records = footage(writer)
    writer.append(records, ONE, seal=seal(records, origin="example.org/other"))


@pytest.mark.parametrize(
    ("attack", "code"),
    [
        (_altered, "seal-invalid"),
        (_left_out, "seal-count"),
        (_left_out_and_counted_down, "seal-invalid"),
        (_reordered, "seal-invalid"),
        (_of_another_log, "seal-invalid"),
    ],
)
def test_what_the_device_did_not_sign_is_found(
    writer: LogWriter, attack: Callable[[LogWriter], None], code: str
) -> None:
    house(writer)
    attack(writer)
    assert found(audit(writer)) == [(code, writer.size - 1)]


def test_a_seal_by_a_key_that_nobody_registered(writer: LogWriter) -> None:
    house(writer)
    records = footage(writer)
    writer.append(records, ONE, seal=seal(records, "seal/new", OTHER_DEVICE))
    assert found(audit(writer)) == [("seal-key-unknown", writer.size - 1)]


def test_a_seal_by_anothers_key(writer: LogWriter) -> None:
    """Recorder 2 seals what is filed under recorder 1: the key is registered, but not for it."""
    house(writer)
    records = footage(writer)
    writer.append(records, ONE, seal=seal(records, OTHER_KEY_ID, OTHER_DEVICE))
    assert found(audit(writer)) == [("seal-key-unknown", writer.size - 1)]


def test_a_seal_for_anothers_stream(writer: LogWriter) -> None:
    """Its seal is good; the stream is not its own."""
    house(writer)
    records = footage(writer, 2, CAMERA_TWO)
    writer.append(records, ONE, seal=seal(records))
    assert found(audit(writer)) == [("not-in-scope", writer.size - 2), ("not-in-scope", writer.size - 1)]


def test_entries_of_one_source_are_not_passed_off_under_anothers_seal(writer: LogWriter) -> None:
    """The operator files the covered entries under another name: the root is right, whose they are is not."""
    house(writer)
    records = footage(writer)
    writer.append(records[:2], TWO)
    writer.append(records[2:], ONE, seal=seal(records))
    codes = found(audit(writer))
    assert ("seal-count", writer.size - 1) in codes
    assert ("not-in-scope", writer.size - 3) in codes


def test_two_seals_do_not_cover_one_entry(writer: LogWriter) -> None:
    house(writer)
    records = footage(writer)
    writer.append(records[:2], ONE, seal=seal(records[:2]))
    writer.append(records[2:], ONE, seal=seal(records))
    assert found(audit(writer)) == [("seal-count", writer.size - 1)]


def test_a_key_that_was_revoked_seals_nothing_more(writer: LogWriter) -> None:
    house(writer)
    writer.append([revoked(writer, KEY_ID)], ADMINISTRATOR)
    records = footage(writer)
    writer.append(records, ONE, seal=seal(records))  # was admitted before, and waited
    writer.now_us += HOUR_US
    records = footage(writer)
    writer.append(records, ONE, seal=seal(records))
    assert found(audit(writer)) == [("seal-key-invalid", writer.size - 1)]


def test_a_key_that_was_registered_after_the_fact_and_backdated(writer: LogWriter) -> None:
    house(writer)
    records = footage(writer)
    made = seal(records, "seal/late", OTHER_DEVICE)
    writer.append(records, ONE, seal=made)
    begun = writer.size - 1
    writer.append([seal_key(writer, ONE, "seal/late", OTHER_DEVICE, from_us=1)], ADMINISTRATOR)
    assert found(audit(writer)) == [("seal-key-unknown", begun)]


def test_a_registered_id_is_not_taken_over_by_another_key(writer: LogWriter) -> None:
    house(writer)
    writer.append([seal_key(writer, ONE, KEY_ID, OTHER_DEVICE)], ADMINISTRATOR)
    records = footage(writer)
    writer.append(records, ONE, seal=seal(records, KEY_ID, OTHER_DEVICE))
    assert found(audit(writer)) == [("seal-invalid", writer.size - 1)]


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("reason", ["COMPROMISED", "UNSPECIFIED"])
def test_a_compromised_key_does_not_come_back_under_another_id(writer: LogWriter, reason: str, *, before: bool) -> None:
    """Whoever has the key has it under every name that the log gives it, before the revocation and after it."""
    house(writer)
    again = seal_key(writer, key_id="seal/nvr-1-new")
    told = [again, revoked(writer, KEY_ID, reason=reason)]
    writer.append(told if before else told[::-1], ADMINISTRATOR)
    writer.now_us += HOUR_US
    records = footage(writer)
    writer.append(records, ONE, seal=seal(records, "seal/nvr-1-new"))
    assert found(audit(writer)) == [("seal-key-invalid", writer.size - 1)]


def test_a_new_key_and_an_unharmed_one_go_on_under_a_new_id(writer: LogWriter) -> None:
    """A recorder gets a new key; another one is renamed, and keeps the key that nobody stole; a third one's had run out."""
    house(writer)
    new_device = Ed25519PrivateKey.from_private_bytes(b"n" * 32)
    writer.append(
        [
            revoked(writer, KEY_ID, reason="COMPROMISED"),
            seal_key(writer, ONE, "seal/nvr-1-new", new_device),
            revoked(writer, OTHER_KEY_ID, reason="SUPERSEDED"),
            seal_key(writer, TWO, "seal/nvr-2-new", OTHER_DEVICE),
        ],
        ADMINISTRATOR,
    )
    writer.now_us += HOUR_US
    for holder, key_id, device, stream in (
        (ONE, "seal/nvr-1-new", new_device, CAMERA_ONE), (TWO, "seal/nvr-2-new", OTHER_DEVICE, CAMERA_TWO),
    ):  # fmt: skip
        records = footage(writer, stream=stream)
        writer.append(records, holder, seal=seal(records, key_id, device))
    assert found(audit(writer)) == []


def test_a_revocation_that_reaches_back_names_the_seals_under_every_id(writer: LogWriter) -> None:
    house(writer)
    writer.append([seal_key(writer, key_id="seal/nvr-1-too")], ADMINISTRATOR)
    stolen_us = writer.now_us
    records = footage(writer)
    writer.append(records, ONE, seal=seal(records, "seal/nvr-1-too"))
    writer.append([revoked(writer, KEY_ID, stolen_us, "COMPROMISED")], ADMINISTRATOR)
    report = audit(writer)
    assert [(one.code, one.index) for one in report.findings.kept] == [("seal-doubtful", writer.size - 2)]


def test_seals_from_before_a_revocation_that_reaches_back_are_named(writer: LogWriter) -> None:
    """A key was stolen on Tuesday; on Thursday it is revoked from Tuesday on."""
    house(writer)
    stolen_us = writer.now_us
    records = footage(writer)
    writer.append(records, ONE, seal=seal(records))
    writer.append([revoked(writer, KEY_ID, stolen_us)], ADMINISTRATOR)
    report = audit(writer)
    assert report.status is Status.FINE
    assert [(one.code, one.index) for one in report.findings.kept] == [("seal-doubtful", writer.size - 2)]


@pytest.mark.parametrize("bundles", [1, 64])
def test_where_seals_are_demanded_unsealed_footage_is_found(writer: LogWriter, bundles: int) -> None:
    house(writer)
    writer.append(footage(writer), ONE)  # before the demand
    since_us = writer.now_us + 1
    records = footage(writer, 600)
    writer.append(records, ONE, seal=seal(records))
    writer.append(footage(writer, 1), ONE)
    records = footage(writer, 2)
    writer.append(records, ONE, seal=seal(records))
    writer.append(footage(writer, 1), ONE)
    report = audit(writer, sealed_sites={"site-12": since_us}, range_bundles=bundles)
    assert found(report) == [("seal-required", writer.size - 4), ("seal-required", writer.size - 1)]
    assert found(audit(writer, sealed_sites={"site-13": 0}, range_bundles=bundles)) == []


def observations(writer: LogWriter) -> list[bytes]:
    """What a recorder tells besides footage."""
    run = record_pb2.SegmentRange(stream=CAMERA_ONE, first=1, last=3)
    span = record_pb2.Span(stream=CAMERA_ONE, from_us=1, to_us=2)
    return [
        writer.record(
            disposal=record_pb2.Disposal(
                ranges=[run], kind=record_pb2.DISPOSAL_KIND_PLANNED, knowledge=record_pb2.DISPOSAL_KNOWLEDGE_ANNOUNCED
            )
        ),
        writer.record(integrity_scan=record_pb2.IntegrityScan(ranges=[run], files=3)),
        writer.record(recorder_configuration=record_pb2.RecorderConfiguration(streams=[CAMERA_ONE], motion_only=True)),
        writer.record(access=record_pb2.Access(act=record_pb2.ACCESS_ACT_VIEW, spans=[span])),
        writer.record(gap=record_pb2.Gap(span=span, reason=record_pb2.GAP_REASON_MAINTENANCE)),
    ]


@pytest.mark.parametrize("bundles", [1, 64])
def test_words_in_a_devices_mouth_are_found_where_seals_are_demanded(writer: LogWriter, bundles: int) -> None:
    """The operator has the log's key and no device's: a disposal, a scan, a configuration and an access of the recorder."""
    house(writer)
    records = [*footage(writer), *observations(writer)]
    writer.append(records, ONE, seal=seal(records))
    assert found(audit(writer, sealed_sites={"site-12": 0}, range_bundles=bundles)) == []
    begun = writer.size
    writer.append(observations(writer), ONE)
    said = found(audit(writer, sealed_sites={"site-12": 0}, range_bundles=bundles))
    assert said == [("seal-required", begun + at) for at in range(5)]
    assert found(audit(writer, sealed_sites={"site-13": 0}, range_bundles=bundles)) == []


def test_a_demand_for_a_site_that_the_log_does_not_know_is_not_checked(writer: LogWriter) -> None:
    """Somebody mistyped: nothing of the site that was meant is fine for that."""
    house(writer)
    records = footage(writer)
    writer.append(records, ONE, seal=seal(records))
    assert audit(writer, sealed_sites={"site-12": 0}).status is Status.FINE
    report = audit(writer, sealed_sites={"site-12": 0, "site12": 0})
    assert (report.status, state(report, SEALS)) == (Status.NOT_CHECKED, Status.NOT_CHECKED)
    assert "site site12, whose seals are demanded; did you mean site-12?" in str(report.checks[SEALS - 1].reason)


def test_whoever_is_no_device_owes_no_seal(writer: LogWriter) -> None:
    """A custodian and an inspector have no device key, and tell of holds and disposals in their own names."""
    house(writer)
    clerk = "urn:custody:custodian:clerk"
    writer.append([identity(writer, clerk, "site-12/*")], ADMINISTRATOR)
    writer.append(observations(writer)[:3], clerk)
    assert found(audit(writer, sealed_sites={"site-12": 0})) == []


def test_stripped_seals_are_found_where_seals_are_demanded(writer: LogWriter) -> None:
    house(writer)
    writer.append(footage(writer, 3), ONE)
    assert found(audit(writer)) == []
    assert len(found(audit(writer, sealed_sites={"site-12": 0}))) == 3


# ---- rights


def test_who_is_not_registered_tells_nothing(writer: LogWriter) -> None:
    house(writer)
    writer.append(footage(writer, 1), "urn:custody:recorder:nvr-9")
    assert found(audit(writer)) == [("identity-unregistered", writer.size - 1)]


def test_a_registration_that_comes_later_excuses_nothing(writer: LogWriter) -> None:
    house(writer)
    nine = "urn:custody:recorder:nvr-9"
    writer.append(footage(writer, 1, "site-12/cam-09"), nine)
    early = writer.size - 1
    writer.append([identity(writer, nine, "site-12/*", from_us=1)], ADMINISTRATOR)
    writer.append(footage(writer, 1, "site-12/cam-09"), nine)
    assert found(audit(writer)) == [("identity-unregistered", early)]


class CountedLog(SqliteLog):
    """A real log that notes how many stored runs were read."""

    read = 0

    def runs(self, first: int, end: int) -> Iterator[StoredRun]:
        for run in super().runs(first, end):
            type(self).read += 1
            yield run


@pytest.mark.parametrize("teller", [ONE, "urn:custody:unverified:agent"])
def test_a_log_that_registers_no_identities_is_read_once(
    writer: LogWriter, teller: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        writer.append(footage(writer, 256), teller)
    monkeypatch.setattr(CountedLog, "read", 0)
    opened = partial(CountedLog.open, writer.path, writer.log)
    plan = AuditPlan(open_log=opened, keys=(writer.key.vkey,), range_bundles=1, index=False)
    assert state(audit_log(plan), RIGHTS) is Status.NOT_CHECKED
    assert CountedLog.read == 5  # one stored run for each batch, and each once


@pytest.mark.parametrize("bundles", [1, 64])
def test_a_late_first_registration_brings_what_was_told_before_it(writer: LogWriter, bundles: int) -> None:
    for _ in range(3):
        writer.append(footage(writer, 256), ONE)
    before = writer.size
    house(writer)
    writer.append(footage(writer, 300), ONE)
    report = audit(writer, range_bundles=bundles)
    assert state(report, RIGHTS) is Status.FINDINGS
    blamed = [one for one in report.findings.blaming() if one.check == RIGHTS]
    assert [one.index for one in blamed] == list(range(len(blamed)))
    assert {one.code for one in blamed} == {"identity-unregistered"}
    assert report.findings.counts["identity-unregistered"] == before


def test_what_was_registered_counts_for_its_time_only(writer: LogWriter) -> None:
    house(writer)
    nine = "urn:custody:recorder:nvr-9"
    writer.append([identity(writer, nine, "site-12/*", until_us=writer.now_us + HOUR_US)], ADMINISTRATOR)
    writer.append(footage(writer, 300, "site-12/cam-09"), nine)
    writer.now_us += 2 * HOUR_US
    writer.append(footage(writer, 1, "site-12/cam-09"), nine)
    assert found(audit(writer, range_bundles=1)) == [("identity-unregistered", writer.size - 1)]


def test_after_its_revocation_nobody_tells_anything(writer: LogWriter) -> None:
    house(writer)
    writer.append([revoked(writer, "recorder/nvr-1")], ADMINISTRATOR)
    writer.append(footage(writer, 1), ONE)
    writer.now_us += HOUR_US
    writer.append(footage(writer, 1), ONE)
    writer.append(footage(writer, 1, CAMERA_TWO), TWO)
    assert found(audit(writer)) == [("identity-unregistered", writer.size - 2)]


def test_nobody_tells_what_is_not_of_his_role(writer: LogWriter) -> None:
    house(writer)
    writer.append([identity(writer, "urn:custody:desk:front", "site-12/*", key="desk")], ADMINISTRATOR)
    writer.append(footage(writer, 1), "urn:custody:desk:front")
    writer.append(footage(writer, 1), ADMINISTRATOR)
    writer.append([identity(writer, ONE, "site-12/*", key="wider")], ONE)
    writer.append([writer.snapshot()], ONE)
    assert found(audit(writer)) == [("kind-not-allowed", at) for at in range(writer.size - 4, writer.size)]


def test_a_role_that_does_not_exist(writer: LogWriter) -> None:
    house(writer)
    writer.append(footage(writer, 1), "urn:custody:king:louis")
    assert found(audit(writer)) == [("role-unknown", writer.size - 1)]


def test_a_correction_of_anothers_entry_is_found(writer: LogWriter) -> None:
    house(writer)
    writer.append(footage(writer, 1, CAMERA_TWO), TWO)
    correction = record_pb2.Correction(index=writer.size - 1, leaf_sha256=bytes(32), streams=[CAMERA_TWO])
    writer.append([writer.record(correction=correction)], ONE)
    assert found(audit(writer)) == [("not-in-scope", writer.size - 1)]


def test_entries_of_nobody_are_named_and_blame_nobody(writer: LogWriter) -> None:
    """Through a Unix socket everybody is unverified: in a log that knows its parties a reader wants to know of it."""
    house(writer)
    writer.append(footage(writer, 2), "urn:custody:unverified:nvr-1")
    report = audit(writer)
    assert report.status is Status.FINE
    (info,) = report.findings.kept
    assert (info.code, info.index) == ("submitter-unverified", writer.size - 2)


@pytest.mark.parametrize("workers", [1, 2])
def test_one_process_and_several_find_the_same(
    writer: LogWriter, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from custody.verifier import audit_run

    monkeypatch.setattr(audit_run, "WORTH_SHARING", 1)
    house(writer)
    for at in range(4):
        records = footage(writer, 300)
        writer.append(records, ONE, seal=seal(records if at != 2 else [*records[:-1], records[0]]))
    writer.append(footage(writer, 1, CAMERA_TWO), ONE)
    report = audit(writer, workers=workers, range_bundles=1)
    assert found(report) == [("seal-invalid", 4 + 900 - 1), ("not-in-scope", writer.size - 1)]


def test_a_slice_says_which_seals_it_cannot_check(writer: LogWriter) -> None:
    house(writer)
    whole, cut = footage(writer, 3), footage(writer, 3)
    writer.append(whole, ONE, seal=seal(whole))
    writer.append(cut, ONE, seal=seal(cut))
    from custody.core.record import read_record
    from custody.verifier.entry_reading import read_entries

    log = SqliteLog.open(writer.path, writer.log)
    from custody.core.bundle import decode_bundle

    raws = [raw for run in log.runs(0, 256) for raw in decode_bundle(run.data, run.count)]
    log.close()
    entries = [(at, entry, read_record(entry.record)) for at, entry in enumerate(read_entries(raws).entries)]
    tally = check_slice(ORIGIN, [one for one in entries if one[0] != 8])
    assert (tally.good, tally.partial, tally.findings.kept) == (1, (9,), [])
