"""A short clip for whoever brings no footage: real H.264, encoded here, in segments as a recorder would leave them.

PyAV carries its own codec, so nothing has to be installed beside it.
"""

import math
from fractions import Fraction
from pathlib import Path
from typing import Final

SEGMENTS: Final = 6
SEGMENT_S: Final = 2
FRAMES_PER_S: Final = 10
WIDTH: Final = 320
HEIGHT: Final = 240


def encode_clip(folder: Path) -> None:
    """Writes `seg_000.mp4` ... into `folder`: a light that moves across a dark square.

    Raises ImportError when PyAV is not installed (extra `demo`).
    """
    import av

    folder.mkdir(parents=True, exist_ok=True)
    for number in range(SEGMENTS):
        with av.open(str(folder / f"seg_{number:03d}.mp4"), "w") as container:
            stream = container.add_stream("libx264", rate=FRAMES_PER_S)
            stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
            stream.time_base = Fraction(1, FRAMES_PER_S)
            for at in range(SEGMENT_S * FRAMES_PER_S):
                frame = _picture(number * SEGMENT_S * FRAMES_PER_S + at)
                frame.pts = at
                frame.time_base = Fraction(1, FRAMES_PER_S)
                container.mux(stream.encode(frame))
            container.mux(stream.encode())


def _picture(at: int) -> "av.VideoFrame":  # type: ignore[name-defined]  # noqa: F821  (imported when needed)
    import av

    frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
    left = int((WIDTH - 40) * (0.5 + 0.5 * math.sin(at / 15)))
    rows = []
    for y in range(HEIGHT):
        row = bytearray([32 + y // 4]) * WIDTH
        if 100 <= y < 140:
            row[left : left + 40] = bytes([220]) * 40
        rows.append(bytes(row))
    _fill(frame.planes[0], rows)
    grey = [bytes([128]) * (WIDTH // 2)] * (HEIGHT // 2)
    _fill(frame.planes[1], grey)
    _fill(frame.planes[2], grey)
    return frame


def _fill(plane: "av.VideoPlane", rows: list[bytes]) -> None:  # type: ignore[name-defined]  # noqa: F821
    pad = plane.line_size - len(rows[0])
    plane.update(b"".join([row + bytes(pad) for row in rows]))
