"""A witness's folder: its encrypted keys and its memory, made together and opened together."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from custody.core.cosigned_message import MAX_NAME_BYTES
from custody.core.errors import MalformedError
from custody.core.note import SignatureType, SignerKey, VerifierKey
from custody.core.vkey import check_key_name
from custody.private.key import read_key, write_key
from custody.private.passphrase import Passphrase
from custody.witness.errors import WitnessStateError
from custody.witness.state import STATE_FILE, create_memory, open_memory
from custody.witness.witness import Witness, now_us

KEY_FILES: Final = {SignatureType.COSIGNATURE_ED25519: "key.pem", SignatureType.ML_DSA_44: "key-ml-dsa.pem"}


def create_witness(folder: Path, name: str, passphrase: Passphrase, *, ml_dsa: bool) -> tuple[str, ...]:
    """Makes the keys and an empty memory; returns the vkeys. A crash leaves a folder that no witness opens.

    Raises WitnessStateError `witness-name-malformed`, `witness-state-exists`; PrivateFileError.
    """
    try:
        check_key_name(name)
    except ValueError as error:
        raise WitnessStateError(str(error), code="witness-name-malformed") from error
    if len(name.encode()) > MAX_NAME_BYTES:
        raise WitnessStateError(f"a witness's name has at most {MAX_NAME_BYTES} bytes", code="witness-name-malformed")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    check_private(folder)
    if (folder / STATE_FILE).exists():
        raise WitnessStateError(f"{folder} holds a witness's state already", code="witness-state-exists")
    secret = passphrase()
    made = {
        SignatureType.COSIGNATURE_ED25519: SignerKey.of(
            name, SignatureType.COSIGNATURE_ED25519, Ed25519PrivateKey.generate()
        )
    }
    if ml_dsa:
        made[SignatureType.ML_DSA_44] = SignerKey.of(name, SignatureType.ML_DSA_44, MLDSA44PrivateKey.generate())
    for kind, key in made.items():
        write_key(folder / KEY_FILES[kind], key.private_key, lambda: secret)
    vkeys = tuple(key.vkey.encode() for key in made.values())
    create_memory(folder, vkeys)
    return vkeys


@contextmanager
def open_witness(folder: Path, passphrase: Passphrase, clock_us: Callable[[], int] = now_us) -> Iterator[Witness]:
    """Opens, checks and locks a witness. Raises WitnessStateError, PrivateFileError."""
    check_private(folder)
    with open_memory(folder) as memory:
        secret = passphrase()
        keys = []
        for vkey in memory.vkeys:
            try:
                named = VerifierKey.parse(vkey)
                private = read_key(folder / KEY_FILES[named.signature_type], lambda: secret)
                keys.append(SignerKey.of(named.name, named.signature_type, private))
            except (MalformedError, KeyError, ValueError) as error:
                raise WitnessStateError(
                    f"the keys are not those of the state: {error}", code="witness-key-mismatch"
                ) from error
        yield Witness(keys=keys, memory=memory, clock_us=clock_us)


def check_private(folder: Path) -> None:
    """Raises WitnessStateError `witness-state-exposed` when others may enter the folder, `-missing` without one."""
    if not folder.is_dir():
        raise WitnessStateError(f"there is no folder {folder}", code="witness-state-missing")
    if folder.stat().st_mode & 0o077:
        raise WitnessStateError(f"{folder} must be closed to all others (chmod 700)", code="witness-state-exposed")
