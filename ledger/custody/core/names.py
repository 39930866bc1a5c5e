"""Names of sites, streams, chains, identities and keys, each with one accepted spelling.

A site or camera name is 1 to 64 characters of `a-z 0-9 . _ -` and begins with a letter or digit; a stream is
`site/camera`; a chain is `footage/<stream>`, `custody/<stream>`, `site/<site>`, `log/keys` or `log/heads`. Lower case
only: two spellings of one camera would be two histories. Names for people stand in the records.
"""

import re
from functools import lru_cache
from typing import Final

from custody.core import limits
from custody.core.errors import MalformedError

_NAME: Final = re.compile(rf"[a-z0-9][a-z0-9._-]{{0,{limits.MAX_NAME_CHARS - 1}}}", re.ASCII)
_IDENTITY: Final = re.compile(r"urn:custody:[a-z][a-z0-9-]{0,31}:[A-Za-z0-9][A-Za-z0-9._@/-]{0,199}", re.ASCII)

_KEY_ID: Final = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._:/@+-]{{0,{limits.MAX_KEY_ID_CHARS - 1}}}", re.ASCII)

CHAIN_KEYS: Final = "log/keys"
CHAIN_HEADS: Final = "log/heads"


def check_site(site: str) -> str:
    """Returns `site` if it is a site name; raises MalformedError ('name-malformed') otherwise."""
    if not _NAME.fullmatch(site):
        raise MalformedError(f"not a site name: {site[:80]!r}", code="name-malformed")
    return site


# A server meets the same few thousand streams in millions of records; the cache is a cap, not a growing set.
@lru_cache(maxsize=16_384)
def check_stream(stream: str) -> str:
    """Returns `stream` if it is `site/camera`; raises MalformedError ('name-malformed') otherwise."""
    site, slash, camera = stream.partition("/")
    if not slash or not _NAME.fullmatch(site) or not _NAME.fullmatch(camera):
        raise MalformedError(f"not a stream name (site/camera): {stream[:160]!r}", code="name-malformed")
    return stream


@lru_cache(maxsize=32_768)
def check_chain(chain: str) -> str:
    """Returns `chain` if it is the name of a chain; raises MalformedError ('name-malformed') otherwise."""
    family, _, subject = chain.partition("/")
    if family in ("footage", "custody"):
        check_stream(subject)
    elif family == "site":
        check_site(subject)
    elif chain not in (CHAIN_KEYS, CHAIN_HEADS):
        raise MalformedError(f"not a chain name: {chain[:160]!r}", code="name-malformed")
    return chain


@lru_cache(maxsize=4_096)
def check_identity(identity: str) -> str:
    """Returns `identity` if it is `urn:custody:<role>:<name>`; raises MalformedError ('identity-malformed')."""
    if not _IDENTITY.fullmatch(identity):
        raise MalformedError(
            f"not an identity (urn:custody:<role>:<name>): {identity[:255]!r}", code="identity-malformed"
        )
    return identity


@lru_cache(maxsize=4_096)
def check_key_id(key_id: str) -> str:
    """Returns `key_id` if it may name a registered key; raises MalformedError ('key-id-malformed')."""
    if not _KEY_ID.fullmatch(key_id):
        raise MalformedError(f"not a key id: {key_id[:127]!r}", code="key-id-malformed")
    return key_id


def site_of(stream: str) -> str:
    """The site half of a stream name."""
    return stream.partition("/")[0]
