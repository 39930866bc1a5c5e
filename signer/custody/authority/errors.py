"""What the authority refuses."""

from custody.core.errors import CustodyError


class AuthorityError(CustodyError):
    """The authority cannot or must not do this."""

    code = "authority-unusable"
