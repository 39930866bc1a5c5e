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
from custody.recorder.viewings import AGAIN_US, SILENCE_US, Viewings

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


def test_one_viewing_is_noted_once(tmp_path: Path, upstream: str) -> None:
    """As MediaMTX asks: for RTSP twice a connection (DESCRIBE, SETUP), for HLS with every piece and no connection."""
    rtsp = ASKED | {"id": "3189f140", "protocol": "rtsp"}
    hls = ASKED | {"id": "", "protocol": "hls"}
    with endpoint(tmp_path, upstream) as url:
        for asked in (rtsp, rtsp, hls, hls, hls):
            assert post(f"{url}/mediamtx/auth", json.dumps(asked).encode()) == 204
        assert len(spool.waiting(tmp_path)) == 2
        for other in (rtsp | {"id": "other"}, rtsp | {"path": "west"}, hls | {"ip": "192.0.2.99"}):
            assert post(f"{url}/mediamtx/auth", json.dumps(other).encode()) == 204
    assert len(spool.waiting(tmp_path)) == 5


def test_every_playback_is_noted(tmp_path: Path, upstream: str) -> None:
    asked = ASKED | {"action": "playback", "query": "start=2026-09-21T14:00:00%2B08:00&duration=60"}
    with endpoint(tmp_path, upstream) as url:
        for _ in range(3):
            assert post(f"{url}/mediamtx/auth", json.dumps(asked).encode()) == 204
    assert len(spool.waiting(tmp_path)) == 3


def test_what_could_not_be_noted_is_not_known_afterwards(tmp_path: Path, upstream: str) -> None:
    blocked = tmp_path / "spool"
    blocked.write_text("a file where the folder should be")
    with endpoint(blocked, upstream) as url:
        assert post(f"{url}/mediamtx/auth", json.dumps(ASKED).encode()) == 503
        blocked.unlink()
        assert post(f"{url}/mediamtx/auth", json.dumps(ASKED).encode()) == 204
    assert len(spool.waiting(blocked)) == 1


def test_a_viewing_ends_with_silence_and_is_noted_again_when_it_lasts() -> None:
    viewings, now_us = Viewings(), 1_790_000_000_000_000
    assert not viewings.is_known(ASKED, now_us)
    viewings.note(ASKED, now_us)
    assert viewings.is_known(ASKED, now_us + SILENCE_US)
    assert viewings.is_known(ASKED, now_us + 2 * SILENCE_US)
    assert not viewings.is_known(ASKED, now_us + 3 * SILENCE_US + 1)
    assert not viewings.is_known(ASKED, now_us - 1)  # the clock was set back
    viewings.note(ASKED, now_us)
    for at_us in range(now_us, now_us + AGAIN_US + 1, SILENCE_US):
        assert viewings.is_known(ASKED, at_us)
    assert not viewings.is_known(ASKED, now_us + AGAIN_US + 1)


def test_many_viewers_cost_bounded_memory_and_none_is_left_out() -> None:
    viewings, now_us = Viewings(), 1_790_000_000_000_000
    for number in range(10_000):
        asked = ASKED | {"id": str(number)}
        assert not viewings.is_known(asked, now_us)
        viewings.note(asked, now_us)
    assert len(viewings._noted) <= 4_096
    assert not viewings.is_known(ASKED | {"id": "9999"}, now_us)
