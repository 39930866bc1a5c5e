"""Verifier keys: C2SP signed-note, "Signatures" and "Verifier keys".

A vkey is written `<name>+<key id>+<base64(type byte || public key)>`, the key id as eight lowercase hex digits. The key
id is the first four bytes of SHA-256(name || newline || type byte || public key); it only helps to find the key, it
proves nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from custody.core.codec import encode_base64, parse_base64
from custody.core.cosigned_message import TimestampedSignature, ed25519_message, ml_dsa_44_message
from custody.core.errors import MalformedError, SignatureError
from custody.core.tree_head import FIRST_PRINTABLE, parse_body

KEY_ID_BYTES: Final = 4
MAX_KEY_NAME_BYTES: Final = 1024
"""Longer names serve nobody; the ML-DSA-44 cosignature allows 255 bytes, the note itself sets no limit."""


class SignatureType(IntEnum):
    """The signature type bytes that are accepted here."""

    ED25519 = 0x01
    """Ed25519 over the note text."""
    COSIGNATURE_ED25519 = 0x04
    """Timestamped Ed25519 cosignature over a checkpoint."""
    ML_DSA_44 = 0x06
    """Timestamped ML-DSA-44 cosignature over a checkpoint; also how a log signs with ML-DSA-44."""

    @property
    def timestamped(self) -> bool:
        """Whether signatures of this type carry a time."""
        return self is not SignatureType.ED25519


_PUBLIC_KEY_BYTES: Final = {
    SignatureType.ED25519: 32,
    SignatureType.COSIGNATURE_ED25519: 32,
    SignatureType.ML_DSA_44: 1312,
}
_SIGNATURE_BYTES: Final = {
    SignatureType.ED25519: 64,
    SignatureType.COSIGNATURE_ED25519: 64,
    SignatureType.ML_DSA_44: 2420,
}


def check_key_name(name: str) -> None:
    """Raise ValueError unless `name` may name a key (and a log of ours): not empty, no spaces, plus or control characters."""
    if not name or "+" in name or any(char.isspace() or char < FIRST_PRINTABLE for char in name):
        raise ValueError(f"a key name is not empty and has no spaces, plus or control characters: {name[:64]!r}")
    if len(name.encode()) > MAX_KEY_NAME_BYTES:  # a lone surrogate is a UnicodeEncodeError, which is a ValueError
        raise ValueError(f"a key name has at most {MAX_KEY_NAME_BYTES} bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierKey:
    """A public key under a name, for one signature type. Raises ValueError for an impossible name or key length."""

    name: str
    signature_type: SignatureType
    public_key: bytes

    def __post_init__(self) -> None:
        check_key_name(self.name)
        expected = _PUBLIC_KEY_BYTES[self.signature_type]
        if len(self.public_key) != expected:
            raise ValueError(
                f"a key of type {self.signature_type.name} has {expected} bytes, not {len(self.public_key)}"
            )

    @property
    def key_id(self) -> bytes:
        """Four bytes that, with the name, tell verifiers which key a signature claims to come from."""
        return sha256(self.name.encode() + b"\n" + self._material()).digest()[:KEY_ID_BYTES]

    def _material(self) -> bytes:
        return bytes((self.signature_type,)) + self.public_key

    def encode(self) -> str:
        """The vkey text."""
        return f"{self.name}+{self.key_id.hex()}+{encode_base64(self._material())}"

    def __str__(self) -> str:
        return self.encode()

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """Read a vkey. Raises MalformedError: `vkey-unsupported` for a signature type not known here, else `vkey-malformed`."""
        parts = text.split("+", 2)
        if len(parts) != 3:
            raise MalformedError(f"a vkey is name+id+key: {text[:64]!r}", code="vkey-malformed")
        name, key_id, material = parts
        data = parse_base64(material, code="vkey-malformed")
        if not data:
            raise MalformedError("the vkey has no key", code="vkey-malformed")
        try:
            signature_type = SignatureType(data[0])
        except ValueError as error:
            raise MalformedError(f"signature type 0x{data[0]:02x} is not supported", code="vkey-unsupported") from error
        try:
            key = cls(name=name, signature_type=signature_type, public_key=data[1:])
        except ValueError as error:
            raise MalformedError(str(error), code="vkey-malformed") from error
        if key.key_id.hex() != key_id:
            raise MalformedError(
                f"the vkey says key id {key_id[:16]!r}, its key gives {key.key_id.hex()}", code="vkey-malformed"
            )
        return key

    def message(self, text: bytes, timestamp_s: int | None) -> bytes:
        """What a key of this type signs for a note with `text`: the text itself, or a message with the time.

        Raises ValueError when a time is given and the type has none, or the other way round; MalformedError when an
        ML-DSA-44 key is to sign a text that is no checkpoint.
        """
        if (timestamp_s is not None) != self.signature_type.timestamped:
            raise ValueError(f"{self.signature_type.name}: a time is needed for timestamped types and for no others")
        if timestamp_s is None:
            return text
        if self.signature_type is SignatureType.COSIGNATURE_ED25519:
            return ed25519_message(text, timestamp_s)
        return ml_dsa_44_message(self.name, timestamp_s, parse_body(text))

    def verify(self, text: bytes, signature: bytes) -> int | None:
        """Check this key's signature (the bytes behind the key id) on a note with `text`.

        Returns the signature's POSIX seconds, None for the type without time. Raises SignatureError.
        """
        bare, timestamp_s = signature, None
        if self.signature_type.timestamped:
            try:
                stamped = TimestampedSignature.parse(signature, signature_bytes=_SIGNATURE_BYTES[self.signature_type])
            except MalformedError as error:
                raise SignatureError(f"the signature of {self.name} is malformed: {error}") from error
            bare, timestamp_s = stamped.signature, stamped.timestamp_s
        try:
            message = self.message(text, timestamp_s)
        except (ValueError, MalformedError) as error:
            raise SignatureError(f"{self.name} cannot have signed this text: {error}") from error
        try:
            self._verify_bare(bare, message)
        except (InvalidSignature, ValueError) as error:  # ValueError: the public key is no point of the curve
            raise SignatureError(f"the signature of {self.name} (key id {self.key_id.hex()}) is wrong") from error
        return timestamp_s

    def _verify_bare(self, signature: bytes, message: bytes) -> None:
        if self.signature_type is SignatureType.ML_DSA_44:
            MLDSA44PublicKey.from_public_bytes(self.public_key).verify(signature, message)
        else:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, message)


def signature_with_time(
    key: VerifierKey, timestamp_s: int | None, sign: Callable[[bytes], bytes], text: bytes
) -> bytes:
    """The bytes behind the key id of a new signature by `key` on a note with `text`; `sign` signs a message.

    Raises ValueError when `timestamp_s` is missing for a timestamped type; it is ignored for the type without time.
    """
    stamp = timestamp_s if key.signature_type.timestamped else None
    bare = sign(key.message(text, stamp))
    return bare if stamp is None else TimestampedSignature(timestamp_s=stamp, signature=bare).encode()
