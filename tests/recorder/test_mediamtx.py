"""MediaMTX itself, beside a real ledger: hooks, its cleaner, its question who may look, two crashes, and what the log says."""

import base64
import json
import shutil
import signal
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from clip_workshop import encode, is_run_of, read_file
from tests.recorder.field import CUSTODY, Field, read_log, until

from custody.v1 import record_pb2

ZONE = "Asia/Shanghai"
KEPT_S = 25
RECORDER = """[[recorder]]
preset = "mediamtx"
zone = "{zone}"
configuration = "{folder}/mediamtx.yml"
settle_s = 5
[[recorder.storage]]
name = "hot"
path = "{folder}/recordings"
"""
SETTINGS = """logLevel: warn
rtspAddress: 127.0.0.1:{rtsp}
rtspTransports: [tcp]
rtmp: no
hls: yes
hlsAddress: 127.0.0.1:{hls}
hlsVariant: fmp4
webrtc: no
srt: no
playback: yes
playbackAddress: 127.0.0.1:{playback}
authMethod: http
authHTTPAddress: http://127.0.0.1:{agent}/mediamtx/auth
pathDefaults:
  record: yes
  recordPath: {folder}/recordings/%path/%Y-%m-%d_%H-%M-%S-%f
  recordSegmentDuration: 2s
  recordDeleteAfter: {kept}s
  runOnRecordSegmentComplete: {hook} segment-complete --path $MTX_SEGMENT_PATH
  runOnNotReady: {hook} cause-begin --camera $MTX_PATH --reason camera-offline
  runOnReady: {hook} cause-end --camera $MTX_PATH --reason camera-offline
paths:
  all_others:
"""
"""As in docs/recorder-presets.md."""


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_log_names_what_mediamtx_did_and_who_looked(tmp_path: Path) -> None:
    if missing := [name for name in ("mediamtx", "ffmpeg") if shutil.which(name) is None]:
        pytest.skip(f"not installed: {', '.join(missing)} (.ci/mediamtx builds it)")
    folder = tmp_path / "f"
    (folder / "recordings").mkdir(parents=True)
    with who_decides() as (upstream, asked):
        ports = dict(zip(("rtsp", "playback", "hls", "agent"), free_ports(4), strict=True))
        agent = f'listen = "127.0.0.1:{ports["agent"]}"\nauth_upstream = "{upstream}"'
        field = Field(
            folder, [encode(tmp_path / "film.mp4", frames=900)], RECORDER.format(zone=ZONE, folder=folder), agent
        )
        try:
            story = Story(field, ports)
            story.tell()
            story.check(read_log(field))
        finally:
            for name in list(field.running):
                field.stop(name, signal.SIGKILL)
    # What the question looks like, as the programs in docs/recorder-presets.md were written for it.
    assert {"user", "password", "ip", "action", "path", "protocol", "id", "query"} <= asked[0].keys()
    assert {one["action"] for one in asked} == {"publish", "read", "playback"}


@contextmanager
def who_decides() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The site's own decision: the camera may publish, Anna may look. Gives its URL and what it was asked."""
    asked: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append(question)
            allowed = {("camera", "publish"), ("anna", "read"), ("anna", "playback")}
            granted = (question["user"], question["action"]) in allowed and question["password"] == "right"
            self.send_response(200 if granted else 401)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/", asked
        finally:
            server.shutdown()
            thread.join()


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Story:
    """One camera that pushes its pictures, and what happens to it, to its recorder and to its recordings."""

    def __init__(self, field: Field, ports: dict[str, int]) -> None:
        self.field = field
        self.ports = ports
        self.cut = ""
        self.seen: set[str] = set()

    def tell(self) -> None:
        """Records, is looked at, loses its camera, crashes, deletes."""
        field = self.field
        field.prepare()
        hook = f"{CUSTODY} record hook -c {field.folder}/config.toml"
        settings = SETTINGS.format(**self.ports, folder=field.folder, kept=KEPT_S, hook=hook)
        (field.folder / "mediamtx.yml").write_text(settings)
        field.ledger()
        field.agent()
        until(lambda: self.listens("agent"), 20)  # without it nobody is let in, cameras neither
        self.mediamtx()
        self.camera()
        until(lambda: field.registered("yard-east") >= 3, 60)

        assert self.look("anna", "right") == 0
        assert self.look("mallory", "right") != 0
        assert self.watch() >= 4
        assert self.play(min(self.files())) > 1_000

        field.stop("camera", signal.SIGKILL)
        time.sleep(4)  # nothing is recorded: a gap whose reason the hook tells
        known = field.registered("yard-east")
        self.camera()
        until(lambda: field.registered("yard-east") >= known + 2, 30)

        self.cut = self.in_the_middle()
        field.stop("mediamtx", signal.SIGKILL)
        field.stop("camera", signal.SIGKILL)
        time.sleep(4)  # nobody is there to say why
        known = field.registered("yard-east")
        self.mediamtx()
        self.camera()
        until(lambda: field.registered("yard-east") >= known + 3, 30)
        oldest = min(self.seen)
        until(lambda: oldest not in self.files(), KEPT_S + 30)  # the cleaner looks every half of it

        field.stop("camera", signal.SIGINT)
        field.stop("mediamtx", signal.SIGINT)
        until(lambda: field.registered("yard-east") >= len(self.files() | self.seen), 30)
        until(lambda: field.check()["backlog"] == 0, 30)
        time.sleep(8)  # longer than a scan, and than the grace of a disposal
        field.stop("agent")

    def mediamtx(self) -> None:
        """Starts it, in its own time zone, and waits until it listens."""
        self.field.start("mediamtx", "env", f"TZ={ZONE}", "mediamtx", str(self.field.folder / "mediamtx.yml"))
        until(lambda: self.listens("rtsp"), 20)

    def listens(self, port: str) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.ports[port]), 1).close()
        except OSError:
            return False
        return True

    def url(self, user: str, password: str) -> str:
        return f"rtsp://{user}:{password}@127.0.0.1:{self.ports['rtsp']}/yard/east"

    def camera(self) -> None:
        """Shows the film again and again."""
        source = ("ffmpeg", "-v", "error", "-re", "-stream_loop", "-1", "-i", str(self.field.film), "-c", "copy")
        self.field.start("camera", *source, "-f", "rtsp", "-rtsp_transport", "tcp", self.url("camera", "right"))

    def look(self, user: str, password: str) -> int:
        command = ("ffmpeg", "-v", "error", "-rtsp_transport", "tcp", "-i", self.url(user, password))
        return subprocess.run([*command, "-t", "1", "-f", "null", "-"], capture_output=True, check=False).returncode

    def watch(self) -> int:
        """Looks at the camera over HLS as Anna; how many requests that took."""
        playlists, requests = ["index.m3u8"], 0
        while playlists and requests < 20:
            name = playlists.pop(0)
            lines = self.fetch(f"http://127.0.0.1:{self.ports['hls']}/yard/east/{name}").decode().splitlines()
            requests += 1
            pieces = [line for line in lines if line and not line.startswith("#")]
            playlists += [piece for piece in pieces if piece.partition("?")[0].endswith(".m3u8")]
            for piece in [piece for piece in pieces if piece.partition("?")[0].endswith(".mp4")][:3]:
                assert len(self.fetch(f"http://127.0.0.1:{self.ports['hls']}/yard/east/{piece}")) > 1_000
                requests += 1
        return requests

    def play(self, path: str) -> int:
        """Downloads the first second of a recording as Anna; how many bytes came."""
        start = datetime.fromtimestamp(begin_us(path) / 1e6, ZoneInfo(ZONE)).isoformat()
        query = urllib.parse.urlencode({"path": "yard/east", "start": start, "duration": "1"})
        return len(self.fetch(f"http://127.0.0.1:{self.ports['playback']}/get?{query}"))

    def fetch(self, url: str) -> bytes:
        request = urllib.request.Request(url)  # noqa: S310 - our own URL
        request.add_header("Authorization", "Basic " + base64.b64encode(b"anna:right").decode())
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - our own URL
            content: bytes = answer.read()
        return content

    def files(self) -> set[str]:
        """Every recording on disk, by its path below the storage."""
        root = self.field.folder / "recordings"
        found = {str(path.relative_to(root)) for path in root.glob("**/*.mp4")}
        self.seen |= found
        return found

    def in_the_middle(self) -> str:
        """Waits until a recording has begun and has some of its pictures; returns it."""
        known = self.files()
        until(lambda: bool(self.files() - known), 20)
        (name,) = self.files() - known
        until(lambda: (self.field.folder / "recordings" / name).stat().st_size > 2_000, 20)
        return name

    def check(self, records: list[Any]) -> None:
        """What the log says against what was done and what is on disk."""
        segments = [record for record in records if record.kind.name == "segment"]
        paths = {(one.body.stream, one.body.number): one.body.path for one in segments}
        assert len(set(paths.values())) == len(paths), "a file is registered twice"
        assert self.seen <= set(paths.values())
        assert {stream for stream, _ in paths} == {"site-12/yard-east"}

        disposals = [record.body for record in records if record.kind.name == "disposal"]
        gone = [
            paths[run.stream, at] for one in disposals for run in one.ranges for at in range(run.first, run.last + 1)
        ]
        assert sorted(gone) == sorted(set(paths.values()) - self.files())
        assert gone
        for body in disposals:
            assert body.kind == record_pb2.DISPOSAL_KIND_PLANNED
            assert body.knowledge == record_pb2.DISPOSAL_KNOWLEDGE_OBSERVED

        observed = [one.body for one in records if one.kind.name == "recorder_configuration"]
        assert {(one.retention_us, one.segment_us) for one in observed} == {(KEPT_S * 1_000_000, 2_000_000)}

        gaps = [one.body for one in records if one.kind.name == "gap"]
        # Until the camera came back, which a hook told; and until MediaMTX ran again, of which nobody told.
        reasons = [body.reason for body in gaps if not body.open]
        assert reasons == [record_pb2.GAP_REASON_CAMERA_OFFLINE, record_pb2.GAP_REASON_UNKNOWN]
        self.check_accesses([one.body for one in records if one.kind.name == "access"], min(paths.values()))
        self.check_footage(segments)

    def check_accesses(self, accesses: list[Any], played: str) -> None:
        """Anna looked in two ways and played, each an access; of Mallory, who was refused, there is none."""
        looked, watched, fetched = accesses
        assert looked.act == watched.act == record_pb2.ACCESS_ACT_VIEW
        assert fetched.act == record_pb2.ACCESS_ACT_CONSULT
        (span,) = fetched.spans
        assert (span.stream, span.from_us) == ("site-12/yard-east", begin_us(played))
        assert span.to_us - span.from_us == 1_000_000

    def check_footage(self, segments: list[Any]) -> None:
        """The media roots are those of the camera's own pictures, and the name tells when."""
        pictures = read_file(self.field.film).unit_digests
        whole = 0
        for record in segments:
            body = record.body
            assert record.at_us == begin_us(body.path)
            if body.path not in self.files():
                continue
            assert body.container == record_pb2.CONTAINER_FRAGMENTED_MP4
            if body.path == self.cut and body.media_absence == record_pb2.MEDIA_ABSENCE_DAMAGED:
                continue  # killed while it wrote
            found = read_file(self.field.folder / "recordings" / body.path)
            assert body.media == found.media(), body.path
            assert is_run_of(found.unit_digests, pictures), body.path
            whole += 1
        assert whole >= 3


def begin_us(path: str) -> int:
    """When the recording of that name begins, microseconds UTC."""
    named = datetime.strptime(Path(path).stem, "%Y-%m-%d_%H-%M-%S-%f").replace(tzinfo=ZoneInfo(ZONE))
    return round(named.timestamp() * 1_000_000)
