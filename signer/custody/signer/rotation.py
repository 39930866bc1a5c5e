"""The signer's keys over the years: a second one beside the first, and the end of an old one (docs/ops/signer.md).

All keys of a state sign every checkpoint, and one memory stands behind them all: whatever the number of keys, there is
one root for each size. Keys change only while the signer is stopped; the state's lock sees to that.

What if we crash, adding a key: before the row, a key file (and a record) that no state knows of and that signed nothing;
the next call takes another name. After the row, the key signs from the next start on.
Retiring one: before the row, a record for the log that was not told; the key goes on signing. After it, the next start
signs without it. Repeating either call is safe at every point.
"""

from dataclasses import dataclass
from itertools import count
from pathlib import Path

from custody.core.checkpoint import open_checkpoint
from custody.core.cosigned_message import MAX_NAME_BYTES
from custody.core.errors import SignatureError
from custody.core.log_key import announced_id, announcement
from custody.core.note import SignatureType, VerifierKey
from custody.core.record import encode_record
from custody.core.record_id import make_record_id
from custody.private.file import replace_file
from custody.private.passphrase import Passphrase
from custody.signer.decide import State, check_open
from custody.signer.errors import SignerError, SignerKeyError
from custody.signer.keys import create_key, open_key
from custody.signer.state import HeldKey, Identity, open_state
from custody.v1 import record_pb2


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A change of keys, and the file with the record that tells the log of it."""

    vkey: str
    record: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When a record is made, and 10 random bytes for its id."""

    now_us: int
    random: bytes


def check_name(origin: str, kind: SignatureType) -> None:
    """Raise SignerError `signer-origin-malformed` when no key of this type can sign for the log `origin`."""
    if kind is SignatureType.ML_DSA_44 and len(origin.encode()) > MAX_NAME_BYTES:
        raise SignerError(
            f"ML-DSA-44 signs for origins of at most {MAX_NAME_BYTES} bytes", code="signer-origin-malformed"
        )


def add_key(
    folder: Path, kind: SignatureType, passphrase: Passphrase, moment: Moment, *, uri: str | None = None
) -> Told:
    """Make one more key, which signs from the next start on, and the record that announces it.

    The passphrase must open the keys that are there. Raises SignerStateError, SignerRefusalError `signer-latched`,
    SignerKeyError, PrivateFileError.
    """
    with open_state(folder) as store:
        check_open(store.reload())
        origin = store.identity.origin
        check_name(origin, kind)
        for one in store.identity.active:
            open_key(one.uri, origin, passphrase)
        place = uri or _free_place(folder)
        key = create_key(place, origin, kind, passphrase)
        record = _record(moment, key_registered=announcement(key.vkey, moment.now_us))
        path = folder / f"announced-{key.vkey.key_id.hex()}.record"
        replace_file(path, record)
        store.add_key(HeldKey(vkey=key.vkey.encode(), uri=place))
        return Told(vkey=key.vkey.encode(), record=path)


def retire_key(folder: Path, key_id: str, moment: Moment) -> Told:
    """Let a key sign no more from the next start on, and make the record that says so. The key file stays.

    The other keys must have signed already, so that whoever knew only this one saw them come. Raises SignerKeyError
    `signer-key-unknown`, `signer-key-last`, `signer-key-unused`; SignerStateError, SignerRefusalError `signer-latched`.
    """
    with open_state(folder) as store:
        state = store.reload()
        check_open(state)
        identity = store.identity
        found = next((one for one in identity.keys if one.key.key_id.hex() == key_id), None)
        if found is None:
            raise SignerKeyError(f"this state has no key with the id {key_id[:64]!r}", code="signer-key-unknown")
        if not found.retired:
            _check_rest(identity, found, state)
        revoked = record_pb2.KeyRevoked(
            key_id=announced_id(found.key), reason=record_pb2.REVOCATION_REASON_SUPERSEDED, from_us=moment.now_us
        )
        path = folder / f"retired-{key_id}.record"
        replace_file(path, _record(moment, key_revoked=revoked))
        if not found.retired:
            store.retire_key(found)
        return Told(vkey=found.vkey, record=path)


def _check_rest(identity: Identity, leaving: HeldKey, state: State) -> None:
    rest = [one.key for one in identity.active if one != leaving]
    if not any(key.signature_type is SignatureType.ED25519 for key in rest):
        raise SignerKeyError(
            "without this key nothing would sign with Ed25519; add a key first: custody signer add-key",
            code="signer-key-last",
        )
    for key in rest if state.signed is not None else ():
        assert state.signed is not None
        if not _signed(state.signed.note, key):
            raise SignerKeyError(
                f"the key {key.key_id.hex()} has not signed the last checkpoint yet; let the signer run with both first",
                code="signer-key-unused",
            )


def _signed(note: bytes, key: VerifierKey) -> bool:
    try:
        open_checkpoint(note, key)
    except SignatureError:
        return False
    return True


def _free_place(folder: Path) -> str:
    paths = (folder / f"key-{number}.pem" for number in count(2))
    return f"file:{next(path for path in paths if not path.exists())}"


def _record(
    moment: Moment,
    key_registered: record_pb2.KeyRegistered | None = None,
    key_revoked: record_pb2.KeyRevoked | None = None,
) -> bytes:
    return encode_record(
        record_pb2.Record(
            record_id=make_record_id(moment.now_us, moment.random),
            at_us=moment.now_us,
            key_registered=key_registered,
            key_revoked=key_revoked,
        )
    )
