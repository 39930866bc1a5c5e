"""The agent's local endpoint: figures for monitoring, and the who-viewed feed of MediaMTX.

    GET  /metrics          Prometheus text
    POST /mediamtx/auth    MediaMTX's `authHTTPAddress`

MediaMTX asks before it lets anybody in. This endpoint is not the one who decides: it passes the question on to
`auth_upstream`, returns that answer, and leaves an access event when the answer was yes. Without an upstream it says no
to everyone, because an endpoint that says yes to everyone would open the cameras. Passwords and tokens are passed on
and never kept.
"""

import json
import logging
import secrets
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import Any, Final
from urllib.parse import parse_qs

from custody.core.errors import CustodyError
from custody.recorder import spool
from custody.recorder.viewings import Viewings

_LOG: Final = logging.getLogger("custody.recorder")
_MAX_BODY_BYTES: Final = 64 * 1024
_UPSTREAM_TIMEOUT_S: Final = 5
_ACCESS: Final = ("read", "playback")


def access_event(asked: Mapping[str, Any], now_us: int) -> dict[str, Any] | None:
    """The event of one authorisation request that was granted; None when it is no access to footage.

    MediaMTX sends user, password, token, ip, action, path, protocol, id and query. For a playback the query says which
    time: `start` (RFC 3339) and `duration` in seconds.
    """
    action, path = asked.get("action"), asked.get("path")
    if action not in _ACCESS or not isinstance(path, str) or not path:
        return None
    event: dict[str, Any] = {"event": "access", "camera": path, "action": action, "at_us": now_us}
    user = asked.get("user")
    if isinstance(user, str) and user:
        event["user"] = user[:256]
    if action == "playback":
        event |= _played(str(asked.get("query", "")))
    return event


def _played(query: str) -> dict[str, int]:
    values = parse_qs(query)
    try:
        start = datetime.fromisoformat(values["start"][0].replace(" ", "+"))
        duration_s = float(values["duration"][0])
        from_us = int(start.timestamp() * 1_000_000)
        to_us = from_us + int(duration_s * 1_000_000)
    except (KeyError, IndexError, ValueError, OverflowError):
        return {}
    return {"from_us": from_us, "to_us": to_us} if 0 < from_us <= to_us < 1 << 62 else {}


class Endpoint(ThreadingHTTPServer):
    """Serves until `shutdown`. `page` makes the metrics."""

    daemon_threads = True

    def __init__(
        self,
        address: tuple[str, int],
        *,
        folder: Path,
        upstream: str,
        page: Callable[[], str],
        now_us: Callable[[], int],
    ) -> None:
        """`folder` is the spool; `upstream` the URL that decides, or empty. Raises OSError."""
        self.folder = folder
        self.upstream = upstream
        self.page = page
        self.now_us = now_us
        self._viewings = Viewings()
        self._noting = Lock()
        super().__init__(address, _Handler)

    def note(self, asked: Mapping[str, Any]) -> bool:
        """Leaves an access event, when what was `asked` for is one and was not noted yet; False when that failed.

        Durable before the viewer is let in: no picture without an entry in the register.
        """
        now_us = self.now_us()
        event = access_event(asked, now_us)
        if event is None:
            return True
        with self._noting:  # of two questions at once the second must not be let in by the first before that is durable
            if self._viewings.is_known(asked, now_us):
                return True
            try:
                spool.leave(self.folder, event, now_us, secrets.token_hex(4))
            except OSError:
                _LOG.exception("an access could not be noted, so it is refused")
                return False
            self._viewings.note(asked, now_us)
        return True


class _Handler(BaseHTTPRequestHandler):
    server: Endpoint
    timeout = 10

    def do_GET(self) -> None:
        """Metrics."""
        if self.path != "/metrics":
            self._answer(404, b"")
            return
        try:
            page = self.server.page()
        except (CustodyError, OSError):
            _LOG.exception("no metrics")
            self._answer(500, b"")
            return
        self._answer(200, page.encode())

    def do_POST(self) -> None:
        """Authorisation of a viewer."""
        length = self.headers.get("Content-Length", "")
        if (
            self.path != "/mediamtx/auth"
            or not length.isascii()
            or not length.isdigit()
            or int(length) > _MAX_BODY_BYTES
        ):
            self._answer(404, b"")
            return
        body = self.rfile.read(int(length))
        try:
            asked = json.loads(body)
        except (ValueError, RecursionError):
            asked = None
        if not isinstance(asked, dict):
            self._answer(400, b"")
            return
        status = self._decide(body)
        if 200 <= status < 300 and not self.server.note(asked):
            status = 503
        self._answer(status, b"")

    def _decide(self, body: bytes) -> int:
        if not self.server.upstream.startswith(("http://", "https://")):
            return 401
        request = urllib.request.Request(self.server.upstream, body, {"Content-Type": "application/json"})  # noqa: S310 - checked
        try:
            with urllib.request.urlopen(request, timeout=_UPSTREAM_TIMEOUT_S) as answer:  # noqa: S310 - checked
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 503

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Requests are not logged: they carry names."""
