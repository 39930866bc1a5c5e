"""The local endpoint over real sockets: who decides, what is noted, what is never kept."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from custody.recorder import spool
from custody.recorder.endpoint import Endpoint

ASKED = {
    "user": "wang",
    "password": "secret",
    "ip": "192.0.2.7",
    "action": "read",
    "path": "east",
    "protocol": "rtsp",
    "query": "",
}


class Decider(BaseHTTPRequestHandler):
    """Whoever decides: everybody but mallory may."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(401 if asked["user"] == "mallory" else 204)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing."""


@contextmanager
def serving(server: HTTPServer) -> Iterator[str]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@pytest.fixture
def upstream() -> Iterator[str]:
    with serving(HTTPServer(("127.0.0.1", 0), Decider)) as url:
        yield url


@contextmanager
def endpoint(folder: Path, upstream: str) -> Iterator[str]:
    server = Endpoint(
        ("127.0.0.1", 0), folder=folder, upstream=upstream, page=lambda: "a 1\n", now_us=lambda: 1_790_000_000_000_000
    )
    with serving(server) as url:
        yield url


def post(url: str, body: bytes) -> int:
    try:
        with urllib.request.urlopen(url, body, timeout=10) as answer:  # noqa: S310 - our own server
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def test_whom_the_decider_lets_in_is_noted_first(tmp_path: Path, upstream: str) -> None:
    with endpoint(tmp_path, upstream) as url:
        assert post(f"{url}/mediamtx/auth", json.dumps(ASKED).encode()) == 204
    (path,) = spool.waiting(tmp_path)
    event = spool.read_event(path)
    assert (event["user"], event["camera"], event["action"]) == ("wang", "east", "read")
    assert b"secret" not in path.read_bytes()


def test_whom_it_refuses_is_refused_and_not_noted(tmp_path: Path, upstream: str) -> None:
    with endpoint(tmp_path, upstream) as url:
        assert post(f"{url}/mediamtx/auth", json.dumps(ASKED | {"user": "mallory"}).encode()) == 401
    assert not spool.waiting(tmp_path)


def test_publishing_is_no_access(tmp_path: Path, upstream: str) -> None:
    with endpoint(tmp_path, upstream) as url:
        assert post(f"{url}/mediamtx/auth", json.dumps(ASKED | {"action": "publish"}).encode()) == 204
    assert not spool.waiting(tmp_path)


def test_without_a_decider_nobody_gets_in(tmp_path: Path) -> None:
    with endpoint(tmp_path, "") as url:
        assert post(f"{url}/mediamtx/auth", json.dumps(ASKED).encode()) == 401
    with endpoint(tmp_path, "http://127.0.0.1:9") as url:
        assert post(f"{url}/mediamtx/auth", json.dumps(ASKED).encode()) == 503
    assert not spool.waiting(tmp_path)


def test_no_picture_without_an_entry_in_the_register(tmp_path: Path, upstream: str) -> None:
    (tmp_path / "spool").write_text("a file where the folder should be")
    with endpoint(tmp_path / "spool", upstream) as url:
        assert post(f"{url}/mediamtx/auth", json.dumps(ASKED).encode()) == 503


@pytest.mark.parametrize("body", [b"", b"[]", b"{" * 1_000, b"\xff"])
def test_garbage_is_refused(body: bytes, tmp_path: Path, upstream: str) -> None:
    with endpoint(tmp_path, upstream) as url:
        assert post(f"{url}/mediamtx/auth", body) == 400
        assert post(f"{url}/elsewhere", body) == 404


def test_metrics_are_served(tmp_path: Path) -> None:
    with endpoint(tmp_path, "") as url, urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:  # noqa: S310
        assert answer.read() == b"a 1\n"
