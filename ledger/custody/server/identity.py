"""Who submits: the authenticated identity of the peer, which becomes `Entry.submitter`.

Without TLS nobody is authenticated, and the entry says so: the name that the peer claims in the call metadata
(`custody-submitter`) is recorded as `urn:custody:unverified:<name>`.
"""

from typing import Any, Final

from custody.core.errors import CustodyError, MalformedError
from custody.core.names import check_identity

SUBMITTER_METADATA: Final = "custody-submitter"
_NOBODY: Final = "anonymous"


class Unauthenticated(CustodyError):
    """The peer has no acceptable identity."""

    code = "unauthenticated"


def submitter_of(context: Any) -> str:
    """Identity of the caller as a URN. Raises Unauthenticated when what it claims is not a name."""
    claimed = _NOBODY
    for key, value in context.invocation_metadata() or ():
        if key == SUBMITTER_METADATA:
            claimed = value if isinstance(value, str) else ""
    try:
        return check_identity(f"urn:custody:unverified:{claimed}")
    except MalformedError as error:
        raise Unauthenticated("the metadata custody-submitter is not a name") from error
