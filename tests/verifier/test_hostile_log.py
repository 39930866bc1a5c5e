"""A log server that means ill against mirror and monitor: each trick ends in a clear error, in bounded time and memory."""

from __future__ import annotations

import gzip
import resource
import socket
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest
from tests.verifier.hostile_server import CAP, HostileServer, plain
from tests.verifier.tile_folder import KEY, ORIGIN, entries_of, segment, write_tiles

from custody.core.checkpoint import Checkpoint, sign_checkpoint
from custody.core.errors import CustodyError
from custody.core.fork_proof import parse_fork, verify_fork
from custody.core.note import sign_note
from custody.core.tile import TILE_WIDTH, right_edge, tile_path
from custody.verifier.log_reader import LogUnreadable
from custody.verifier.mirror.copying import Mirror, MirrorFailed
from custody.verifier.monitor.watching import MonitorPlan, Round, watch_once
from custody.verifier.tiles import source as tile_source
from custody.verifier.tiles.source import HttpSource

NOW_US = 1_767_225_600_000_000 + 10**12
HEAD = b"HTTP/1.1 200 OK\r\n"
Trick = Callable[[HostileServer, socket.socket, str], None]


def mirror(url: str, folder: Path) -> None:
    with closing(HttpSource(url)) as source:
        Mirror(source, folder, [KEY.vkey]).run()


def monitor(url: str, state: Path) -> Round:
    return watch_once(MonitorPlan(place=url, keys=(KEY.vkey,), state=state), NOW_US)


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(CustodyError) as caught:
        call()
    return caught.value.code


@pytest.fixture
def honest(tmp_path: Path) -> Path:
    return write_tiles(tmp_path / "honest", entries_of([segment(number) for number in range(1, 301)]))


def serve(folder: Path, path: str) -> bytes:
    file = folder / path
    return plain(file.read_bytes()) if file.is_file() else plain(b"no", "404 Not Found")


def says(data: bytes) -> Trick:
    return lambda _server, connection, _path: connection.sendall(data)


def floods(part: bytes, begin: bytes = b"") -> Trick:
    def trick(server: HostileServer, connection: socket.socket, _path: str) -> None:
        connection.sendall(begin)
        server.flood(connection, part)

    return trick


def drips(part: bytes, begin: bytes = b"") -> Trick:
    def trick(server: HostileServer, connection: socket.socket, _path: str) -> None:
        connection.sendall(begin)
        server.drip(connection, part)

    return trick


def silence(server: HostileServer, _connection: socket.socket, _path: str) -> None:
    server.stopped.wait()


EMPTY = f"{ORIGIN}\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n".encode()
TRICKS: dict[str, Trick] = {
    "endless body": floods(b"x" * 65_536, HEAD + b"\r\n"),
    "endless chunks": floods(b"8000\r\n" + b"x" * 0x8000 + b"\r\n", HEAD + b"Transfer-Encoding: chunked\r\n\r\n"),
    "endless header line": floods(b"x" * 65_536, HEAD + b"X: "),
    "endless headers": floods(b"X: y\r\n" * 1_000, HEAD),
    "endless continue": floods(b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
    "slow body": drips(b"x", HEAD + b"Content-Length: 9999\r\n\r\n"),
    "slow headers": drips(b"X: y\r\n", HEAD),
    "slow status": drips(b"H"),
    "silence": silence,
    "a closed door": says(b""),
    "no HTTP": says(b"\x00\xff garbage\r\n\r\n"),
    "negative length": says(HEAD + b"Content-Length: -5\r\n\r\nabc"),
    "a lie about its length": says(HEAD + b"Content-Length: 99999\r\n\r\nshort"),
    "no chunk": says(HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
    "redirect": says(plain(b"", "302 Found", "Location: /log/other")),
    "redirect to a file": says(plain(b"", "301 Moved", "Location: file:///etc/passwd")),
    "gzip bomb": says(plain(gzip.compress(bytes(50 << 20)), "200 OK", "Content-Encoding: gzip")),
    "a huge checkpoint": says(plain(b"x\n" * (8 << 20))),
    "a checkpoint with many signatures": says(plain(EMPTY + "\u2014 a AAAAAAA=\n".encode() * 9_000)),
    "500": says(plain(b"", "500 Oh")),
    "an empty checkpoint": says(plain(b"")),
}


@pytest.mark.parametrize("trick", TRICKS)
def test_a_checkpoint_that_never_is_one(trick: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tile_source, "DEADLINE_S", 0.3)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = time.monotonic()
    with HostileServer(lambda connection, path: TRICKS[trick](server, connection, path)) as server:
        assert code_of(lambda: mirror(server.url, tmp_path / "mirror")) in {"log-unreadable", "note-malformed"}
        assert code_of(lambda: monitor(server.url, tmp_path / "state")) in {"log-unreadable", "note-malformed"}
        assert server.written < CAP
        assert {path for path in server.paths if path != "/log/checkpoint"} == set()
    assert time.monotonic() - begun < 30  # a bound, no measurement: without one it would be hours
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kilobytes
    assert not (tmp_path / "mirror/checkpoint").exists()
    assert not (tmp_path / "state/checkpoint").exists()


@pytest.mark.parametrize("trick", ["endless body", "slow body", "redirect", "gzip bomb", "a closed door", "no chunk"])
@pytest.mark.parametrize("wanted", ["tile/0/", "tile/entries/"])
def test_a_tile_that_never_is_one(
    trick: str, wanted: str, honest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tile_source, "DEADLINE_S", 0.3)

    def answer(connection: socket.socket, path: str) -> None:
        if path.startswith(wanted):
            TRICKS[trick](server, connection, path)
        else:
            connection.sendall(serve(honest, path))

    with HostileServer(answer) as server:
        assert code_of(lambda: mirror(server.url, tmp_path / "mirror")) in {"log-unreadable", "mirror-mismatch"}
        try:
            done = monitor(server.url, tmp_path / "state")
        except LogUnreadable:
            pass
        else:
            assert done.exit_status == 1
        assert server.written < CAP
    assert not (tmp_path / "mirror/checkpoint").exists()
    assert not (tmp_path / "state/checkpoint").exists()


@pytest.mark.parametrize("size", [(1 << 63) - 1, 1 << 62, (1 << 40) + 5])
def test_a_log_that_says_it_is_larger_than_any(size: int, tmp_path: Path) -> None:
    """Its key signs any number; nobody may begin to count to it."""
    note = sign_checkpoint(Checkpoint(origin=ORIGIN, size=size, root=bytes(32)), [KEY]).note.encode()

    def answer(connection: socket.socket, path: str) -> None:
        width = {tile_path(*edge): edge.width for edge in right_edge(size)}.get(path, TILE_WIDTH)
        connection.sendall(plain(note if path == "checkpoint" else bytes(32) * width))

    with HostileServer(answer) as server:
        assert code_of(lambda: mirror(server.url, tmp_path / "mirror")) == "log-too-large"
        assert code_of(lambda: monitor(server.url, tmp_path / "state")) == "log-too-large"


def test_a_log_that_has_nothing_of_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tile_source, "MAX_ABSENT", 20)
    note = sign_checkpoint(Checkpoint(origin=ORIGIN, size=1 << 30, root=bytes(32)), [KEY]).note.encode()

    def answer(connection: socket.socket, path: str) -> None:
        connection.sendall(plain(note) if path == "checkpoint" else plain(b"", "404 Not Found"))

    with HostileServer(answer) as server:
        assert code_of(lambda: monitor(server.url, tmp_path / "state")) == "log-unreadable"
        assert len(server.paths) < 50
        assert code_of(lambda: mirror(server.url, tmp_path / "mirror")) == "mirror-mismatch"


def test_extension_lines_are_no_checkpoint(tmp_path: Path) -> None:
    text = f"{ORIGIN}\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\nextra: 1\n".encode()
    note = sign_note(text, [KEY]).encode()
    with HostileServer(lambda connection, _: connection.sendall(plain(note))) as server:
        assert code_of(lambda: mirror(server.url, tmp_path / "mirror")) == "checkpoint-extension"
        assert code_of(lambda: monitor(server.url, tmp_path / "state")) == "checkpoint-extension"


def test_another_checkpoint_at_every_look(honest: Path, tmp_path: Path) -> None:
    """Two histories of one size in turn: the second look is a fork, and the file proves it."""
    other = write_tiles(tmp_path / "other", entries_of([segment(number + 1) for number in range(1, 301)]))
    folders = [honest, other]
    looks = [0]

    def answer(connection: socket.socket, path: str) -> None:
        looks[0] += path == "checkpoint"
        connection.sendall(serve(folders[(looks[0] - 1) % 2], path))

    with HostileServer(answer) as server:
        assert monitor(server.url, tmp_path / "state").size == 300
        done = monitor(server.url, tmp_path / "state")
        assert [one.code for one in done.alarms] == ["fork"]
        evidence = done.alarms[0].evidence
        assert evidence is not None
        assert verify_fork(parse_fork(evidence.read_bytes()), KEY.vkey)
        mirror(server.url, tmp_path / "mirror")
        assert code_of(lambda: mirror(server.url, tmp_path / "mirror")) == "fork"


def test_other_tiles_at_every_look(honest: Path, tmp_path: Path) -> None:
    """Partial tiles that say one thing to the tree and another to the entries."""
    other = write_tiles(tmp_path / "other", entries_of([segment(number + 1) for number in range(1, 301)]))
    seen: dict[str, int] = {}

    def answer(connection: socket.socket, path: str) -> None:
        seen[path] = seen.get(path, 0) + 1
        lies = ".p/" in path and seen[path] % 2 == 0
        connection.sendall(serve(other if lies else honest, path))

    with HostileServer(answer) as server:
        for _ in range(3):
            done = monitor(server.url, tmp_path / "state")
            assert done.size in {0, 300}
        for _ in range(3):
            with suppress(MirrorFailed):
                mirror(server.url, tmp_path / "mirror")
    for path in (tmp_path / "mirror").rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (honest / path.relative_to(tmp_path / "mirror")).read_bytes()
