"""What a witness refuses, each with its stable code and the status code of C2SP tlog-witness."""

from http import HTTPStatus

from custody.core.errors import CustodyError


class WitnessStateError(CustodyError):
    """The witness's memory is missing, damaged, in use, or could not be written."""

    code = "witness-state-damaged"


class WitnessRefusal(CustodyError):
    """An offer that is not cosigned. `size` is what the witness holds, told to the log where the specification says so."""

    code = "witness-refused"

    def __init__(self, message: str, *, code: str, status: HTTPStatus, size: int | None = None) -> None:
        super().__init__(message, code=code)
        self.status = status
        self.size = size
