"""Stories of logs whose signing key changed, told to `custody verify log`; the thief of the old key among them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.verifier.conftest import ORIGIN, key_of

from custody.core.checkpoint import Checkpoint, parse_checkpoint, sign_checkpoint
from custody.core.log_key import announced_id, announcement
from custody.core.note import SignatureType, SignerKey
from custody.v1 import record_pb2

if TYPE_CHECKING:
    from tests.verifier.conftest import LogWriter

Verify = Callable[..., tuple[int, dict[str, Any]]]
NewWriter = Callable[..., "LogWriter"]
OLD, NEW = key_of(1), key_of(2)
ADMINISTRATOR = "urn:custody:administrator:a"
SECOND = SignerKey.from_seed(ORIGIN, SignatureType.ML_DSA_44, bytes([3]) * 32)


def codes(report: dict[str, Any], severity: str = "finding") -> set[str]:
    return {one["code"] for one in report["findings"] if one["severity"] == severity}


def sign(writer: LogWriter, *keys: SignerKey) -> bytes:
    """Publishes a checkpoint of all entries under these keys."""
    head = Checkpoint(origin=ORIGIN, size=writer.size, root=writer.frontier.root())
    note = sign_checkpoint(head, keys, timestamp_s=1).note.encode()
    writer.db.execute("INSERT OR REPLACE INTO checkpoint VALUES (?, ?, ?)", (writer.log, writer.size, note))
    writer.db.execute("UPDATE log SET published = ? WHERE log = ?", (writer.size, writer.log))
    return note


def told(writer: LogWriter, *, announce: SignerKey | None = None, end: SignerKey | None = None) -> bytes:
    if announce is not None:
        return writer.record(key_registered=announcement(announce.vkey, writer.now_us))
    assert end is not None
    revoked = record_pb2.KeyRevoked(
        key_id=announced_id(end.vkey), reason=record_pb2.REVOCATION_REASON_SUPERSEDED, from_us=writer.now_us
    )
    return writer.record(key_revoked=revoked)


def film(writer: LogWriter, name: bytes) -> None:
    writer.append([writer.segment("site-12/cam-01", name)])


@pytest.fixture
def rotated(writer: LogWriter) -> LogWriter:
    """Old alone (1 entry), announced (2), both (3), new alone (4), old ended (5), more (6)."""
    film(writer, b"a")
    sign(writer, OLD)
    writer.append([told(writer, announce=NEW)], ADMINISTRATOR)
    sign(writer, OLD, NEW)
    film(writer, b"b")
    sign(writer, OLD, NEW)
    film(writer, b"c")
    sign(writer, NEW)
    writer.append([told(writer, end=OLD)], ADMINISTRATOR)
    sign(writer, NEW)
    film(writer, b"d")
    sign(writer, NEW)
    return writer


def trust(folder: Path, *keys: SignerKey, more: str = "quorum none\n") -> Path:
    path = folder / "trust"
    path.write_text("".join(f"log {key.vkey.encode()}\n" for key in keys) + more)
    return path


def test_who_trusts_the_new_key_needs_the_old_one_no_more(rotated: LogWriter, verify: Verify, tmp_path: Path) -> None:
    for keys in ((NEW,), (OLD, NEW)):
        status, report = verify("log", rotated.path, "--trust", trust(tmp_path, *keys))
        assert (status, report["verdict"], report["log"]["verified"]) == (0, "fine", 6), report
    # Of the older checkpoints it says that they were not looked at under a given key, and that it does not matter.
    _, report = verify("log", rotated.path, "--trust", trust(tmp_path, NEW))
    assert codes(report, "info") == {"signature-covered"}


def test_who_knows_the_old_key_alone_gets_to_the_end_of_the_overlap(rotated: LogWriter, verify: Verify) -> None:
    status, report = verify("log", rotated.path, "--trust", OLD.vkey)
    assert (status, codes(report)) == (1, {"signature-missing"})
    assert report["log"]["verified"] == 3
    assert all(f"announced its key {NEW.vkey.key_id.hex()} at entry 1" in one["message"] for one in report["findings"])
    assert all("trust file" in one["message"] for one in report["findings"])


def test_during_the_overlap_either_key_is_enough(writer: LogWriter, verify: Verify, tmp_path: Path) -> None:
    film(writer, b"a")
    sign(writer, OLD)
    writer.append([told(writer, announce=NEW)], ADMINISTRATOR)
    sign(writer, OLD, NEW)
    for keys in ((OLD,), (NEW,), (OLD, NEW)):
        assert verify("log", writer.path, "--trust", trust(tmp_path, *keys))[0] == 0


def test_the_thief_of_the_old_key_goes_on_with_the_log(
    rotated: LogWriter, new_writer: NewWriter, verify: Verify, tmp_path: Path
) -> None:
    """He has the database and the old key: he adds an entry to the real log and signs it."""
    film(rotated, b"never filmed")
    sign(rotated, OLD)
    for keys, expected in (((NEW,), "signature-missing"), ((OLD, NEW), "signature-ended"), ((OLD,), "signature-ended")):
        status, report = verify("log", rotated.path, "--trust", trust(tmp_path, *keys))
        assert status == 1
        assert expected in codes(report), (keys, report["findings"])
        assert report["log"]["verified"] < 7


def test_the_thief_of_the_old_key_forks_from_before_the_rotation(
    rotated: LogWriter, new_writer: NewWriter, verify: Verify, tmp_path: Path
) -> None:
    """A history in which the key never ended: the trust file without the old key, and everybody's memory, refuse it."""
    held = tmp_path / "held"
    held.write_bytes(rotated.db.execute("SELECT note FROM checkpoint ORDER BY size DESC").fetchone()[0])
    false = new_writer("false.db")
    for name in (b"a", b"x", b"y", b"z", b"u", b"v", b"w"):
        film(false, name)
        sign(false, OLD)
    status, report = verify("log", false.path, "--trust", trust(tmp_path, NEW))
    assert (status, report["log"]["verified"]) == (1, 0)
    assert "signature-missing" in codes(report)
    status, report = verify("log", false.path, "--trust", trust(tmp_path, OLD, NEW), "--since", held)
    assert (status, codes(report)) == (1, {"fork"})


def test_the_administrator_of_the_database_names_a_key_of_his_own(
    writer: LogWriter, verify: Verify, tmp_path: Path
) -> None:
    """An announcement is a claim: it gives nobody trust."""
    film(writer, b"a")
    sign(writer, OLD)
    writer.append([told(writer, announce=NEW)], ADMINISTRATOR)
    sign(writer, NEW)
    status, report = verify("log", writer.path, "--trust", trust(tmp_path, OLD))
    assert (status, codes(report), report["log"]["verified"]) == (1, {"signature-missing"}, 1)


def test_two_types_are_both_demanded(writer: LogWriter, verify: Verify, tmp_path: Path) -> None:
    film(writer, b"a")
    sign(writer, OLD)
    film(writer, b"b")
    sign(writer, OLD, SECOND)
    both = trust(tmp_path, OLD, SECOND)
    status, report = verify("log", writer.path, "--trust", both)  # what came before the second key is covered
    assert (status, report["log"]["verified"], codes(report, "info")) == (0, 2, {"signature-covered"})
    assert verify("log", writer.path, "--trust", OLD.vkey)[0] == 0  # who knows Ed25519 alone ignores the line
    film(writer, b"c")
    sign(writer, OLD)  # whoever broke Ed25519 alone
    status, report = verify("log", writer.path, "--trust", both)
    assert (status, codes(report), report["log"]["verified"]) == (1, {"signature-missing"}, 2)


def test_a_second_line_that_is_wrong_is_never_overlooked(writer: LogWriter, verify: Verify, tmp_path: Path) -> None:
    film(writer, b"a")
    note = bytearray(sign(writer, OLD, SECOND))
    note[-100] = ord("A") if note[-100] != ord("A") else ord("B")  # still base64 of that length
    writer.db.execute("UPDATE checkpoint SET note = ?", (bytes(note),))
    assert verify("log", writer.path, "--trust", OLD.vkey)[0] == 0
    status, report = verify("log", writer.path, "--trust", trust(tmp_path, OLD, SECOND))
    assert status == 1
    assert codes(report) == {"signature-invalid"}


def test_a_quorum_in_the_trust_file_is_demanded_of_the_newest(
    writer: LogWriter, verify: Verify, tmp_path: Path
) -> None:
    witness = SignerKey.from_seed("w.example", SignatureType.COSIGNATURE_ED25519, bytes([9]) * 32)
    file = trust(tmp_path, OLD, more=f"witness w {witness.vkey.encode()}\nquorum w\n")
    film(writer, b"a")
    sign(writer, OLD)
    status, report = verify("log", writer.path, "--trust", file)
    assert (status, codes(report)) == (1, {"quorum-missing"})
    sign(writer, OLD, witness)
    assert verify("log", writer.path, "--trust", file)[0] == 0


def test_a_former_key_does_not_help_a_checkpoint_of_another_root(
    rotated: LogWriter, verify: Verify, tmp_path: Path
) -> None:
    head = Checkpoint(origin=ORIGIN, size=1, root=bytes(32))
    note = sign_checkpoint(head, [OLD]).note.encode()
    rotated.db.execute("UPDATE checkpoint SET note = ? WHERE size = 1", (note,))
    status, report = verify("log", rotated.path, "--trust", trust(tmp_path, NEW))
    assert (status, codes(report)) == (1, {"root-mismatch"})


def test_a_stranger_among_the_older_checkpoints_is_found(rotated: LogWriter, verify: Verify, tmp_path: Path) -> None:
    stranger = key_of(77)
    (note,) = rotated.db.execute("SELECT note FROM checkpoint WHERE size = 1").fetchone()
    again = sign_checkpoint(parse_checkpoint(note).checkpoint, [stranger]).note.encode()
    rotated.db.execute("UPDATE checkpoint SET note = ? WHERE size = 1", (again,))
    status, report = verify("log", rotated.path, "--trust", trust(tmp_path, NEW))
    assert (status, codes(report)) == (1, {"signature-missing"})
