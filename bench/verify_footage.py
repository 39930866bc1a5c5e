"""`verify-footage`: hashing of footage files as `custody verify footage` does it, against `sha256sum` of the same files.

The files are in the page cache in both cases. `sha256sum` runs once per processor on its share of the files, so that
both use all of them.
"""

import os
import subprocess
import tempfile
import time
from pathlib import Path

from bench.figures import Figure, figure
from custody.verifier.footage_files import FoundFile, hash_files, walk

NAME = "verify-footage"
LONG = False
FILES = 64
FILE_BYTES = 12 * 1024 * 1024
"""A minute of a camera at 1.6 Mbit/s."""


def run() -> list[Figure]:
    """Hashes the same files with one thread, with all, and with sha256sum."""
    cores = len(os.sched_getaffinity(0))
    figures = []
    with tempfile.TemporaryDirectory(prefix="custody-bench-") as folder:
        root = Path(folder)
        for number in range(FILES):
            (root / f"{number:03d}.mp4").write_bytes(os.urandom(FILE_BYTES))
        files = walk(root).files
        for workers in sorted({1, cores}):
            _ours(root, files, workers)  # once to warm the caches
            theirs = max(_sha256sum(root, files, workers) for _ in range(3))
            ours = max(_ours(root, files, workers) for _ in range(3))
            name = f"hashing, {workers} thread{'s' if workers > 1 else ''}"
            figures.append(figure(name, ours, "MB/s", aim=0.9 * theirs, limit=theirs))
    return figures


def _ours(root: Path, files: list[FoundFile], workers: int) -> float:
    begin = time.perf_counter()
    hashed = sum(file.size_bytes for file in hash_files(root, files, workers, None))
    return hashed / (time.perf_counter() - begin) / 1e6


def _sha256sum(root: Path, files: list[FoundFile], workers: int) -> float:
    shares = [[root / file.path for file in files[share::workers]] for share in range(workers)]
    begin = time.perf_counter()
    running = [subprocess.Popen(["sha256sum", *share], stdout=subprocess.DEVNULL) for share in shares]
    for process in running:
        if process.wait():
            raise RuntimeError("sha256sum failed")
    return FILES * FILE_BYTES / (time.perf_counter() - begin) / 1e6
