"""Whatever the bytes: a clip or MalformedError ('media-...'), in bounded time."""

import random
import struct
from pathlib import Path
from typing import Any

import pytest

from custody.core.errors import MalformedError
from custody.core.media.clip import Clip
from custody.core.media.container import read_clip
from custody.core.media.reading import Source
from custody.core.media.runs import Run, read_samples
from custody.core.media.units import Units, split_annex_b
from custody.v1 import record_pb2

CASES = ["mp4", "frag", "ts", "hevc-ts"]


@pytest.fixture(scope="module")
def files(workshop: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("hostile")
    small = workshop.encode(folder / "small.mp4", frames=6)
    hevc = workshop.encode(folder / "hevc.mp4", frames=6, codec="libx265")
    fragmented = workshop.remux([small], folder / "f.mp4", options={"movflags": "frag_keyframe+empty_moov"})
    return {
        "mp4": small.read_bytes(),
        "frag": fragmented.read_bytes(),
        "ts": workshop.remux([small], folder / "s.ts").read_bytes(),
        "hevc-ts": workshop.remux([hevc], folder / "h.ts").read_bytes(),
    }


def read(raw: bytes) -> Clip | None:
    try:
        return read_clip(lambda offset, length: raw[offset : offset + length], len(raw))
    except MalformedError as error:
        if not error.code.startswith("media-"):
            raise
        return None


@pytest.mark.parametrize("case", CASES)
def test_a_shortened_file_never_passes_for_the_whole(case: str, files: dict[str, bytes]) -> None:
    raw = files[case]
    whole = read(raw)
    assert whole is not None
    for length in [*range(0, len(raw), max(1, len(raw) // 150)), len(raw) - 1]:
        clip = read(raw[:length])
        assert clip is None or clip.media() != whole.media()


@pytest.mark.parametrize("case", CASES)
def test_flipped_bytes_end_in_our_errors(case: str, files: dict[str, bytes]) -> None:
    random_bytes = random.Random(185)
    header = 4_000  # tables and boxes stand at both ends
    for _ in range(400):
        raw = bytearray(files[case])
        for _ in range(random_bytes.randint(1, 4)):
            at = random_bytes.randrange(min(header, len(raw)))
            raw[at if random_bytes.random() < 0.5 else len(raw) - 1 - at] = random_bytes.randrange(256)
        read(bytes(raw))


@pytest.mark.parametrize("head", [b"", b"G", b"\x00\x00\x00\x08ftyp", b"\x00\x00\x00\x01moov", b"\x00\x00\x00\x00mdat"])
def test_garbage_ends_in_our_errors(head: bytes) -> None:
    random_bytes = random.Random(799)
    for length in range(600):
        read(head + random_bytes.randbytes(length))


@pytest.mark.parametrize(
    ("head", "container"),
    [
        (b"\x1aE\xdf\xa3", record_pb2.CONTAINER_MATROSKA),
        (b"RIFF\x00\x00\x00\x00AVI ", record_pb2.CONTAINER_AVI),
        (b"\x00\x00\x01\xba", record_pb2.CONTAINER_MPEG_PS),
        (b"\xff\xd8\xff\xe0", record_pb2.CONTAINER_OTHER),
    ],
)
def test_other_containers_say_why_there_is_no_root(head: bytes, container: int) -> None:
    clip = read(head + bytes(100))
    assert clip is not None
    assert (clip.container, clip.absence, clip.media()) == (container, record_pb2.MEDIA_ABSENCE_CONTAINER, None)


def test_another_codec_says_so(workshop: Any, tmp_path: Path) -> None:
    for name in ("m.mp4", "m.ts"):
        clip = workshop.read_file(workshop.encode(tmp_path / name, codec="mpeg4", frames=10, options={}))
        assert (clip.codec, clip.absence) == (record_pb2.CODEC_MPEG4, record_pb2.MEDIA_ABSENCE_CODEC)
        assert clip.duration_us == 1_000_000


def test_scrambled_packets_are_called_encrypted(files: dict[str, bytes]) -> None:
    raw = bytearray(files["ts"])
    for at in range(0, len(raw), 188):
        if bytes(raw[at + 1 : at + 3]) in (b"\x01\x00", b"\x41\x00"):
            raw[at + 3] |= 0x80
    clip = read(bytes(raw))
    assert clip is not None
    assert clip.absence == record_pb2.MEDIA_ABSENCE_ENCRYPTED


def test_a_lost_packet_is_noticed(files: dict[str, bytes]) -> None:
    raw = files["ts"]
    plain = [at for at in range(0, len(raw), 188) if raw[at + 1 : at + 3] == b"\x01\x00" and raw[at + 3] >> 4 == 1]
    at = plain[len(plain) // 2]
    with pytest.raises(MalformedError) as caught:
        read_clip(lambda offset, length: (raw[:at] + raw[at + 188 :])[offset : offset + length], len(raw) - 188)
    assert caught.value.code == "media-ts-continuity"


def test_overlapping_samples_cost_no_more_than_the_file() -> None:
    source = Source(read=lambda _, length: bytes(length), size_bytes=1_000)
    runs = iter([Run(0, [1_000])] * 50)
    with pytest.raises(MalformedError) as caught:
        list(read_samples(source, runs))
    assert caught.value.code == "media-oversize"


def test_a_claim_of_four_billion_samples_is_refused_at_once(files: dict[str, bytes]) -> None:
    raw = bytearray(files["mp4"])
    at = raw.index(b"stsz")
    raw[at + 8 : at + 16] = struct.pack(">II", 1, 0xFFFFFFFF)
    patched = bytes(raw)
    with pytest.raises(MalformedError) as caught:
        read_clip(lambda offset, length: patched[offset : offset + length], len(patched))
    assert caught.value.code == "media-oversize"


def test_a_file_that_shrinks_while_it_is_read(files: dict[str, bytes]) -> None:
    raw = files["mp4"]
    with pytest.raises(MalformedError) as caught:
        read_clip(lambda offset, length: raw[: len(raw) // 2][offset : offset + length], len(raw))
    assert caught.value.code == "media-truncated"


def test_padding_behind_a_unit_is_not_part_of_it() -> None:
    unit = b"\x65\x88\x00\x00\x03\x01"
    plain, padded = Units(record_pb2.CODEC_H264), Units(record_pb2.CODEC_H264)
    plain.add(unit)
    for piece in split_annex_b(b"\x00\x00\x00\x01" + unit + b"\x00\x00\x00\x00\x01\x09\xf0"):
        padded.add(piece)
    assert plain.digests == padded.digests
    framed = Units(record_pb2.CODEC_H264)
    framed.add_sample(memoryview(b"\x00\x00\x00\x02\x09\xf0\x00\x00\x00\x06" + unit), 4)
    assert framed.digests == plain.digests
