"""The package's signature: a DSSE v1.0 envelope around an in-toto Statement v1 (docs/spec/package.md, "Signature").

What is signed never changes when a signature is added. Which keys count is the caller's matter.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Final

from custody.core.codec import encode_base64, parse_base64
from custody.core.errors import MalformedError, SignatureError
from custody.core.seal import PrivateKey, SealKey, sign
from custody.verifier.package.exporter_key import public_half
from custody.verifier.package.layout import decode_json, encode_json

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "urn:custody:package:1"
MAX_SIGNATURES: Final = 32
_CODE: Final = "envelope-malformed"


def key_id(key: SealKey) -> str:
    """Hex SHA-256 of the SubjectPublicKeyInfo."""
    return sha256(key.spki()).hexdigest()


def pae(payload: bytes) -> bytes:
    """DSSE pre-authentication encoding of our payload type and `payload`."""
    return b"DSSEv1 %d %s %d %s" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload)


def statement(files: Mapping[str, bytes], predicate: Mapping[str, str]) -> bytes:
    """The payload: SHA-256 of each file by name, and what the package says about itself."""
    return encode_json(
        {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": name, "digest": {"sha256": files[name].hex()}} for name in sorted(files)],
            "predicateType": PREDICATE_TYPE,
            "predicate": dict(predicate),
        }
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """Payload and (keyid, signature) pairs, in the order in which they were added."""

    payload: bytes
    signatures: tuple[tuple[str, bytes], ...] = ()

    def encode(self) -> bytes:
        """The envelope's JSON."""
        return encode_json(
            {
                "payloadType": PAYLOAD_TYPE,
                "payload": encode_base64(self.payload),
                "signatures": [{"keyid": keyid, "sig": encode_base64(raw)} for keyid, raw in self.signatures],
            }
        )

    def signed(self, key: PrivateKey) -> "Envelope":
        """The same with one more signature, bare and in the one length of the key's algorithm."""
        made = (key_id(public_half(key)), sign(key, pae(self.payload)))
        return replace(self, signatures=(*self.signatures, made))

    def verify(self, keyid: str, signature: bytes, key: SealKey) -> None:
        """Checks one signature. Raises SignatureError ('package-signature')."""
        if key_id(key) != keyid:
            raise SignatureError("the signature names another key", code="package-signature")
        try:
            key.verify(pae(self.payload), signature)
        except SignatureError:
            raise SignatureError(
                f"the signature of {keyid[:16]} is not over this package", code="package-signature"
            ) from None


def parse_envelope(data: bytes) -> Envelope:
    """Reads an envelope; verifies nothing. Raises MalformedError ('envelope-malformed')."""
    value = decode_json(data, _CODE)
    try:
        if sorted(value) != ["payload", "payloadType", "signatures"] or value["payloadType"] != PAYLOAD_TYPE:
            raise MalformedError("not an envelope of a package", code=_CODE)
        rows = value["signatures"]
        if not isinstance(rows, list) or not 1 <= len(rows) <= MAX_SIGNATURES:
            raise MalformedError(f"an envelope has 1 to {MAX_SIGNATURES} signatures", code=_CODE)
        pairs = [_pair(row) for row in rows]
        return Envelope(payload=parse_base64(value["payload"], code=_CODE), signatures=tuple(pairs))
    except (TypeError, KeyError, AttributeError) as error:
        raise MalformedError("the envelope has another form", code=_CODE) from error


def _pair(row: Any) -> tuple[str, bytes]:
    if sorted(row) != ["keyid", "sig"] or not isinstance(row["keyid"], str):
        raise MalformedError("a signature has keyid and sig", code=_CODE)
    return row["keyid"], parse_base64(row["sig"], code=_CODE)
