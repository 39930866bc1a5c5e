"""A log's signing keys in the log itself: how a rotation is announced (docs/spec/checkpoint.md, Rotation).

A key is announced by a `KeyRegistered` record with the use LOG in the chain `log/keys`, and its end by a `KeyRevoked` one.
The announcement gives nobody trust: it says, under the signatures of the keys before, which key comes next, so that
whoever gets the new key by another way can compare, and so that a checkpoint by a key that had ended is found.
"""

from collections.abc import Iterable
from hashlib import sha256
from typing import Any

from custody.core.errors import MalformedError
from custody.core.seal import ED25519, ML_DSA_44, SealKey
from custody.core.vkey import SignatureType, VerifierKey
from custody.v1 import record_pb2

_ALGORITHMS = {SignatureType.ED25519: ED25519, SignatureType.ML_DSA_44: ML_DSA_44}
_TYPES = {algorithm: kind for kind, algorithm in _ALGORITHMS.items()}
_ID_HEX_CHARS = 32
"""128 bits: unlike the four bytes of a vkey's key id, nobody finds two keys with one name."""


def announced_id(key: VerifierKey) -> str:
    """The key id under which a log key is registered and revoked; it follows from the vkey alone."""
    return f"log-{sha256(key.encode().encode()).hexdigest()[:_ID_HEX_CHARS]}"


def announcement(key: VerifierKey, now_us: int) -> record_pb2.KeyRegistered:
    """What the log is told of a new key of its own. Raises ValueError for a key that signs no checkpoints."""
    algorithm = _ALGORITHMS.get(key.signature_type)
    if algorithm is None:
        raise ValueError(f"a {key.signature_type.name} key signs no checkpoints")
    return record_pb2.KeyRegistered(
        key_id=announced_id(key),
        use=record_pb2.KEY_USE_LOG,
        algorithm=algorithm,
        public_key=SealKey(algorithm=algorithm, raw=key.public_key).spki(),
        holder=key.name,
        valid_from_us=now_us,
    )


def read_announcement(body: record_pb2.KeyRegistered, origin: str) -> VerifierKey | None:
    """The log key that a registration announces; None when it announces none of the log `origin`."""
    kind = _TYPES.get(body.algorithm)
    if body.use != record_pb2.KEY_USE_LOG or kind is None or body.holder != origin:
        return None
    try:
        raw = SealKey.from_spki(body.algorithm, body.public_key).raw
    except MalformedError:
        return None
    key = VerifierKey(name=origin, signature_type=kind, public_key=raw)
    return key if body.key_id == announced_id(key) else None


class LogKeys:
    """The keys of one log as it tells of them, entry by entry; mutable, one owner."""

    __slots__ = ("_origin", "announced", "ended", "first", "seen")

    def __init__(self, origin: str, first: Iterable[VerifierKey] = ()) -> None:
        """`first` are the keys with which the log was created, as far as somebody tells; they stand in no entry."""
        self._origin = origin
        self.first = tuple(first)
        self.announced: dict[VerifierKey, int] = {}
        """Keys to the leaf index of their first announcement."""
        self.ended: dict[str, int] = {}
        """Ids (`announced_id`) to the leaf index at which the first revocation stands."""
        self.seen = 0
        """How many records of the chain were taken."""

    def apply(self, kind: str, body: Any, index: int) -> None:
        """Takes the next record of the chain `log/keys`; other kinds and other uses change nothing."""
        self.seen += 1
        if kind == "key_registered":
            key = read_announcement(body, self._origin)
            if key is not None:
                self.announced.setdefault(key, index)
        elif kind == "key_revoked":
            self.ended.setdefault(body.key_id, index)

    @property
    def named(self) -> tuple[VerifierKey, ...]:
        """Every key that the log ever named as its own, ended or not."""
        return tuple(dict.fromkeys((*self.first, *self.announced)))

    def ended_at(self, key: VerifierKey) -> int | None:
        """The leaf index of a key's end; a checkpoint that covers this entry must be signed by another one."""
        return self.ended.get(announced_id(key))
