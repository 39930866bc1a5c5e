"""Footage for benchmarks: the real clips where they are, else an encoded pattern of the same size."""

import secrets
from pathlib import Path

import av

FOOTAGE = Path(__file__).resolve().parents[2] / "shared" / "footage"


def clips(folder: Path) -> list[Path]:
    """Ten-second clips of about 0.7 MB."""
    found = sorted(FOOTAGE.glob("*/*/*.mp4")) if FOOTAGE.exists() else []
    return found or [_pattern(folder / "pattern.mp4")]


def segments(folder: Path, count: int, suffix: str = ".mp4") -> list[Path]:
    """`count` files of one clip each."""
    sources = clips(folder)
    files = []
    for at in range(count):
        path = folder / f"segment-{at}{suffix}"
        if suffix == ".mp4":
            path.write_bytes(unique(sources[at % len(sources)].read_bytes()))
        else:
            join([sources[at % len(sources)]], path)
        files.append(path)
    return files


def unique(raw: bytes) -> bytes:
    """The same clip with other bytes at its end, in a box that players pass over."""
    return raw + (24).to_bytes(4, "big") + b"free" + secrets.token_bytes(16)


def large_file(folder: Path, suffix: str, megabytes: int) -> Path:
    """The clips again and again in one file of about that size."""
    sources = clips(folder)
    times = max(1, megabytes * 1_000_000 // sum(path.stat().st_size for path in sources))
    return join(sources * times, folder / f"large{suffix}")


def join(sources: list[Path], target: Path) -> Path:
    """Copies the coded pictures of all sources into one file."""
    with av.open(str(sources[0])) as first, av.open(str(target), "w") as output:
        stream = output.add_stream_from_template(first.streams.video[0])
        base = 0
        for source in sources:
            end = base
            with av.open(str(source)) as container:
                for packet in container.demux(container.streams.video[0]):
                    if packet.dts is None or packet.pts is None:
                        continue
                    packet.pts, packet.dts = packet.pts + base, packet.dts + base
                    end = max(end, packet.pts + (packet.duration or 0))
                    packet.stream = stream
                    output.mux(packet)
            base = end
    return target


def _pattern(path: Path) -> Path:
    with av.open(str(path), "w") as output:
        stream = output.add_stream(
            "libx264", rate=10, options={"preset": "ultrafast", "g": "20", "bf": "0", "qp": "20"}
        )
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 640, 480, "yuv420p"
        noise = secrets.token_bytes(1 << 20)
        for number in range(100):
            frame = av.VideoFrame(640, 480, "yuv420p")
            for plane in frame.planes:
                plane.update(bytes(byte >> 5 for byte in noise[number : number + plane.buffer_size]))
            frame.pts = number
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return path
