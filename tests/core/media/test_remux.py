"""The media root survives what footage goes through on its way to a court, and nothing else does."""

import subprocess
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from clip_workshop import FORMS

from custody.core.digest import media_root
from custody.core.errors import InclusionError, MalformedError
from custody.core.media.clip import Clip
from custody.core.range_proof import RangeProof, range_plan, verify_range
from custody.core.tree import EMPTY_FRONTIER, Node, extend


@pytest.fixture(scope="module", params=["libx264", "libx265"])
def original(request: pytest.FixtureRequest, workshop: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = workshop.encode(tmp_path_factory.mktemp("remux") / "original.mp4", codec=request.param)
    return path


@pytest.mark.parametrize("form", FORMS)
def test_a_remux_has_the_same_root(form: str, original: Path, workshop: Any, tmp_path: Path) -> None:
    name, options, container = FORMS[form]
    before: Clip = workshop.read_file(original)
    after: Clip = workshop.read_file(workshop.remux([original], tmp_path / name, options=options))
    assert after.container == container
    assert list(after.unit_digests) == list(before.unit_digests)
    assert after.media() == before.media()
    assert (after.codec, after.keys, after.pictures) == (before.codec, before.keys, before.pictures)
    assert (after.pictures, after.duration_us) == (60, 6_000_000)


@pytest.mark.parametrize("form", FORMS)
def test_joined_files_are_a_run_of_both(form: str, original: Path, workshop: Any, tmp_path: Path) -> None:
    name, options, _ = FORMS[form]
    other = workshop.remux([original], tmp_path / "other.mp4", first=0, last=40)
    joined = workshop.read_file(workshop.remux([original, other], tmp_path / name, options=options))
    parts = [*workshop.read_file(original).unit_digests, *workshop.read_file(other).unit_digests]
    assert list(joined.unit_digests) == parts
    assert joined.duration_us == pytest.approx(10_000_000, abs=200_000)


@pytest.mark.parametrize("form", FORMS)
def test_a_copy_cut_at_key_pictures_is_proven_as_a_run(
    form: str, original: Path, workshop: Any, tmp_path: Path
) -> None:
    name, options, _ = FORMS[form]
    whole = workshop.read_file(original)
    cut = workshop.read_file(workshop.remux([original], tmp_path / name, options=options, first=20, last=40))
    first = list(whole.unit_digests).index(cut.unit_digests[0])
    assert first in whole.keys
    proof = prove(whole.unit_digests, first, len(cut.unit_digests))
    root = media_root(whole.unit_digests)
    verify_range(leaves(cut.unit_digests), first, len(whole.unit_digests), proof, root)
    with pytest.raises(InclusionError):
        verify_range(leaves(cut.unit_digests[::-1]), first, len(whole.unit_digests), proof, root)


def test_a_transport_stream_may_be_joined_by_cat(original: Path, workshop: Any, tmp_path: Path) -> None:
    one = workshop.remux([original], tmp_path / "one.ts")
    joined = workshop.read_bytes(one.read_bytes() * 2)
    clip = workshop.read_file(original)
    assert list(joined.unit_digests) == [*clip.unit_digests, *clip.unit_digests]
    assert joined.duration_us == 2 * clip.duration_us - 100_000  # the step across the cut is not time


def test_another_encoding_shares_nothing(original: Path, workshop: Any, tmp_path: Path) -> None:
    other = workshop.read_file(workshop.encode(tmp_path / "other.mp4", options={"preset": "fast", "crf": "30"}))
    before = workshop.read_file(original)
    assert other.media() != before.media()
    assert not set(other.unit_digests) & set(before.unit_digests)


def test_every_changed_picture_byte_changes_the_root(clip_path: Path, workshop: Any) -> None:
    raw = bytearray(clip_path.read_bytes())
    before = workshop.read_bytes(bytes(raw))
    at = raw.index(b"mdat") + 4
    changed = 0
    for offset in range(at + 900, at + 900 + 40):
        raw[offset] ^= 1
        try:
            changed += workshop.read_bytes(bytes(raw)).media() != before.media()
        except MalformedError:
            changed += 1
        raw[offset] ^= 1
    assert changed == 40


def test_real_clips_through_the_ffmpeg_program(workshop: Any, tmp_path: Path) -> None:
    clips = sorted(workshop.footage.glob("*/*/*.mp4")) if workshop.footage.exists() else []
    if not clips:
        clips = [workshop.encode(tmp_path / f"{number}.mp4", shift=number * 40) for number in range(2)]
    listing = tmp_path / "list.txt"
    listing.write_text("".join(f"file '{clip}'\n" for clip in clips[:3]))
    joined = tmp_path / "joined.ts"
    try:
        command = ["ffmpeg", "-v", "error", "-f", "concat", "-safe", "0", "-i", str(listing), "-c", "copy", str(joined)]
        subprocess.run(command, check=True)
    except FileNotFoundError:
        pytest.skip("ffmpeg is not installed")
    expected = [digest for clip in clips[:3] for digest in workshop.read_file(clip).unit_digests]
    assert list(workshop.read_file(joined).unit_digests) == expected


def leaves(digests: Sequence[bytes]) -> list[bytes]:
    return [sha256(b"\x00" + digest).digest() for digest in digests]


def prove(digests: Sequence[bytes], first: int, count: int) -> RangeProof:
    tree = extend(EMPTY_FRONTIER, leaves(digests))

    def read(node: Node) -> bytes | None:
        return tree.node(node)

    return range_plan(first, count, len(digests)).assemble(read)
