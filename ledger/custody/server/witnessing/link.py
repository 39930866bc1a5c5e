"""One witness of one log over HTTP: C2SP tlog-witness, the client's side.

The connection is kept open and blocks in a thread of its own; every step on it has a deadline. A witness that failed is
left alone for a while, so that a dead one costs nothing.
"""

import http.client
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import NamedTuple
from urllib.parse import urlsplit

from custody.core.add_checkpoint import SIZE_CONTENT_TYPE, parse_size
from custody.core.cosignature import Cosignature, verify_cosignatures
from custody.core.errors import CustodyError, MalformedError
from custody.core.note import MAX_NOTE_BYTES, NoteSignature, SignedNote, VerifierKey, parse_signatures


class WitnessFailed(CustodyError):
    """A witness gave no cosignature. The code says why."""

    code = "witness-unreachable"


class WitnessHolds(CustodyError):
    """The witness holds another size than the offer began at."""

    code = "witness-holds"

    def __init__(self, size: int) -> None:
        super().__init__(f"the witness holds size {size}")
        self.size = size


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessAddress:
    """Where a witness is, and its keys. Raises ValueError for what is no URL of a witness."""

    name: str
    url: str
    keys: tuple[VerifierKey, ...]

    def __post_init__(self) -> None:
        place = urlsplit(self.url)
        if place.scheme not in ("http", "https") or not place.hostname or place.query or place.fragment:
            raise ValueError(f"not the URL of a witness: {self.url[:256]!r}")


class Cosigned(NamedTuple):
    """What a witness gave: its verified cosignatures, and their lines."""

    cosignatures: tuple[Cosignature, ...]
    lines: tuple[NoteSignature, ...]


class WitnessLink:
    """The connection; one call at a time, from any thread."""

    def __init__(self, address: WitnessAddress, *, timeout_s: float) -> None:
        self.address = address
        place = urlsplit(address.url)
        self._path = place.path.rstrip("/") + "/add-checkpoint"
        host, port = place.hostname or "", place.port
        self._connection = (
            http.client.HTTPSConnection(host, port, timeout=timeout_s, context=ssl.create_default_context())
            if place.scheme == "https"
            else http.client.HTTPConnection(host, port, timeout=timeout_s)
        )

        self._closed = False

    def post(self, body: bytes, note: SignedNote) -> Cosigned:
        """Offers a checkpoint. Raises WitnessHolds for a 409 with a size, WitnessFailed for everything else."""
        try:
            status, content_type, answer = self._exchange(body)
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise WitnessFailed(f"{self.address.name}: {error}") from error
        try:
            if status == HTTPStatus.CONFLICT and content_type == SIZE_CONTENT_TYPE:
                raise WitnessHolds(parse_size(answer))
            if status == HTTPStatus.OK:
                return _read(answer, note, self.address.keys)
        except (MalformedError, CustodyError) as error:
            if isinstance(error, WitnessHolds):
                raise
            raise WitnessFailed(f"{self.address.name}: {error}", code="witness-answer") from error
        code = "witness-refuses" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "witness-unreachable"
        raise WitnessFailed(f"{self.address.name} answered {status}", code=code)

    def _exchange(self, body: bytes) -> tuple[int, str, bytes]:
        fresh = self._connection.sock is None
        try:
            return self._once(body)
        except (ConnectionError, http.client.RemoteDisconnected):
            self._connection.close()
            if fresh or self._closed:
                raise
        return self._once(body)  # a kept connection may have been closed meanwhile; an offer can be repeated

    def _once(self, body: bytes) -> tuple[int, str, bytes]:
        self._connection.request("POST", self._path, body, {"content-type": "text/plain; charset=utf-8"})
        response = self._connection.getresponse()
        answer = response.read(MAX_NOTE_BYTES + 1)
        if len(answer) > MAX_NOTE_BYTES:
            self._connection.close()
        return response.status, response.headers.get("content-type", ""), answer

    def close(self) -> None:
        """Closes the connection; a call that is under way ends with WitnessFailed, however slowly the witness answers."""
        self._closed = True
        if self._connection.sock is not None:
            with suppress(OSError):  # closed from the other side
                self._connection.sock.shutdown(socket.SHUT_RDWR)
        self._connection.close()


def _read(answer: bytes, note: SignedNote, keys: Sequence[VerifierKey]) -> Cosigned:
    lines = parse_signatures(answer)
    known = {(key.name, key.key_id) for key in keys}
    ours = tuple(line for line in lines if (line.name, line.key_id) in known)
    cosignatures = verify_cosignatures(SignedNote(text=note.text, signatures=ours), keys) if ours else ()
    if not cosignatures:
        raise WitnessFailed("the witness's answer has no cosignature of its key", code="witness-answer")
    return Cosigned(cosignatures, ours)
