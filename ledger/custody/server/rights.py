"""The table of rights (`core.rights`) at the door: what it does not allow is denied, with the place of the guilty record."""

from custody.core.record import ReadRecord
from custody.core.rights import TABLE, NotAllowed, check_told
from custody.core.roles import Role, Scope
from custody.server.admission import ForbiddenError


class Denied(ForbiddenError):
    """The table has no such right. `position` is -1 when it is not about one record; `kind` is empty then."""

    code = "rpc-not-allowed"

    def __init__(self, message: str, *, code: str, position: int = -1, kind: str = "") -> None:
        super().__init__(message, position=position, code=code)
        self.kind = kind


def check_rpc(role: Role, rpc: str) -> None:
    """Raises Denied 'rpc-not-allowed'."""
    if rpc not in TABLE[role].rpcs:
        raise Denied(f"a {role.value} may not call {rpc}", code="rpc-not-allowed")


def check_record(role: Role, scope: Scope | None, record: ReadRecord, position: int) -> None:
    """Whether a role with these registered scopes may append a record; None: nothing is registered for its key.

    Raises Denied: 'kind-not-allowed', 'not-in-scope', or 'identity-unregistered', which says nothing of the record.
    """
    kind = record.kind.name
    try:
        check_told(role, scope, kind, record.chains)
    except NotAllowed as error:
        # An unregistered key is not the record's fault: it may be sent again once an administrator has registered it.
        place = -1 if error.code == "identity-unregistered" else position
        raise Denied(str(error), code=error.code, position=place, kind=kind) from error
