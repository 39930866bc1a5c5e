"""Stories about footage files, told to `custody verify footage`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from custody.cli.main import run
from custody.v1 import record_pb2
from custody.verifier.footage_audit import Disposed
from custody.verifier.footage_fact import DisposalFact

if TYPE_CHECKING:
    from tests.verifier.conftest import LogWriter

Check = Callable[..., tuple[int, dict[str, Any]]]
STREAM = "site-12/cam-01"
CLIPS = Path(__file__).parents[2].parent / "shared" / "footage"


@pytest.fixture
def folder(tmp_path: Path, writer: LogWriter) -> Path:
    """Four recorded segments of one camera, one of another, and a note that nobody records."""
    root = tmp_path / "footage"
    for number, name in enumerate([f"{STREAM}/seg_{one}.mp4" for one in range(4)] + ["site-12/cam-02/a.ts"]):
        content = b"segment %d " % number * 5_000
        stream, _, _ = name.rpartition("/")
        (root / stream).mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
        writer.append([writer.segment(stream, content, name)])
    (root / "README.md").write_text("a note\n")
    return root


@pytest.fixture
def check(verify: Check, folder: Path, writer: LogWriter) -> Check:
    return lambda *options: verify("footage", folder, "--log-file", writer.path, "--key", writer.key.vkey, *options)


def told(report: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["code"], one.get("path", "")) for one in report["findings"]]


def test_untouched_footage_is_fine(check: Check) -> None:
    status, report = check()
    assert (status, report["verdict"], report["findings"]) == (0, "fine", [])
    assert report["counts"]["present"] == 5
    assert report["ignored"] == ["README.md"]


def test_one_altered_byte_is_named(check: Check, folder: Path) -> None:
    file = folder / STREAM / "seg_2.mp4"
    content = bytearray(file.read_bytes())
    content[1234] ^= 1
    file.write_bytes(content)
    assert told(check()[1]) == [("segment-altered", f"{STREAM}/seg_2.mp4")]


def test_missing_and_unknown_files_are_named(check: Check, folder: Path) -> None:
    (folder / STREAM / "seg_0.mp4").unlink()
    (folder / STREAM / "other.mp4").write_bytes(b"never recorded")
    status, report = check()
    assert status == 1
    assert told(report) == [("segment-missing", f"{STREAM}/seg_0.mp4"), ("file-unknown", f"{STREAM}/other.mp4")]
    assert {one["number"]: one["status"] for one in report["checks"]} == {
        1: "fine", 2: "findings", 3: "fine", 4: "findings", 5: "fine"
    }  # fmt: skip


def test_a_renamed_file_is_moved_and_a_swapped_one_is_a_finding(check: Check, folder: Path) -> None:
    one, two, three = (folder / STREAM / f"seg_{number}.mp4" for number in range(3))
    three.rename(folder / "elsewhere.bin")
    status, report = check()
    assert (status, told(report)) == (0, [("segment-moved", f"{STREAM}/seg_2.mp4")])
    content = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(content)
    status, report = check()
    assert (status, report["counts"]["moved"]) == (1, 3)
    assert [code for code, _ in told(report)].count("segment-swapped") == 2


def test_a_copy_is_no_unknown_file(check: Check, folder: Path) -> None:
    (folder / "copy.mp4").write_bytes((folder / STREAM / "seg_0.mp4").read_bytes())
    status, report = check()
    assert (status, report["counts"]["copies"]) == (0, 1)


def test_identical_twins_are_each_at_their_own_path(check: Check, folder: Path, writer: LogWriter) -> None:
    """A still picture encodes to the same bytes twice: each file answers for one segment."""
    for name in ("twin_1", "twin_2"):
        (folder / STREAM / f"{name}.mp4").write_bytes(b"still" * 1_000)
        writer.append([writer.segment(STREAM, b"still" * 1_000, f"{STREAM}/{name}.mp4")])
    status, report = check()
    assert (status, told(report), report["counts"]["present"]) == (0, [], 7)
    (folder / STREAM / "twin_1.mp4").unlink()
    status, report = check()
    assert (status, told(report)) == (1, [("segment-missing", f"{STREAM}/twin_1.mp4")])
    (folder / STREAM / "twin_2.mp4").rename(folder / "kept.mp4")
    status, report = check()
    assert (status, report["counts"]["moved"], report["counts"]["missing"]) == (1, 1, 1)


def test_a_twin_of_another_stream_does_not_stand_in(check: Check, folder: Path, writer: LogWriter) -> None:
    content = (folder / "site-12/cam-02/a.ts").read_bytes()
    writer.append([writer.segment(STREAM, content, f"{STREAM}/twin.mp4")])
    status, report = check("--stream", STREAM)
    assert (status, told(report)) == (1, [("segment-missing", f"{STREAM}/twin.mp4")])


def test_a_name_that_is_used_again_belongs_to_the_last_segment(check: Check, folder: Path, writer: LogWriter) -> None:
    name = f"{STREAM}/seg_0.mp4"
    writer.append([writer.segment(STREAM, b"overwritten", name)])
    (folder / name).write_bytes(b"overwritten")
    status, report = check()
    assert (status, told(report)) == (1, [("segment-missing", name)])
    assert report["counts"]["present"] == 5


@pytest.mark.parametrize("options", [(), ("--stream", STREAM)])
@pytest.mark.parametrize("renamed", [True, False])
def test_another_stream_takes_no_name_away(
    check: Check, folder: Path, writer: LogWriter, options: tuple[str, ...], *, renamed: bool
) -> None:
    """A forged film under the genuine name: another camera recorded it, under this camera's path."""
    name = f"{STREAM}/seg_2.mp4"
    if renamed:
        (folder / name).rename(folder / "x.bin")
    (folder / name).write_bytes(b"forged")
    writer.append([writer.segment("site-12/cam-02", b"forged", name)], "urn:custody:recorder:other")
    status, report = check(*options)
    assert (status, told(report)) == (1, [("segment-swapped" if renamed else "segment-altered", name)])


def test_two_streams_with_one_name_each_have_their_own_file(check: Check, folder: Path, writer: LogWriter) -> None:
    """Two recorders that name files alike, each file below a folder of its recorder: none stands under a false name."""
    for stream, content in (("site-12/cam-03", b"three"), ("site-12/cam-04", b"four")):
        (folder / stream).mkdir()
        (folder / stream / "0001.mp4").write_bytes(content)
        writer.append([writer.segment(stream, content, "0001.mp4")])
    status, report = check()
    assert (status, report["counts"]["moved"], report["counts"]["present"]) == (0, 2, 5)


def test_one_file_does_not_answer_for_two_streams(check: Check, folder: Path, writer: LogWriter) -> None:
    content, name = (folder / STREAM / "seg_2.mp4").read_bytes(), f"{STREAM}/seg_2.mp4"
    writer.append([writer.segment("site-12/cam-02", content, name)])
    status, report = check()
    assert (status, told(report), report["counts"]["present"]) == (1, [("segment-missing", name)], 5)


def test_disposed_segments_are_not_missing(check: Check, folder: Path, writer: LogWriter) -> None:
    (folder / STREAM / "seg_0.mp4").unlink()
    (folder / STREAM / "seg_1.mp4").unlink()
    writer.append([disposal(writer, 1, 1)])
    status, report = check()
    assert status == 1
    assert [code for code, _ in told(report)] == ["segment-disposed", "segment-missing"]


def disposal(writer: LogWriter, first: int, last: int, **more: Any) -> bytes:
    told = record_pb2.Disposal(
        ranges=[record_pb2.SegmentRange(stream=STREAM, first=first, last=last)],
        kind=record_pb2.DISPOSAL_KIND_PLANNED,
        knowledge=record_pb2.DISPOSAL_KNOWLEDGE_ANNOUNCED,
        **more,
    )
    return writer.record(disposal=told)


def test_a_disposal_in_advance_of_all_footage_excuses_nothing(
    verify: Check, folder: Path, new_writer: Callable[..., LogWriter]
) -> None:
    writer = new_writer("advance.db")
    writer.append([disposal(writer, 1, 2**63 - 1)])
    for number in range(3):
        writer.append([writer.segment(STREAM, b"gone %d" % number, f"{STREAM}/gone_{number}.mp4")])
    report = verify("footage", folder, "--stream", STREAM, "--log-file", writer.path, "--key", writer.key.vkey)[1]
    assert (report["counts"]["missing"], report["counts"]["disposed"]) == (3, 0)


@pytest.mark.parametrize(("ahead_us", "code"), [(7_200_000_000, "disposed"), (8_000 * 86_400_000_000, "missing")])
def test_a_deletion_of_a_far_future_has_not_happened(
    check: Check, folder: Path, writer: LogWriter, ahead_us: int, code: str
) -> None:
    """Deletion is announced shortly before, and a recorder's clock may be a time zone ahead."""
    (folder / STREAM / "seg_0.mp4").unlink()
    writer.append([disposal(writer, 1, 1, deleted_us=writer.now_us + ahead_us)])
    assert told(check()[1]) == [(f"segment-{code}", f"{STREAM}/seg_0.mp4")]


def test_a_number_that_is_told_again_is_found(check: Check, folder: Path, writer: LogWriter) -> None:
    """Disposed of, and told again with a forged film under the same name."""
    name = f"{STREAM}/seg_2.mp4"
    (folder / name).write_bytes(b"forged")
    writer.append([disposal(writer, 3, 3)])
    writer.segment_numbers[STREAM] = 2
    writer.append([writer.segment(STREAM, b"forged", name)])
    status, report = check()
    assert (status, told(report)) == (1, [("segment-altered", name), ("segment-disposed", name)])
    assert "segment 3 (site-12/cam-01/seg_2.mp4) was told before, by entry 2" in report["findings"][0]["message"]


def test_other_footage_under_the_name_of_what_was_disposed_of(check: Check, folder: Path, writer: LogWriter) -> None:
    name = f"{STREAM}/seg_2.mp4"
    (folder / name).write_bytes((folder / STREAM / "seg_1.mp4").read_bytes())
    writer.append([disposal(writer, 3, 3)])
    status, report = check()
    assert (status, told(report)) == (1, [("segment-altered", name)])


def test_late_segments_are_named(check: Check, folder: Path, writer: LogWriter) -> None:
    (folder / "late.mp4").write_bytes(b"late")
    writer.append([writer.segment(STREAM, b"late", "late.mp4", at_us=writer.now_us - 7_200_000_000)])
    assert check()[0] == 0
    status, report = check("--late-after", "3600")
    assert (status, told(report)) == (1, [("segment-late", "late.mp4")])


def test_only_entries_under_a_signed_checkpoint_count(check: Check, folder: Path, writer: LogWriter) -> None:
    (folder / "tail.mp4").write_bytes(b"tail")
    writer.append([writer.segment(STREAM, b"tail", "tail.mp4")], publish=False)
    assert told(check()[1]) == [("file-unknown", "tail.mp4")]


def test_a_log_that_does_not_hold_decides_nothing(check: Check, writer: LogWriter) -> None:
    writer.db.execute("UPDATE checkpoint SET note = x''")
    status, report = check()
    assert (status, report["counts"]) == (1, None)
    assert [one["status"] for one in report["checks"]] == ["findings", *["not-checked"] * 4]


def test_without_a_published_checkpoint_nothing_can_be_checked(
    verify: Check, folder: Path, new_writer: Callable[..., LogWriter]
) -> None:
    empty = new_writer("empty.db")
    status, report = verify("footage", folder, "--log-file", empty.path, "--key", empty.key.vkey)
    assert (status, report["verdict"]) == (2, "not-checked")


def test_one_stream_alone_can_be_checked(check: Check, folder: Path) -> None:
    (folder / "site-12/cam-02/a.ts").unlink()
    (folder / "site-12/cam-02/b.ts").write_bytes(b"x")
    assert check("--stream", STREAM)[0] == 0
    status, report = check("--stream", "site-12/cam-02")
    assert (status, report["segments"]) == (1, 1)
    assert [code for code, _ in told(report)] == ["segment-missing", "file-unknown"]


def test_a_mistyped_stream_is_not_checked_and_never_fine(check: Check, folder: Path) -> None:
    for number in range(4):
        (folder / STREAM / f"seg_{number}.mp4").write_bytes(b"forged")
    for streams in (["site-12/cam-1"], ["site-12/cam-02", "site-12/cam-1"]):
        status, report = check(*(part for stream in streams for part in ("--stream", stream)))
        assert (status, report["verdict"], report["not_checked"]) == (2, "not-checked", [2, 3, 4, 5])
        assert "site-12/cam-1; did you mean site-12/cam-0" in report["checks"][1]["reason"]


def test_a_log_without_footage_compares_nothing(
    verify: Check, folder: Path, new_writer: Callable[..., LogWriter]
) -> None:
    bare = new_writer("bare.db")
    told = record_pb2.RecorderConfiguration(streams=[STREAM], motion_only=True)
    bare.append([bare.record(recorder_configuration=told)])
    for one in folder.rglob("*.*"):
        one.unlink()
    status, report = verify("footage", folder, "--log-file", bare.path, "--key", bare.key.vkey)
    assert (status, report["checks"][1]["reason"]) == (2, "the log has no footage")


def test_links_are_not_followed(check: Check, folder: Path, tmp_path: Path) -> None:
    file = folder / STREAM / "seg_0.mp4"
    file.rename(tmp_path / "outside.mp4")
    file.symlink_to(tmp_path / "outside.mp4")
    (folder / "loop").symlink_to(folder)
    status, report = check()
    assert (status, told(report)) == (1, [("segment-missing", f"{STREAM}/seg_0.mp4")])
    assert report["not_followed"] == ["loop", f"{STREAM}/seg_0.mp4"]


def test_a_path_of_the_log_leads_nowhere_else(check: Check, folder: Path, writer: LogWriter) -> None:
    (folder.parent / "secret.mp4").write_bytes(b"secret")
    for path in ("../secret.mp4", str(folder.parent / "secret.mp4"), "site-12/../../secret.mp4"):
        writer.append([writer.segment(STREAM, b"secret", path)])
    status, report = check()
    assert (status, report["counts"]["missing"]) == (1, 3)


def test_a_folder_that_is_not_there_cannot_be_checked(verify: Check, writer: LogWriter, tmp_path: Path) -> None:
    writer.story()
    arguments = ("--log-file", writer.path, "--key", writer.key.vkey)
    assert verify("footage", tmp_path / "none", *arguments) == (2, {})


def test_the_text_says_what_happened(folder: Path, writer: LogWriter, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / STREAM / "seg_3.mp4").unlink()
    arguments = ["verify", "footage", str(folder), "--log-file", str(writer.path), "--key", writer.key.vkey.encode()]
    assert run(arguments) == 1
    out = capsys.readouterr().out
    assert "site-12/cam-01 segment 4 (site-12/cam-01/seg_3.mp4) is not there [segment-missing]" in out
    assert out.endswith("Verdict: FINDINGS\n")
    assert run([*arguments, "--lang", "zh"]) == 1
    assert "结论: 发现问题" in capsys.readouterr().out


def test_disposals_are_found_however_they_overlap() -> None:
    runs = [(5, 9), (1, 2), (8, 20), (30, 30), (3, 3)]
    disposed = Disposed(DisposalFact(9, STREAM, first, last, 1, 1) for first, last in runs)
    named = {number for first, last in runs for number in range(first, last + 1)}
    assert {number for number in range(40) if disposed.covers(STREAM, number, 0)} == named
    assert not disposed.covers("site-12/cam-02", 5, 0)


def test_a_disposal_covers_what_was_told_before_it() -> None:
    runs = [(3, 5, 9), (5, 8, 30), (7, 2, 4), (9, 7, 20)]
    disposed = Disposed(DisposalFact(index, STREAM, first, last, 1, 1) for index, first, last in runs)
    for number, index in ((number, index) for number in range(40) for index in range(12)):
        named = any(first <= number <= last and index < at for at, first, last in runs)
        assert disposed.covers(STREAM, number, index) == named, (number, index)


def test_real_clips_are_found_again(verify: Check, folder: Path, new_writer: Callable[..., LogWriter]) -> None:
    """The clips that lie beside the repository on a developer's machine; elsewhere the files made here."""
    clips = CLIPS if CLIPS.is_dir() else folder
    writer = new_writer("clips.db")
    for file in sorted(clips.rglob("*.mp4")):
        name = file.relative_to(clips).as_posix()
        writer.append([writer.segment(name.rpartition("/")[0], file.read_bytes(), name)])
    status, report = verify("footage", clips, "--stream", STREAM, "--log-file", writer.path, "--key", writer.key.vkey)
    assert (status, report["counts"]["present"]) == (0, report["segments"])
    assert report["segments"] >= 4
