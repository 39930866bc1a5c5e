"""RFC 3161 time-stamp tokens, checked offline against pinned roots.

The parser that checks signatures takes strict DER only, but authorities (OpenSSL's among them) emit the unsigned
certificate set out of order; so the set is sorted in a copy before it is read. It is covered by no signature; the
original bytes stay as they came.

Renewal (the idea of RFC 4998 section 5.2): before a certificate or a hash ages, a new token is taken over what was stamped
together with all tokens so far. Data and tokens make one line of generations: docs/spec/timestamps.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256, sha384, sha512
from typing import Any, Final

from asn1crypto import cms, tsp
from cryptography.x509 import Certificate, load_der_x509_certificate
from rfc3161_client import TimeStampResponse, VerificationError, VerifierBuilder, decode_timestamp_response

from custody.core.errors import MalformedError, SignatureError

_HASHES: Final = {
    "2.16.840.1.101.3.4.2.1": sha256,
    "2.16.840.1.101.3.4.2.2": sha384,
    "2.16.840.1.101.3.4.2.3": sha512,
}
_CODE: Final = "timestamp-malformed"
MAX_TOKEN_BYTES: Final = 65_536
"""Tokens carry a few certificates; no authority's answer comes near this."""
RENEWAL_HEADER: Final = b"custody.timestamp-renewal/1\n"


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

    @property
    def hash_name(self) -> str:
        """`sha256`, `sha384` or `sha512`: what was hashed for the authority; empty for anything else."""
        make = _HASHES.get(self.response.tst_info.message_imprint.hash_algorithm.dotted_string)
        return make(b"").name if make is not None else ""

    @property
    def expires(self) -> datetime:
        """When the first of the certificates in the token ends: until then it has to be renewed.

        Raises MalformedError ('timestamp-malformed') for a token without certificates.
        """
        try:
            ends = [
                load_der_x509_certificate(one).not_valid_after_utc for one in self.response.signed_data.certificates
            ]
        except ValueError as error:
            raise MalformedError("a certificate in the time stamp cannot be read", code=_CODE) from error
        if not ends:
            raise MalformedError("the time stamp carries no certificate", code=_CODE)
        return min(ends)

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
        return Token(response=response, at=info.gen_time.astimezone(UTC), nonce=info.nonce)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise MalformedError(f"not a time-stamp response: {str(error)[:120]}", code=_CODE) from error


def renewal_data(stamped: bytes, generations: Sequence[Sequence[bytes]]) -> bytes:
    """What the next generation of tokens is taken over: the stamped bytes and all tokens so far, each behind its length."""
    parts = [RENEWAL_HEADER, len(stamped).to_bytes(4, "big"), stamped]
    for tokens in generations:
        parts.append(len(tokens).to_bytes(4, "big"))
        for token in tokens:
            parts += [len(token).to_bytes(4, "big"), token]
    return b"".join(parts)


def read_generations(stamped: bytes, generations: Sequence[Sequence[bytes]], roots: list[Certificate]) -> list[Token]:
    """Every token of a line of generations, first to last, each over what it must be over.

    With `roots` the signatures are checked too. Raises MalformedError; SignatureError: 'timestamp-other',
    'timestamp-signature', and 'timestamp-lapsed' when a generation came after the one before it had lost its worth.
    """
    told: list[Token] = []
    until: datetime | None = None
    for count, tokens in enumerate(generations):
        data = renewal_data(stamped, generations[:count]) if count else stamped
        read = [read_token(raw) for raw in tokens]
        if not read:
            raise MalformedError("a generation has no token", code=_CODE)
        for token in read:
            if roots:
                token.verify(data, roots)
            else:
                token.check_data(data)
            if until is not None and token.at >= until:
                raise SignatureError("the renewal came after the renewed token had expired", code="timestamp-lapsed")
        until = max(token.expires for token in read)
        told += read
    return told


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
