"""Errors of the desk. Their texts name places, never values: what a person typed may be personal data."""

from custody.core.errors import CustodyError


class FormError(CustodyError):
    """What a form says has no place in a record. The message names the path in the form, and no value."""

    code = "form-malformed"


class DeskConfigError(CustodyError):
    """The desk's configuration does not say what it must, or says something unknown."""

    code = "desk-config"


class DisclosureStoreError(CustodyError):
    """The store of disclosures cannot be used as it lies there."""

    code = "disclosure-store"


class DisclosureUnknown(CustodyError):
    """No disclosure is kept for a commitment: it was never here, or it was erased."""

    code = "disclosure-unknown"


class RecordUnknown(CustodyError):
    """The ledger shows no entry for a record id."""

    code = "record-unknown"
