from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from custody.core.note import SignatureType, SignerKey
from custody.core.pkcs8 import ScryptCost, encrypt_key
from custody.private.file import write_new
from custody.signer.app import Settings
from custody.signer.state import HeldKey, Identity, create_state

ORIGIN = "ledger.example/one"
PASSPHRASE = b"throw-away"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that is ours alone."""
    tmp_path.chmod(0o700)
    return tmp_path


@pytest.fixture
def key() -> SignerKey:
    return SignerKey.from_seed(ORIGIN, SignatureType.ED25519, bytes(range(32)))


@pytest.fixture
def key_file(folder: Path, key: SignerKey) -> Path:
    """The key, encrypted with a work factor that no attacker and no test notices."""
    path = folder / "key.pem"
    cost = ScryptCost(n=2, r=1, p=1)
    assert isinstance(key.private_key, Ed25519PrivateKey)
    write_new(path, encrypt_key(key.private_key, PASSPHRASE, salt=bytes(16), iv=bytes(16), cost=cost))
    return path


@pytest.fixture
def passphrase_file(folder: Path) -> Path:
    path = folder / "passphrase"
    write_new(path, PASSPHRASE + b"\n")
    return path


@pytest.fixture
def identity(key: SignerKey, key_file: Path) -> Identity:
    return Identity(origin=ORIGIN, keys=(HeldKey(vkey=key.vkey.encode(), uri=f"file:{key_file}"),))


@pytest.fixture
def state_folder(folder: Path, identity: Identity) -> Path:
    """A fresh state that has signed nothing."""
    path = folder / "state"
    create_state(path, identity)
    return path


@pytest.fixture
def socket() -> Iterator[Path]:
    """A place for a socket; pytest's own folders are too deep for the 107 bytes of a Unix socket's path."""
    with TemporaryDirectory(prefix="custody-", dir="/tmp") as short:
        yield Path(short) / "s"


@pytest.fixture
def settings(state_folder: Path, socket: Path) -> Callable[..., Settings]:
    """Settings of a signer on the fresh state; keyword arguments replace fields."""

    def make(**changes: object) -> Settings:
        fields = {"state": state_folder, "socket": socket, "passphrase": lambda: PASSPHRASE} | changes
        return Settings(**fields)  # type: ignore[arg-type]  # a test gives what fits

    return make


@pytest.fixture(autouse=True)
def _no_lost_descriptors() -> Iterator[None]:
    """A state that stays locked after a failed start would be a signer that cannot be started again."""
    before = _held_states()  # of tests of other parts that ran in this process
    yield
    assert not _held_states() - before


def _held_states() -> set[str]:
    held = {str(link.readlink()) for link in Path("/proc/self/fd").iterdir() if link.is_symlink()}
    return {path for path in held if path.endswith(("/state.sqlite", "/lock"))}
