"""The ASGI application: GET and HEAD of `/ORIGIN/checkpoint`, `/ORIGIN/tile/...`, `/healthz` and `/metrics`.

`ORIGIN` is the log's origin as it stands in its checkpoints. Query strings name nothing. It is plain ASGI: four kinds of
path need no router, and a tile read costs what it must.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from custody.asgi.serving import AsgiApp, Receive, Scope, Send, client_certificate
from custody.server.hosted import HostedLog
from custody.server.http.access import EntriesClosed, EntryAccess
from custody.server.http.resource import ENTRIES, NoSuchResource, Tiles
from custody.server.identity import Unauthenticated
from custody.server.rights import Denied

Headers = list[tuple[bytes, bytes]]

_TEXT: Final = (b"content-type", b"text/plain; charset=utf-8")
_BYTES: Final = (b"content-type", b"application/octet-stream")
_FOREVER: Final = (b"cache-control", b"public, max-age=31536000, immutable")
_PRIVATE_FOREVER: Final = (b"cache-control", b"private, max-age=31536000, immutable")
_BRIEFLY: Final = (b"cache-control", b"public, max-age=1")
_NEVER: Final = (b"cache-control", b"no-store")
_ANY_ORIGIN: Final = (b"access-control-allow-origin", b"*")
"""A verifier that runs in a browser may read what everybody may read."""
_SNIFF: Final = (b"x-content-type-options", b"nosniff")


class HttpApp:
    """Serves hosted logs; holds nothing but what it may forget."""

    def __init__(
        self, logs: Iterable[HostedLog], access: EntryAccess, beside: Mapping[str, AsgiApp] | None = None
    ) -> None:
        """`beside`: other applications by the path that leads to them."""
        self._beside = dict(beside or {})
        self._logs = {f"/{hosted.origin}/": (hosted, Tiles(hosted)) for hosted in logs}
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI entry point."""
        if scope["type"] != "http":
            return  # the server is configured without lifespan and without web sockets
        other = self._beside.get(scope["path"])
        if other is not None:
            await other(scope, receive, send)
            return
        status, headers, body = await self._answer(scope)
        headers = [*headers, (b"content-length", str(len(body)).encode()), _SNIFF]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def _answer(self, scope: Scope) -> tuple[int, Headers, bytes]:
        if scope["method"] not in ("GET", "HEAD"):
            return 405, [_TEXT, _NEVER, (b"allow", b"GET, HEAD")], b"only GET and HEAD\n"
        path = scope["path"]
        if scope["query_string"]:
            return _missing()
        if path == "/healthz":
            return self._health()
        if path == "/metrics":
            return 200, [(b"content-type", CONTENT_TYPE_LATEST.encode()), _NEVER], generate_latest()
        for prefix, (_, tiles) in self._logs.items():
            if path.startswith(prefix):
                return await self._resource(tiles, path[len(prefix) :], scope)
        return _missing()

    def _health(self) -> tuple[int, Headers, bytes]:
        ill = [hosted.origin for hosted, _ in self._logs.values() if hosted.sequencer.halted is not None]
        if ill:
            return 503, [_TEXT, _NEVER], ("not written: " + ", ".join(ill) + "\n").encode()
        return 200, [_TEXT, _NEVER], b"ok\n"

    async def _resource(self, tiles: Tiles, path: str, scope: Scope) -> tuple[int, Headers, bytes]:
        try:
            if path == "checkpoint":
                return 200, [_TEXT, _BRIEFLY, _ANY_ORIGIN], tiles.checkpoint()
            if not path.startswith(ENTRIES):
                return 200, [_BYTES, _FOREVER, _ANY_ORIGIN], await tiles.read(path)
            self._access.check(dict(scope["headers"]).get(b"authorization"), client_certificate(scope))
            return 200, [_BYTES, _PRIVATE_FOREVER], await tiles.read(path)
        except NoSuchResource:
            return _missing()
        except EntriesClosed as error:
            asked = (b"www-authenticate", b'Bearer realm="custody entries"')
            return 401, [_TEXT, _NEVER, asked], f"{error} [{error.code}]\n".encode()
        except (Unauthenticated, Denied) as error:
            return 403, [_TEXT, _NEVER], f"{error} [{error.code}]\n".encode()


def _missing() -> tuple[int, Headers, bytes]:
    return 404, [_TEXT, _NEVER], b"not found\n"
