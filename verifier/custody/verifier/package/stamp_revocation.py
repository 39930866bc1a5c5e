"""Whether a time-stamping authority's certificate was revoked: RFC 3161 section 4, from lists that lie at hand (RFC 5280 section 5).

A token outlives a revocation only where the list gives a reason that leaves the key unharmed, and only when it is older: all
other tokens of that key are worth nothing, whenever they say that they were made.
"""

from collections.abc import Sequence
from typing import Final

from cryptography.x509 import (
    Certificate,
    CertificateRevocationList,
    CRLReason,
    ExtensionNotFound,
    ReasonFlags,
    RevokedCertificate,
    load_der_x509_certificate,
)

from custody.core.errors import SignatureError
from custody.core.timestamp import Token
from custody.verifier.package.certificate import issued, listed, name_of

_HARMLESS: Final = frozenset(
    {
        ReasonFlags.unspecified,
        ReasonFlags.affiliation_changed,
        ReasonFlags.superseded,
        ReasonFlags.cessation_of_operation,
    }
)
_MAX_CHAIN: Final = 8


def check_revocation(token: Token, roots: Sequence[Certificate], lists: Sequence[CertificateRevocationList]) -> bool:
    """Looks at every certificate from the one that signed up to a root; the token's signature was verified before.

    True when each issuer has a list that was still good when the token was made. Raises SignatureError ('timestamp-revoked').
    """
    signed = token.response.signed_data
    others = [load_der_x509_certificate(one) for one in sorted(signed.certificates)]
    (signer,) = signed.signer_infos
    current = next(
        (one for one in (*others, *roots) if (one.issuer, one.serial_number) == (signer.issuer, signer.serial_number)),
        None,
    )
    known = True
    for _ in range(_MAX_CHAIN):
        if current is None or current in roots:
            return known and current is not None
        issuer = next((one for one in (*roots, *others) if one != current and issued(one, current)), None)
        if issuer is not None:
            known = _not_revoked(current, issuer, lists, token) and known
        current = issuer
    return False


def _not_revoked(
    certificate: Certificate, issuer: Certificate, lists: Sequence[CertificateRevocationList], token: Token
) -> bool:
    rows, known = listed(certificate, issuer, lists, token.at)
    if any(row.revocation_date_utc <= token.at or not _unharmed(row) for row in rows):
        raise SignatureError(
            f"{name_of(certificate)} was revoked, and the time stamp with it", code="timestamp-revoked"
        )
    return known


def _unharmed(row: RevokedCertificate) -> bool:
    try:
        return row.extensions.get_extension_for_class(CRLReason).value.reason in _HARMLESS
    except (ExtensionNotFound, ValueError):
        return False
