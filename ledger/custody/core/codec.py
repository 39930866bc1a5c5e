"""The two spellings that every text form shares: ASCII decimals and standard base64, each strict.

Lenient library parsers (`int("4_2")`, `int(" 7")`, base64 that skips foreign characters or ignores trailing bits) would
give one value many spellings, and two parties could then hold different bytes for the same statement.
"""

import base64
import binascii
import re
from typing import Final

from custody.core.errors import MalformedError

_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,19}", re.ASCII)


def parse_decimal(text: str, *, maximum: int, code: str = "malformed") -> int:
    """Read an ASCII decimal without sign, leading zeroes or separators.

    Raises MalformedError (with `code`) for any other spelling and for a value above `maximum`.
    """
    if _DECIMAL.fullmatch(text) is None:
        raise MalformedError(f"not a plain decimal number: {text[:32]!r}", code=code)
    value = int(text)
    if value > maximum:
        raise MalformedError(f"the number {value} is larger than {maximum}", code=code)
    return value


def encode_base64(data: bytes) -> str:
    """Standard base64 with padding (RFC 4648 section 4)."""
    return base64.b64encode(data).decode("ascii")


def parse_base64(text: str, *, code: str = "malformed") -> bytes:
    """Read standard base64 with padding; only the spelling that `encode_base64` gives is accepted.

    Raises MalformedError (with `code`).
    """
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise MalformedError(f"not standard base64: {text[:32]!r}", code=code) from error
    if encode_base64(data) != text:
        raise MalformedError(f"base64 with stray bits: {text[-32:]!r}", code=code)
    return data
