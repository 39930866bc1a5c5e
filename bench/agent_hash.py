"""`agent-hash`: what measuring a finished segment costs, beside `sha256sum` of the same files.

SHA-256 of a file and the SHA-256 of its pictures are nearly the same amount of work. With the compiled part both are made
in one pass of one thread, each in the gaps of the other (docs/adr/0009); the figures say whether it was there. Without it
the large files take two threads (docs/adr/0008). Shown are clock and processor, and the aim beside both.
"""

import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.figures import Figure, figure
from bench.footage_clips import large_file, segments
from custody.recorder.measure import Wish, measure
from custody.recorder.onepass.library import library

NAME = "agent-hash"
LONG = False
ROUNDS = 20
"""The best of them counts, with and without alike: rounds of a fraction of a second differ by some percent."""
HASH = Wish(media=False)
MEDIA = Wish()


def run() -> list[Figure]:
    """Files are read once before, so that all figures are of the page cache."""
    with tempfile.TemporaryDirectory(prefix="custody-bench-") as folder:
        small = segments(Path(folder), 24)
        transport = segments(Path(folder), 24, suffix=".ts")
        large = [large_file(Path(folder), ".mp4", 128)]
        large_ts = [large_file(Path(folder), ".ts", 128)]
        limit = _best(lambda: subprocess.run(["sha256sum", *map(str, small)], check=True, capture_output=True), small)[
            0
        ]
        limit_large = _best(
            lambda: subprocess.run(["sha256sum", *map(str, large)], check=True, capture_output=True), large
        )[0]
        how, how_large = ("compiled", "compiled") if library() is not None else ("one thread", "two threads")
        figures = [
            *_on_top(f"segments of 0.7 MB, {how}", small, limit, None),
            *_on_top(f"TS segments of 0.7 MB, {how}", transport, limit, None),
        ]
        with ThreadPoolExecutor(2) as side:
            figures += _on_top(f"file of 128 MB, {how_large}", large, limit_large, side)
            figures += _on_top(f"TS file of 128 MB, {how_large}", large_ts, limit_large, side)
        return figures


def _on_top(name: str, files: list[Path], limit: float, side: ThreadPoolExecutor | None) -> list[Figure]:
    plain, plain_cpu = _best(lambda: [measure(path, HASH, side) for path in files], files)
    media, media_cpu = _best(lambda: [measure(path, MEDIA, side) for path in files], files)
    return [
        figure(f"{name}: hash only", plain, "MB/s", aim=0.9 * limit, limit=limit),
        figure(f"{name}: with media root", media, "MB/s"),
        figure(f"{name}: media root on top, clock", (plain / media - 1) * 100, "%", aim=30),
        figure(f"{name}: media root on top, processor", (media_cpu / plain_cpu - 1) * 100, "%", aim=30),
    ]


def _best(work: object, files: list[Path]) -> tuple[float, float]:
    """MB/s and processor seconds of the best round."""
    assert callable(work)
    size = sum(path.stat().st_size for path in files)
    best = []
    for _ in range(ROUNDS):
        cpu, begin = time.process_time(), time.perf_counter()
        work()
        best.append((time.perf_counter() - begin, time.process_time() - cpu))
    return size / min(best)[0] / 1e6, min(cpu for _, cpu in best)
