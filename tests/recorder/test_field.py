"""Real recorders beside a real ledger: what the log says afterwards is what was done."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import av
import pytest

PROGRAM = Path(__file__).with_name("field.py")
FOOTAGE = Path(__file__).resolve().parents[3] / "shared" / "footage"
CORRUPT, AGENT_DOWN, UNKNOWN = 4, 7, 15


def film(folder: Path, pictures: int = 120) -> list[Path]:
    """Real clips where they are, else a moving pattern of ten pictures a second with a key picture every two seconds."""
    clips = sorted(FOOTAGE.glob("*/*/*.mp4")) if FOOTAGE.exists() else []
    if clips:
        return clips
    path = folder / "pattern.mp4"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=10, options={"preset": "ultrafast", "g": "20", "bf": "0"})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for number in range(pictures):
            frame = av.VideoFrame(320, 240, "yuv420p")
            for plane in frame.planes:
                plane.update(bytes((number * 7 + at * 3) & 0xFF for at in range(plane.buffer_size)))
            frame.pts = number
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return [path]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_log_names_exactly_what_happened(tmp_path: Path) -> None:
    missing = [name for name in ("ffmpeg", "motion") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    folder = tmp_path / "f"  # Unix sockets have short names
    folder.mkdir()
    command = [sys.executable, str(PROGRAM), str(folder), "2.5", *map(str, film(tmp_path))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4_000:]
    found = json.loads(done.stdout)
    did, told = found["done"], found["told"]
    assert sorted(told["disposed"]) == sorted([did["deleted"], did["deleted while the agent was down"]])
    assert told["moved"] == [did["moved"]]
    assert told["altered"] == [did["truncated"]]
    assert told["damaged"] == [did["unfinished"]]
    reasons = [reason for stream, reason, _, still in told["gaps"] if stream == "site-12/cam-01" and not still]
    # The half-written file, and the time until ffmpeg ran again; on a busy machine ffmpeg may stall a second time.
    # Nothing is blamed on the agent's absence: what was recorded then was found.
    assert reasons.count(CORRUPT) == 1, told["gaps"]
    assert UNKNOWN in reasons, told["gaps"]
    assert AGENT_DOWN not in reasons, told["gaps"]
    assert found["twice"] == 0
    assert not found["unregistered"]
    assert found["motion"] >= 1
