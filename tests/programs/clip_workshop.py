"""Clips to try the parsers on: encoded here, remuxed here, so that nothing outside the repository is needed."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av

from custody.core.media.clip import Clip
from custody.core.media.container import read_clip
from custody.v1 import record_pb2

ROOT = Path(__file__).resolve().parents[2]
FOOTAGE = ROOT.parent / "shared" / "footage"

FORMS: Final = {
    "mp4": ("a.mp4", {}, record_pb2.CONTAINER_MP4),
    "faststart": ("b.mp4", {"movflags": "faststart"}, record_pb2.CONTAINER_MP4),
    "fragmented": ("c.mp4", {"movflags": "frag_keyframe+empty_moov"}, record_pb2.CONTAINER_FRAGMENTED_MP4),
    "fragmented from moof": (
        "d.mp4",
        {"movflags": "frag_keyframe+empty_moov+default_base_moof"},
        record_pb2.CONTAINER_FRAGMENTED_MP4,
    ),
    "cmaf": ("e.mp4", {"movflags": "cmaf+frag_every_frame"}, record_pb2.CONTAINER_FRAGMENTED_MP4),
    "hybrid": ("f.mp4", {"movflags": "frag_keyframe"}, record_pb2.CONTAINER_FRAGMENTED_MP4),
    "ts": ("g.ts", {}, record_pb2.CONTAINER_MPEG_TS),
}
"""By name: file name, options of the muxer, container."""


def read_file(path: Path) -> Clip:
    return read_bytes(path.read_bytes())


def read_bytes(raw: bytes) -> Clip:
    return read_clip(lambda offset, length: raw[offset : offset + length], len(raw))


def is_run_of(pictures: Sequence[bytes], film: Sequence[bytes]) -> bool:
    """True when the pictures are a contiguous part of a film that is shown again and again."""
    begin = film.index(pictures[0])
    return all(picture == film[(begin + at) % len(film)] for at, picture in enumerate(pictures))


def encode(
    path: Path, *, codec: str = "libx264", frames: int = 60, shift: int = 0, options: dict[str, str] | None = None
) -> Path:
    """A moving pattern of 160x120 at 10 pictures a second, a key picture every 20."""
    if options is None:
        options = {"preset": "ultrafast", "tune": "zerolatency", "g": "20"}
        if codec == "libx265":
            options = {
                "preset": "ultrafast",
                "x265-params": "keyint=20:min-keyint=20:scenecut=0:open-gop=0:bframes=0:log-level=none:slices=2",
            }
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=10, options=options)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for number in range(frames):
            frame = av.VideoFrame(160, 120, "yuv420p")
            for plane in frame.planes:
                base = number * 5 + shift
                plane.update(bytes((base + at * 7 + (at >> 6)) & 0xFF for at in range(plane.buffer_size)))
            frame.pts, frame.time_base = number, Fraction(1, 10)
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return path


def packets(path: Path) -> Iterator["av.Packet[Any]"]:
    with av.open(str(path)) as container:
        for packet in container.demux(container.streams.video[0]):
            if packet.dts is not None:
                yield packet


def remux(
    sources: list[Path], target: Path, *, options: dict[str, str] | None = None, first: int = 0, last: int | None = None
) -> Path:
    """Copies the coded pictures [first, last) of every source into one new file, one source behind the other."""
    with av.open(str(sources[0])) as template, av.open(str(target), "w", options=options or {}) as output:
        stream = output.add_stream_from_template(template.streams.video[0])
        base = 0
        for source in sources:
            end = base
            for packet in list(packets(source))[first:last]:
                assert packet.pts is not None
                assert packet.dts is not None
                packet.pts, packet.dts = packet.pts + base, packet.dts + base
                end = max(end, packet.pts + (packet.duration or 0))
                packet.stream = stream
                output.mux(packet)
            base = end
    return target


class Workshop:
    """What a test makes clips with."""

    footage = FOOTAGE
    forms = FORMS
    encode = staticmethod(encode)
    remux = staticmethod(remux)
    read_file = staticmethod(read_file)
    read_bytes = staticmethod(read_bytes)
