"""The HTTP side of a witness: `POST add-checkpoint`, and `GET` of `/healthz` and `/metrics`. Plain ASGI: one call needs no router."""

from http import HTTPStatus
from typing import Final

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from custody.asgi.serving import Receive, Scope, Send
from custody.core.add_checkpoint import MAX_REQUEST_BYTES, SIZE_CONTENT_TYPE, encode_size
from custody.core.errors import CustodyError
from custody.witness.errors import WitnessRefusal
from custody.witness.witness import Witness

PATH: Final = "/add-checkpoint"
_TEXT: Final = "text/plain; charset=utf-8"

_log = structlog.get_logger("custody.witness")


class WitnessApp:
    """Answers for one witness, under the prefix at which it is served."""

    def __init__(self, witness: Witness, prefix: str = "") -> None:
        self._witness = witness
        self._path = prefix + PATH

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry point."""
        if scope["type"] != "http":
            return
        status, content_type, body = await self._answer(scope, receive)
        headers = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode())]
        headers.append((b"cache-control", b"no-store"))
        if status is HTTPStatus.METHOD_NOT_ALLOWED:
            headers.append((b"allow", b"POST"))
        await send({"type": "http.response.start", "status": int(status), "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[HTTPStatus, str, bytes]:
        if scope["method"] in ("GET", "HEAD") and scope["path"] in ("/healthz", "/metrics"):
            return _page(scope["path"])
        if scope["path"] != self._path or scope["query_string"]:
            return HTTPStatus.NOT_FOUND, _TEXT, b"not found\n"
        if scope["method"] != "POST":
            return HTTPStatus.METHOD_NOT_ALLOWED, _TEXT, b"only POST\n"
        body = await _body(receive)
        if body is None:
            return HTTPStatus.BAD_REQUEST, _TEXT, b"the request is too long, or was not sent to its end\n"
        try:
            return HTTPStatus.OK, _TEXT, self._witness.add_checkpoint(body)
        except WitnessRefusal as refusal:
            await _log.ainfo("refused", code=refusal.code, reason=str(refusal))
            if refusal.size is not None:
                return refusal.status, SIZE_CONTENT_TYPE, encode_size(refusal.size)
            return refusal.status, _TEXT, f"{refusal} [{refusal.code}]\n".encode()
        except CustodyError as error:
            await _log.aerror("failed", code=error.code, reason=str(error))
            return HTTPStatus.SERVICE_UNAVAILABLE, _TEXT, b"the witness cannot answer now; ask again\n"


def _page(path: str) -> tuple[HTTPStatus, str, bytes]:
    if path == "/metrics":
        return HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest()
    return HTTPStatus.OK, _TEXT, b"ok\n"


async def _body(receive: Receive) -> bytes | None:
    parts, length = [], 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        length += len(parts[-1])
        if length > MAX_REQUEST_BYTES:
            return None
        if not message.get("more_body", False):
            return b"".join(parts)
