"""Measuring a file: the same in one piece and in two threads, and never half a file."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

import av
import pytest

from custody.core.digest import FileHasher
from custody.core.media.container import read_clip
from custody.recorder import measure as module
from custody.recorder.measure import FileChangedError, Wish, measure
from custody.recorder.onepass.passing import begin_pass
from custody.v1 import record_pb2


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("measure") / "clip.mp4"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=10, options={"preset": "ultrafast", "bf": "0"})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for number in range(30):
            frame = av.VideoFrame(160, 120, "yuv420p")
            for plane in frame.planes:
                plane.update(bytes((number * 9 + at * at) & 0xFF for at in range(plane.buffer_size)))
            frame.pts = number
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return path


def test_one_buffer_and_two_threads_agree(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the reference, which reads where there is no compiled pass."""
    monkeypatch.setattr(module, "begin_pass", lambda *_, **__: None)
    wish = Wish(algorithms=(record_pb2.DIGEST_ALGORITHM_SM3,), chunks=True)
    one = measure(clip, wish)
    monkeypatch.setattr(module, "BUFFER_BYTES", 1_000)
    with ThreadPoolExecutor(1) as side:
        two = measure(clip, wish, side)
    alone = measure(clip, wish)
    raw = clip.read_bytes()
    hasher = FileHasher(chunks=True)
    hasher.update(raw)
    for found in (one, two, alone):
        assert found.sha256 == sha256(raw).digest()
        assert found.media == one.media
        assert found.chunk_root == hasher.chunk_root()
        assert len(found.digests[0].value) == 32
        assert found.clip.duration_us == 3_000_000


def test_without_a_wish_there_is_no_media_root(clip: Path) -> None:
    found = measure(clip, Wish(media=False))
    assert found.media is None
    assert found.clip.absence == record_pb2.MEDIA_ABSENCE_SWITCHED_OFF


def test_damage_is_told_and_the_file_hashed_all_the_same(clip: Path, tmp_path: Path) -> None:
    half = tmp_path / "half.mp4"
    half.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    found = measure(half, Wish())
    assert found.clip.absence == record_pb2.MEDIA_ABSENCE_DAMAGED
    assert found.problem.startswith("media-")
    assert found.sha256 == sha256(half.read_bytes()).digest()


def test_a_file_that_grows_while_it_is_measured_is_not_finished(clip: Path, tmp_path: Path, monkeypatch: Any) -> None:
    path = tmp_path / "growing.mp4"
    path.write_bytes(clip.read_bytes())
    wrote = threading.Event()

    def grow_before(really: Callable[..., Any]) -> Callable[..., Any]:
        def read(*arguments: Any, **more: Any) -> Any:
            with path.open("ab") as file:
                file.write(b"more")
            wrote.set()
            return really(*arguments, **more)

        return read

    monkeypatch.setattr("custody.recorder.measure.read_clip", grow_before(read_clip))
    monkeypatch.setattr("custody.recorder.measure.begin_pass", grow_before(begin_pass))
    with pytest.raises(FileChangedError):
        measure(path, Wish())
    assert wrote.is_set()


def test_a_link_is_not_followed(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "link.mp4").symlink_to(clip)
    with pytest.raises(OSError, match="symbolic"):
        measure(tmp_path / "link.mp4", Wish())
