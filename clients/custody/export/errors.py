"""Why an export cannot go on."""

from custody.core.errors import CustodyError


class ExportError(CustodyError):
    """The export cannot go on; what was gathered stays, and the same command continues."""

    code = "export-failed"
