"""The compiled pass says what the reference says, or leaves the file to it. It never says anything else."""

import random
import tempfile
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nal_streams as made
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from custody.core.digest import FileHasher, media_root
from custody.core.errors import MalformedError
from custody.core.media.clip import Clip
from custody.core.media.container import read_clip
from custody.core.media.runs import Run
from custody.core.media.units import Units
from custody.recorder import measure as measuring
from custody.recorder.measure import Wish, measure
from custody.recorder.onepass import library as libraries
from custody.recorder.onepass import passing
from custody.recorder.onepass.passing import PIECE_BYTES, Pass, begin_pass
from custody.v1 import record_pb2

pytestmark = pytest.mark.skipif(
    libraries.library() is None, reason="no compiled library: no C compiler at the set-up, or no SHA instructions"
)
KINDS = {made.H264: record_pb2.CODEC_H264, made.H265: record_pb2.CODEC_H265}


def reference(raw: bytes) -> Clip | None:
    try:
        return read_clip(lambda offset, length: raw[offset : offset + length], len(raw))
    except MalformedError:
        return None


def passed(raw: bytes) -> tuple[Clip, record_pb2.Media] | None:
    begun = begin_pass(lambda offset, length: raw[offset : offset + length], len(raw))
    return feed(begun, raw) if begun is not None else None


def feed(begun: Pass, raw: bytes) -> tuple[Clip, record_pb2.Media] | None:
    for at in range(0, len(raw), PIECE_BYTES):
        begun.update(raw[at : at + PIECE_BYTES])
    assert begun.digest() == sha256(raw).digest()
    return begun.clip()


def assert_same(raw: bytes) -> bool:
    """True when the pass took the file."""
    found = passed(raw)
    if found is None:
        return False
    clip, media = found
    expected = reference(raw)
    assert expected is not None
    assert list(clip.unit_digests) == list(expected.unit_digests)
    assert list(clip.keys) == list(expected.keys)
    for name in ("container", "codec", "absence", "pictures", "duration_us", "start_us"):
        assert getattr(clip, name) == getattr(expected, name), name
    assert media == expected.media()
    return True


@pytest.fixture(scope="module", params=["libx264", "libx265"])
def original(request: pytest.FixtureRequest, workshop: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = workshop.encode(tmp_path_factory.mktemp("onepass") / "original.mp4", codec=request.param)
    return path


@pytest.mark.parametrize("form", ["mp4", "faststart", "fragmented", "fragmented from moof", "cmaf", "hybrid", "ts"])
def test_what_recorders_write_is_taken(form: str, original: Path, workshop: Any, tmp_path: Path) -> None:
    name, options, _ = workshop.forms[form]
    whole = workshop.remux([original], tmp_path / name, options=options)
    joined = workshop.remux([original] * 6, tmp_path / f"joined-{name}", options=options)
    for path in (whole, joined):
        assert assert_same(path.read_bytes())


def test_real_clips_are_taken(workshop: Any, tmp_path: Path) -> None:
    clips = sorted(workshop.footage.glob("*/*/*.mp4"))[:4] if workshop.footage.exists() else []
    if not clips:
        clips = [workshop.encode(tmp_path / "clip.mp4")]
    for clip in clips:
        assert assert_same(clip.read_bytes())
    assert assert_same(workshop.remux(clips, tmp_path / "all.ts").read_bytes())


@pytest.mark.parametrize("suffix", ["mp4", "ts"])
def test_a_damaged_file_is_read_alike_or_left(suffix: str, original: Path, workshop: Any, tmp_path: Path) -> None:
    whole = workshop.remux([original], tmp_path / f"whole.{suffix}").read_bytes()
    random_bytes = random.Random(185)
    taken = 0
    for _ in range(500):
        raw = bytearray(whole)
        for _ in range(random_bytes.randint(1, 3)):
            at = random_bytes.randrange(min(len(raw), 4_000))
            at = random_bytes.choice((at, len(raw) - 1 - at, random_bytes.randrange(len(raw))))
            raw[at] = random_bytes.choice((0, 1, 0x47, 0xFF, random_bytes.randrange(256)))
        if random_bytes.random() < 0.1:
            del raw[random_bytes.randrange(len(raw)) :]
        taken += assert_same(bytes(raw))
    assert taken > 50  # flips in the pictures themselves


@st.composite
def transport_streams(draw: st.DrawFn) -> bytes:
    """A stream whose PES packets are cut anywhere: between units, inside them, inside start codes."""
    kind = draw(st.sampled_from(list(KINDS)))
    stream = made.annex_b(draw(made.units(kind)), draw(st.lists(st.integers(0, 3), min_size=1, max_size=4)))
    cuts = sorted(draw(st.sets(st.integers(1, max(1, len(stream) - 1)), max_size=6)))
    if draw(st.booleans()):  # as recorders do
        cuts = [at for at in cuts if stream.startswith((b"\0\0\1", b"\0\0\0\1"), at)]
    parts = [stream[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    step = draw(st.sampled_from([3_600, 9_000, 1_000_000]))
    sized = draw(st.booleans())
    packets = [made.pes(part, 90_000 + at * step, sized=sized) for at, part in enumerate(parts)]
    return made.transport(packets, kind, first=draw(st.integers(14, 184)))


@given(transport_streams())
@settings(max_examples=400, deadline=None)
def test_any_transport_stream(raw: bytes) -> None:
    assert_same(raw)


@given(transport_streams(), st.integers(3, 40))
@settings(max_examples=200, deadline=None)
def test_a_transport_stream_in_pieces_of_few_packets(raw: bytes, packets: int) -> None:
    """What is carried over from one piece to the next: zeros, start codes, units, heads of units."""
    begun = begin_pass(lambda offset, length: raw[offset : offset + length], len(raw))
    if begun is None:
        return
    whole = passed(raw)
    for at in range(0, len(raw), packets * 188):
        begun.update(raw[at : at + packets * 188])
    assert begun.digest() == sha256(raw).digest()
    found = begun.clip()
    assert (found is None) == (whole is None)
    if found is not None and whole is not None:
        assert list(found[0].unit_digests) == list(whole[0].unit_digests)
        assert found[1] == whole[1]


@given(st.sampled_from(list(KINDS)).flatmap(lambda kind: st.tuples(st.just(kind), made.pictures(kind))))
@settings(max_examples=200, deadline=None)
def test_a_transport_stream_as_recorders_write_it_is_taken(stream: tuple[int, list[list[bytes]]]) -> None:
    """Declining is slow, not wrong; but it must be the exception."""
    kind, pictures = stream
    packets = [
        made.pes(made.annex_b(units, [1, 0]), 90_000 + at * 3_600, sized=at % 2 == 0)
        for at, units in enumerate(pictures)
    ]
    assert assert_same(made.transport(packets, kind, first=170))


def test_an_index_whose_last_table_is_damaged_is_left(workshop: Any, tmp_path: Path) -> None:
    """The durations are looked at when the pictures are hashed already."""
    raw = workshop.encode(tmp_path / "clip.mp4").read_bytes().replace(b"stts", b"stt\x00")
    assert reference(raw) is None
    assert passed(raw) is None


def plan(samples: list[tuple[int, int]], length_bytes: int, codec: int) -> Pass:
    """A pass over samples at (offset, size), each a run of its own, as if an index had said so."""

    class Movie:
        track = SimpleNamespace(length_bytes=length_bytes, codec=codec)

        @staticmethod
        def runs() -> list[Run]:
            return [Run(offset, [size]) for offset, size in samples]

        @staticmethod
        def clip(found: Any) -> Clip:
            return Clip(container=0, unit_digests=found.digests, keys=found.keys, pictures=found.pictures)

    loaded = libraries.library()
    assert loaded is not None
    begun = passing._through_movie(loaded, Movie)  # type: ignore[arg-type]
    assert begun is not None
    return begun


@given(
    st.sampled_from(list(KINDS)).flatmap(
        lambda kind: st.tuples(st.just(kind), st.lists(made.units(kind, 900), max_size=6))
    ),
    st.sampled_from([2, 4]),
    st.integers(0, 70),
    st.lists(st.integers(1, 500), min_size=1, max_size=30),
)
@settings(max_examples=400, deadline=None)
def test_any_samples_in_any_pieces(
    stream: tuple[int, list[list[bytes]]], length_bytes: int, gap: int, pieces: list[int]
) -> None:
    kind, groups = stream
    raw, samples = bytearray(b"\xa5" * gap), []
    for group in groups:
        sample = made.lengths(group, length_bytes)
        samples.append((len(raw), len(sample)))
        raw += sample + b"\x5a" * gap
    begun = plan([*samples, (len(raw), 0)], length_bytes, KINDS[kind])
    at, turn = 0, 0
    while at < len(raw):
        begun.update(bytes(raw[at : at + pieces[turn % len(pieces)]]))
        at += pieces[turn % len(pieces)]
        turn += 1
    assert begun.digest() == sha256(raw).digest()
    units: Units | None = Units(KINDS[kind])
    try:
        assert units is not None
        for offset, size in samples:
            units.add_sample(memoryview(raw)[offset : offset + size], length_bytes)
    except MalformedError:
        units = None
    found = begun.clip()
    if units is None or not units.digests:
        assert found is None
    else:
        assert found is not None  # whatever the reference takes out of samples in order, the pass takes too
        assert list(found[0].unit_digests) == units.digests
        assert (list(found[0].keys), found[0].pictures) == (units.keys, units.pictures)
        assert found[1].media_root == media_root(units.digests)


@pytest.mark.parametrize("count", [*range(1, 40), 63, 64, 65, 1_000])
def test_the_root_of_any_number_of_units(count: int) -> None:
    stream = [b"\x41\x80" + number.to_bytes(4, "big") + b"\x01" for number in range(count)]
    raw = made.lengths(stream, 4)
    found = feed(plan([(0, len(raw))], 4, record_pb2.CODEC_H264), raw)
    assert found is not None
    assert found[1].media_root == media_root([sha256(unit).digest() for unit in stream])
    assert list(found[0].unit_digests[1:3]) == [sha256(unit).digest() for unit in stream[1:3]]


@pytest.mark.parametrize("length", [*range(2, 200), 4_095, 4_096, 4_097])
def test_a_unit_of_any_length(length: int) -> None:
    unit = b"\x65\x80" + bytes(at % 251 + 1 for at in range(length - 2))
    raw = made.lengths([unit], 4)
    found = feed(plan([(0, len(raw))], 4, record_pb2.CODEC_H264), raw)
    assert found is not None
    assert found[0].unit_digests[0] == sha256(unit).digest()


@pytest.mark.parametrize(
    "samples",
    [
        [(10, 20), (0, 10)],  # out of order
        [(0, 20), (10, 20)],  # one over another
        [(0, 1 << 20)],  # beyond the end
        [(1 << 62, 10)],
        [(0, 3)],  # inside a length
    ],
)
def test_samples_where_none_should_be_are_left(samples: list[tuple[int, int]]) -> None:
    raw = made.lengths([b"\x41\x80abcdef"] * 5, 4)
    assert feed(plan(samples, 4, record_pb2.CODEC_H264), raw) is None


@pytest.mark.parametrize("suffix", ["mp4", "ts"])
def test_measuring_says_the_same_with_and_without(
    suffix: str, original: Path, workshop: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = workshop.remux([original] * 3, tmp_path / f"clip.{suffix}")
    wish = Wish(algorithms=(record_pb2.DIGEST_ALGORITHM_SM3,), chunks=True)
    compiled = measure(path, wish)
    monkeypatch.setattr(measuring, "begin_pass", lambda *_, **__: None)
    plain = measure(path, wish)
    assert (compiled.sha256, compiled.media, compiled.chunk_root) == (plain.sha256, plain.media, plain.chunk_root)
    assert list(compiled.digests) == list(plain.digests)
    hasher = FileHasher(chunks=True)
    hasher.update(path.read_bytes())
    assert (compiled.sha256, compiled.chunk_root) == (hasher.sha256(), hasher.chunk_root())


def test_what_is_left_is_read_by_the_reference(original: Path, workshop: Any, tmp_path: Path) -> None:
    """A transport stream that was cut inside has a pass that declines; the reason is the reference's."""
    raw = workshop.remux([original], tmp_path / "whole.ts").read_bytes()
    path = tmp_path / "cut.ts"
    middle = len(raw) // 188 // 2 * 188
    path.write_bytes(raw[:middle] + raw[middle + 188 :])
    found = measure(path, Wish())
    assert found.sha256 == sha256(path.read_bytes()).digest()
    assert (found.clip.absence, found.media) == (record_pb2.MEDIA_ABSENCE_DAMAGED, None)
    assert found.problem.startswith("media-ts-")


def test_a_library_of_another_version_is_not_used(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(libraries, "VERSION", libraries.VERSION + 1)
    assert libraries.library.__wrapped__() is None
    assert "it is not used" in caplog.text


def test_a_library_that_is_none_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.NamedTemporaryFile(suffix=".so") as file:
        file.write(b"no library")
        file.flush()
        monkeypatch.setattr(libraries, "LIBRARY", Path(file.name))
        assert libraries.library.__wrapped__() is None
