"""RFC 3161 time-stamp tokens, checked offline against pinned roots.

The parser that checks signatures takes strict DER only, but authorities (OpenSSL's among them) emit the unsigned
certificate set out of order; so the set is sorted in a copy before it is read. It is covered by no signature; the
original bytes stay as they came.
"""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256, sha384, sha512
from typing import Any, Final

from asn1crypto import cms, tsp
from cryptography.x509 import Certificate
from rfc3161_client import TimeStampResponse, VerificationError, VerifierBuilder, decode_timestamp_response

from custody.core.errors import MalformedError, SignatureError

_HASHES: Final = {
    "2.16.840.1.101.3.4.2.1": sha256,
    "2.16.840.1.101.3.4.2.2": sha384,
    "2.16.840.1.101.3.4.2.3": sha512,
}
_CODE: Final = "timestamp-malformed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A granted time stamp; nothing about its signer is known yet."""

    response: TimeStampResponse
    at: datetime
    nonce: int | None

    def check_data(self, data: bytes) -> None:
        """Raises SignatureError ('timestamp-other') unless the token is over exactly these bytes."""
        imprint = self.response.tst_info.message_imprint
        make = _HASHES.get(imprint.hash_algorithm.dotted_string)
        if make is None or make(data).digest() != imprint.message:
            raise SignatureError("the time stamp is not over this file", code="timestamp-other")

    def verify(self, data: bytes, roots: list[Certificate]) -> None:
        """Checks signature and certificate chain to one of the roots. Raises SignatureError."""
        self.check_data(data)
        builder = VerifierBuilder()
        for root in roots:
            builder = builder.add_root_certificate(root)
        try:
            builder.build().verify_message(self.response, data)
        except (VerificationError, ValueError) as error:
            raise SignatureError(
                f"the time stamp is not signed under a given root: {str(error)[:120]}", code="timestamp-signature"
            ) from error


def read_token(raw: bytes) -> Token:
    """Reads a TimeStampResp. Raises MalformedError ('timestamp-malformed')."""
    try:
        response = decode_timestamp_response(_sorted_certificates(raw))
        if response.status not in {0, 1}:
            raise MalformedError("the authority granted no time stamp", code=_CODE)
        info = response.tst_info
        return Token(response=response, at=info.gen_time, nonce=info.nonce)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise MalformedError(f"not a time-stamp response: {str(error)[:120]}", code=_CODE) from error


def _sorted_certificates(raw: bytes) -> bytes:
    """The response with its certificate set in DER order (X.690 section 11.6)."""
    response = tsp.TimeStampResp.load(raw, strict=True)
    token: Any = response["time_stamp_token"]
    signed = token["content"]
    certificates = signed["certificates"]
    ordered = sorted(one.dump() for one in certificates) if certificates else []
    if ordered == [one.dump() for one in certificates or ()]:
        return raw
    signed["certificates"] = cms.CertificateSet([cms.CertificateChoices.load(one) for one in ordered])
    out: bytes = response.dump(force=True)
    return out
