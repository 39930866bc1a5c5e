"""Disclosures: personal data outside the log, bound by salted commitments (docs/spec/disclosure.md).

A record holds `SHA-256(serialize(Disclosure{salt, name, value}))`. Without the disclosure the commitment says nothing
about the value, for the salt has 128 random bits; with it anyone can check that this value was meant from the
beginning. Erasing the disclosure leaves every proof of the log intact.
"""

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from google.protobuf.message import DecodeError

from custody.core.errors import MalformedError, VerificationError
from custody.v1 import record_pb2

SALT_BYTES: Final = 16
MAX_DISCLOSURE_BYTES: Final = 16_384
"""A statement of reasons fits; a scanned document does not and is bound by its own hash."""

_NAME: Final = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){0,7}", re.ASCII)


class DisclosureError(VerificationError):
    """A disclosure is not what the commitment stands for."""

    code = "disclosure-mismatch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """`salt` 16 random bytes; `name` the dotted path of the field; `value` the personal data."""

    salt: bytes
    name: str
    value: str

    def encode(self) -> bytes:
        """Serialized custody.v1.Disclosure; the inverse of `decode_disclosure`."""
        raw = record_pb2.Disclosure(salt=self.salt, name=self.name, value=self.value).SerializeToString()
        decode_disclosure(raw)
        return raw

    def commitment(self) -> bytes:
        """SHA-256 over the serialization, 32 bytes: what stands in the record."""
        return sha256(self.encode()).digest()


def decode_disclosure(raw: bytes) -> Disclosure:
    """Reads a disclosure strictly; raises MalformedError ('disclosure-malformed'). The message names no value."""
    if len(raw) > MAX_DISCLOSURE_BYTES:
        raise MalformedError(f"a disclosure has at most {MAX_DISCLOSURE_BYTES} bytes", code="disclosure-malformed")
    try:
        message = record_pb2.Disclosure.FromString(raw)
    except DecodeError:
        raise MalformedError("not a serialized Disclosure", code="disclosure-malformed") from None
    message.DiscardUnknownFields()
    if message.SerializeToString() != raw:
        raise MalformedError("the disclosure is not in its one spelling", code="disclosure-malformed")
    if len(message.salt) != SALT_BYTES or not _NAME.fullmatch(message.name) or not message.value:
        raise MalformedError(
            "the disclosure lacks a salt of 16 bytes, a dotted field name or a value", code="disclosure-malformed"
        )
    return Disclosure(salt=message.salt, name=message.name, value=message.value)


def check_disclosure(raw: bytes, commitment: bytes) -> Disclosure:
    """Reads a disclosure and holds it against its commitment; raises MalformedError or DisclosureError."""
    disclosure = decode_disclosure(raw)
    if sha256(raw).digest() != commitment:
        raise DisclosureError(f"the disclosure of {disclosure.name} is not the one that was committed to")
    return disclosure
