"""What the log is told of a key: serialized `KeyRegistered` and `KeyRevoked` records, for an administrator to append.

The certificate says who somebody is; the log says for which streams it may speak, from when, and until when. So whoever
reads the log later can check who was allowed what at the time.
"""

from collections.abc import Sequence

from custody.authority.folder import Enrolled, key_id_of
from custody.core.record import encode_record
from custody.core.record_id import make_record_id
from custody.core.seal import SealKey
from custody.v1 import record_pb2


def identity_registered(enrolled: Enrolled, now_us: int, random: bytes) -> bytes:
    """The record of a certificate's key and scopes. `random` is 10 bytes."""
    _, record = certificate_registered(
        enrolled.spki, enrolled.identity, enrolled.scopes, enrolled.not_after_us, now_us, random
    )
    return record


def certificate_registered(
    spki: bytes, identity: str, scopes: Sequence[str], not_after_us: int, now_us: int, random: bytes
) -> tuple[str, bytes]:
    """Key id and record of a certificate's key (ECDSA P-256, SubjectPublicKeyInfo), of whatever authority."""
    key_id = key_id_of(identity, spki)
    registered = record_pb2.KeyRegistered(
        key_id=key_id,
        use=record_pb2.KEY_USE_IDENTITY,
        algorithm=record_pb2.KEY_ALGORITHM_ECDSA_P256_SHA256,
        public_key=spki,
        holder=identity,
        scopes=scopes,
        valid_from_us=now_us,
        valid_until_us=not_after_us,
    )
    return key_id, _record(now_us, random, key_registered=registered)


def seal_key_registered(key_id: str, key: SealKey, holder: str, now_us: int, random: bytes) -> bytes:
    """The record of a device key that seals what `holder` submits."""
    registered = record_pb2.KeyRegistered(
        key_id=key_id,
        use=record_pb2.KEY_USE_SEAL,
        algorithm=key.algorithm,
        public_key=key.spki(),
        holder=holder,
        valid_from_us=now_us,
    )
    return _record(now_us, random, key_registered=registered)


def key_revoked(key_id: str, reason: int, now_us: int, random: bytes, *, from_us: int | None = None) -> bytes:
    """The record that a key is not to be believed from `from_us` on, by default from `now_us`."""
    since_us = now_us if from_us is None else from_us
    revoked = record_pb2.KeyRevoked(
        key_id=key_id, reason=record_pb2.RevocationReason.ValueType(reason), from_us=since_us
    )
    return _record(now_us, random, key_revoked=revoked)


def _record(
    now_us: int,
    random: bytes,
    key_registered: record_pb2.KeyRegistered | None = None,
    key_revoked: record_pb2.KeyRevoked | None = None,
) -> bytes:
    return encode_record(
        record_pb2.Record(
            record_id=make_record_id(now_us, random),
            at_us=now_us,
            key_registered=key_registered,
            key_revoked=key_revoked,
        )
    )
