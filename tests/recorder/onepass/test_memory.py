"""The compiled part touches no memory that is not its own, whatever the bytes: built with the sanitizers, run on hostile files."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from custody.recorder.onepass import library as libraries

ROOT = Path(__file__).resolve().parents[3]

pytestmark = pytest.mark.skipif(
    libraries.library() is None, reason="no compiled library: no C compiler at the set-up, or no SHA instructions"
)

PROGRAM = """
import random, sys
from hashlib import sha256
from pathlib import Path
from custody.core.media.container import read_clip
from custody.recorder.onepass import library, passing

library.LIBRARY = Path(sys.argv[1])
assert library.library() is not None
chance = random.Random(799)
taken = left = 0
for path in map(Path, sys.argv[2:]):
    whole = path.read_bytes()
    for turn in range(400):
        raw = bytearray(whole)
        for _ in range(turn and chance.randint(1, 6)):
            at = chance.randrange(len(raw))
            at = chance.choice((at, at % 4_000 % len(raw), len(raw) - 1 - at % 4_000 % len(raw)))
            raw[at] = chance.choice((0, 1, 0x47, 0xFF, chance.randrange(256)))
        # a buffer of just that size, so that a byte behind it is seen
        read = lambda offset, length: bytes(raw[offset : offset + length])
        begun = passing.begin_pass(read, len(raw))
        if begun is None:
            left += 1
            continue
        at = 0
        while at < len(raw):
            size = chance.choice((188, 188 * 16, 188 * 320, chance.randint(1, 5_000)))
            begun.update(bytearray(raw[at : at + size]))
            at += size
        assert begun.digest() == sha256(raw).digest()
        found = begun.clip()
        if found is None:
            left += 1
        else:
            # here two messages at once are hashed by C, elsewhere by sha256_two.S
            assert found[1] == read_clip(read, len(raw)).media()
            taken += 1
print(taken, left)
"""


def build_module() -> ModuleType:
    spec = spec_from_file_location("native_build", ROOT / "clients" / "native" / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_sanitized(program: str, library: Path, files: Sequence[Path] = ()) -> subprocess.CompletedProcess[str]:
    """Runs a program of Python's with a library that was built with the sanitizers, whose runtime must be there first."""
    compiler = build_module().compiler()
    asked = [compiler, "-print-file-name=libasan.so"]
    runtime = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()
    return subprocess.run(
        [sys.executable, "-c", program, str(library), *map(str, files)],
        env={**os.environ, "LD_PRELOAD": runtime, "ASAN_OPTIONS": "detect_leaks=0", "PYTHONMALLOC": "malloc"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_hostile_files_under_the_sanitizers(workshop: Any, tmp_path: Path) -> None:
    library = tmp_path / "onepass.so"
    sanitize = ("-std=c11", "-O1", "-g", "-fPIC", "-shared", "-fvisibility=hidden", "-fno-sanitize-recover=all")
    build_module().compile_library(library, (*sanitize, "-fsanitize=address,undefined"))
    files = [workshop.encode(tmp_path / "a.mp4", frames=30)]
    files.append(workshop.remux(files[:1], tmp_path / "f.mp4", options={"movflags": "frag_keyframe+empty_moov"}))
    files.append(workshop.remux(files[:1], tmp_path / "a.ts"))
    files.append(workshop.encode(tmp_path / "h.mp4", frames=20, codec="libx265"))
    files.append(workshop.remux(files[-1:], tmp_path / "h.ts"))
    done = run_sanitized(PROGRAM, library, files)
    assert done.returncode == 0, done.stderr[-4_000:]
    taken, left = map(int, done.stdout.split())
    assert taken > 200
    assert left > 200


def test_the_sanitizers_would_tell(tmp_path: Path) -> None:
    """A read behind the end of the piece, to see that the test above could fail."""
    sources = tmp_path / "native"
    shutil.copytree(ROOT / "clients" / "native", sources)
    text = (sources / "onepass.c").read_text(encoding="utf-8")
    (sources / "onepass.c").write_text(text.replace("feed_units(pass, data, some)", "feed_units(pass, data, some + 1)"))
    assert "some + 1" in (sources / "onepass.c").read_text(encoding="utf-8")
    module = build_module()
    module.SOURCES = sources  # type: ignore[attr-defined]
    library = tmp_path / "onepass.so"
    module.compile_library(
        library, ("-std=c11", "-O1", "-fPIC", "-shared", "-fvisibility=hidden", "-fsanitize=address")
    )
    program = """
import ctypes, sys
from pathlib import Path
from custody.core.media.units import unit_classes
from custody.recorder.onepass import library
from custody.v1 import record_pb2
library.LIBRARY = Path(sys.argv[1])
loaded = library.library()
classes, header = unit_classes(record_pb2.CODEC_H264)
form = library.CodecForm(classes, header, 100)
runs, sizes = (ctypes.c_uint64 * 2)(0, 1), (ctypes.c_uint32 * 1)(4_104)
handle = loaded.onepass_samples(ctypes.byref(form), ctypes.byref(runs), 1, ctypes.byref(sizes), 1, 4)
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
piece = libc.malloc(ctypes.c_size_t(4_096))
ctypes.memmove(piece, (4_100).to_bytes(4, "big") + b"\\x41" * 4_092, 4_096)
loaded.onepass_feed(handle, piece, 4_096)
"""
    done = run_sanitized(program, library)
    assert done.returncode != 0
    assert "heap-buffer-overflow" in done.stderr
