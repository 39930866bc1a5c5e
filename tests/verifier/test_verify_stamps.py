"""Stories about the ledger's archive of time stamps, told to `custody verify stamps`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from tests.verifier.conftest import key_of

from custody.cli.main import run

if TYPE_CHECKING:
    from tests.verifier.conftest import LogWriter


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The certificate of an authority that stamped nothing."""
    key = Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "authority")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2040, 1, 1, tzinfo=UTC))
        .sign(key, None)
    )
    path = tmp_path / "root.pem"
    path.write_bytes(certificate.public_bytes(Encoding.PEM))
    return path


def stamps(folder: Path, root: Path) -> int:
    return run(["verify", "stamps", str(folder), "--trust", key_of(1).vkey.encode(), "--tsa-root", str(root)])


@pytest.mark.parametrize("name", ["", "notes.txt", "example.org%2Flog/5.0/data"])
def test_a_folder_without_stamps_was_not_checked(
    tmp_path: Path, root: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty folder, some other one, and the one above: nothing was wrong, and nothing was looked at."""
    folder = tmp_path / "stamps"
    folder.mkdir()
    if name:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    assert stamps(folder, root) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "holds no time stamp, so nothing was checked" in told.err


def test_a_checkpoint_without_a_token_is_wrong(
    tmp_path: Path, root: Path, writer: LogWriter, capsys: pytest.CaptureFixture[str]
) -> None:
    writer.story()
    folder = tmp_path / "stamps"
    (folder / f"{writer.size}.0").mkdir(parents=True)
    (folder / f"{writer.size}.0" / "data").write_bytes(writer.checkpoint())
    assert stamps(folder, root) == 1
    assert "a generation has no token" in capsys.readouterr().out
