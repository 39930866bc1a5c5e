"""`custody audit`: the findings of the rules, the state of the log, and what was not checked."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from tests.rules.simulator import DAY, HOUR, STREAM
from tests.verifier.audit.conftest import Audit, Told

from custody.cli.main import run
from custody.v1 import record_pb2 as pb


def codes(report: dict[str, Any]) -> list[str]:
    return [finding["code"] for finding in report["findings"]]


def test_a_lawful_log_is_fine_and_says_what_was_not_checked(told: Told, audit: Audit) -> None:
    told.world.lawful("bj185", "cn799")
    told.write()
    status, report = audit(told.log.path, "--key", told.key)
    assert (status, report["verdict"], report["findings"]) == (0, "fine", [])
    assert report["schema"] == "custody.audit/1"
    assert {"no-memory", "no-footage", "witnesses", "seals", "index"} <= {row["code"] for row in report["not_checked"]}
    assert all(row["en"] and row["zh"] for row in report["not_checked"])


def test_findings_are_those_of_the_rules_with_their_articles(told: Told, audit: Audit) -> None:
    told.world.lawful("bj185", "cn799")
    told.world.access(officers=[])
    told.world.dispose(1, 1)
    told.write()
    status, report = audit(told.log.path, "--key", told.key)
    assert status == 1
    assert report["findings"] == [finding.as_json() for finding in told.world.findings()]
    assert "under-two-officers" in codes(report)
    assert all(one["articles"] for one in report["findings"] if one["code"] == "under-two-officers")


def test_without_a_key_nothing_is_proven(told: Told, audit: Audit) -> None:
    told.world.lawful()
    told.write()
    status, report = audit(told.log.path)
    assert (status, report["verdict"], report["log"]["verdict"]) == (2, "not-checked", "not-checked")
    assert codes(report) == ["log-not-checked"]
    assert report["not_checked"][0]["code"] == "no-key"


def test_a_damaged_log_is_no_fork_and_never_fine(told: Told, audit: Audit, memory: Path) -> None:
    told.world.lawful()
    told.write()
    assert audit(told.log.path, "--key", told.key, "--state", memory)[0] == 0
    (first, data) = told.log.db.execute("SELECT first_index, data FROM entry_run ORDER BY first_index DESC").fetchone()
    told.log.db.execute(
        "UPDATE entry_run SET data = ? WHERE first_index = ?", (data[:-1] + bytes([data[-1] ^ 1]), first)
    )
    status, report = audit(told.log.path, "--key", told.key, "--state", memory)
    assert (status, report["log"]["verdict"]) == (1, "findings")
    assert "log-forked" not in codes(report)


def test_only_what_is_signed_is_judged(told: Told, audit: Audit) -> None:
    told.world.lawful()
    told.write()
    told.log.append([told.world.raw(told.log.now_us, access=pb.Access(act=pb.ACCESS_ACT_COPY, spans=[
        pb.Span(stream=STREAM, from_us=1, to_us=2)]))], publish=False)  # fmt: skip
    status, report = audit(told.log.path, "--key", told.key)
    assert (status, report["judged"]) == (0, report["log"]["size"] - 1)
    assert "unsigned-tail" in {row["code"] for row in report["not_checked"]}


def test_another_key_proves_nothing(told: Told, audit: Audit) -> None:
    told.world.lawful()
    told.write()
    name = told.log.origin
    from tests.verifier.conftest import key_of

    status, report = audit(told.log.path, "--key", key_of(9, name).vkey.encode())
    assert status == 1
    assert "unproven" in {row["code"] for row in report["not_checked"]}


def test_scope_narrows_what_is_judged(told: Told, audit: Audit) -> None:
    told.world.lawful("bj185")
    told.world.access(officers=[])
    told.write()
    everything = audit(told.log.path, "--key", told.key)[1]
    assert everything["findings"]
    assert list(everything["streams"]) == [STREAM]
    status, report = audit(told.log.path, "--key", told.key, "--to", "2026-01-02")
    assert (status, report["findings"]) == (0, [])
    status, report = audit(told.log.path, "--key", told.key, "--stream", STREAM, "--from", "2026-01-01")
    assert report["findings"] == [one for one in everything["findings"] if one["subject"]["kind"] == "stream"]


@pytest.mark.parametrize(
    ("asked", "code", "sentence"),
    [
        (("--site", "nort"), "site-unknown", "Names like it: north."),
        (("--site", "elsewhere"), "site-unknown", "nothing of it was checked"),
        (("--stream", "north/gat"), "camera-unknown", "Names like it: north/gate."),
        (("--stream", STREAM, "--stream", "north/yard"), "camera-unknown", "Camera north/yard"),
        (("--to", "2025-01-01"), "period-empty", "the log tells of 2026-01-01"),
        (("--from", "2062-01-01"), "period-empty", "nothing of that period was checked"),
        (("--at", "1999-01-01"), "period-empty", "nothing of that period was checked"),
    ],
)
def test_what_the_log_does_not_know_is_never_fine(
    told: Told, audit: Audit, asked: tuple[str, ...], code: str, sentence: str
) -> None:
    """A mistyped camera, site or year has no findings: that is no good word for the one that was meant."""
    told.world.lawful()
    told.write()
    status, report = audit(told.log.path, "--key", told.key, *asked)
    assert (status, report["verdict"], report["not_checked"][0]["code"]) == (2, "not-checked", code)
    assert sentence in report["not_checked"][0]["en"]


def test_a_profile_of_the_command_line_binds_everybody(told: Told, audit: Audit) -> None:
    told.world.lawful()
    told.world.access(officers=[])
    told.write()
    assert "under-two-officers" not in codes(audit(told.log.path, "--key", told.key)[1])
    assert "under-two-officers" in codes(audit(told.log.path, "--key", told.key, "--profile", "bj185")[1])


def test_the_moment_of_judgement_can_be_chosen(told: Told, audit: Audit) -> None:
    told.world.lawful()
    told.write()
    status, report = audit(told.log.path, "--key", told.key, "--at", "2026-03-01")
    assert status == 1
    assert "gap-unexplained" in codes(report)
    assert audit(told.log.path, "--key", told.key, "--at", "now")[0] == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("--profile", "nothing"),
        ("--site", "no such/site"),
        ("--stream", "nostream"),
        ("--from", "yesterday"),
        ("--from", "2026-12-31", "--to", "2020-01-01"),
        ("--utc-offset", "8"),
        ("--key", "nokey"),
    ],
)
def test_a_wrong_command_line_checks_nothing(told: Told, audit: Audit, arguments: tuple[str, ...]) -> None:
    told.world.lawful()
    told.write()
    assert audit(told.log.path, *arguments) == (2, {})


def test_footage_is_held_against_the_log(told: Told, audit: Audit, tmp_path: Path) -> None:
    world = told.world
    world.open_site()
    world.open_stream()
    world.file()
    world.tell(watch_shift=pb.WatchShift(site="north", people=[pb.Person(unit="Unit")], duration_us=400 * DAY))
    contents = {number: b"footage %d" % number for number in range(1, 5)}
    for number, content in contents.items():
        world.wait(HOUR)
        world.tell(
            world.now - HOUR,
            segment=pb.Segment(
                stream=STREAM, number=number, duration_us=HOUR, size_bytes=len(content),
                file_sha256=sha256(content).digest(), path=f"{number}.mp4",
            ),
        )  # fmt: skip
    told.write()
    folder = tmp_path / "footage"
    folder.mkdir()
    for number, content in contents.items():
        (folder / f"{number}.mp4").write_bytes(content)
    status, report = audit(told.log.path, "--key", told.key, "--footage", folder)
    assert (status, report["findings"]) == (0, [])
    assert report["streams"][STREAM]["segments"][0]["verdict"] == "present"
    (folder / "2.mp4").write_bytes(b"footage X")
    (folder / "3.mp4").unlink()
    (folder / "5.mp4").write_bytes(b"nobody knows me")
    status, report = audit(told.log.path, "--key", told.key, "--footage", folder)
    assert status == 1
    assert codes(report) == ["altered", "missing"]
    assert [one["code"] for one in report["footage"]["findings"]] == ["file-unknown"]
    verdicts = [(run["first"], run["last"], run["verdict"]) for run in report["streams"][STREAM]["segments"]]
    assert verdicts == [(1, 1, "present"), (2, 2, "altered"), (3, 3, "missing"), (4, 4, "present")]
    assert audit(told.log.path, "--key", told.key, "--footage", tmp_path / "nowhere") == (2, {})
    world.open_stream("north/yard")
    told.write()
    for asked in (("--stream", "north/yard"), ("--stream", "north/gat"), ("--to", "2026-01-01T00:30")):
        status, report = audit(told.log.path, "--key", told.key, "--footage", folder, *asked)
        if asked[0] == "--stream":  # no file was compared, so none is counted beside a verdict
            assert (status, sum(report["footage"]["counts"].values())) == (2, 0), asked
            assert {"nothing-compared"} <= {row["code"] for row in report["not_checked"]}
        else:
            assert report["footage"]["counts"] == dict.fromkeys(report["footage"]["counts"], 0) | {
                "present": 1, "unknown": 1
            }  # fmt: skip


def test_a_forged_film_under_the_genuine_name_is_found(told: Told, audit: Audit, tmp_path: Path) -> None:
    """Another camera recorded the forged film, under this camera's path; the genuine one lies renamed beside it."""
    world, yard = told.world, "north/yard"
    world.open_site()
    for stream in (STREAM, yard):
        world.open_stream(stream)
    world.file(streams=[STREAM, yard])
    world.guard(world.now)
    for number, stream, content, path in (
        (1, STREAM, b"genuine", "gate/1.mp4"), (1, yard, b"a yard", "yard/1.mp4"), (2, yard, b"forged", "gate/1.mp4"),
    ):  # fmt: skip
        world.wait(HOUR)
        film = pb.Segment(
            stream=stream, number=number, duration_us=HOUR, size_bytes=len(content),
            file_sha256=sha256(content).digest(), path=path,
        )  # fmt: skip
        world.tell(world.now - HOUR, segment=film)
    told.write()
    for path, content in (("gate/1.mp4", b"forged"), ("yard/1.mp4", b"a yard"), ("gate/backup.bin", b"genuine")):
        (tmp_path / "footage" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "footage" / path).write_bytes(content)
    status, report = audit(told.log.path, "--key", told.key, "--footage", tmp_path / "footage")
    named = [(one["code"], one["path"]) for one in report["footage"]["findings"]]
    assert (status, named) == (1, [("segment-swapped", "gate/1.mp4")])


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_text_groups_findings_by_subject(told: Told, capsys: pytest.CaptureFixture[str], lang: str) -> None:
    told.world.lawful("bj185", "cn799")
    for _ in range(7):
        told.world.access(officers=[])
    told.write()
    status = run(["audit", str(told.log.path), "--key", told.key, "--lang", lang])
    text = capsys.readouterr().out
    assert status == 1
    lines = text.splitlines()
    assert lines[-1].endswith("发现问题" if lang == "zh" else "FINDINGS")
    assert ("  摄像机 north/gate" if lang == "zh" else "  camera north/gate") in lines
    assert "[under-two-officers]" in text
    assert "D185-17(1)" in text
    assert ("另有 2 项 under-two-officers" if lang == "zh" else "and 2 more of under-two-officers") in text
    assert ("未检查:" if lang == "zh" else "Not checked:") in lines


@pytest.mark.parametrize(
    ("lang", "law"),
    [
        ("en", "Beijing Decree 185 Art. 19 to 26 (paraphrase): "),
        ("zh", "《北京市公共安全图像信息系统管理办法》第十九条至第二十六条（大意）："),
    ],
)
def test_a_penalty_stands_by_its_article_once(
    told: Told, capsys: pytest.CaptureFixture[str], lang: str, law: str
) -> None:
    told.world.open_site("bj185")
    told.world.open_stream()
    told.world.staff("zhang")
    told.world.staff("wang")
    told.world.record(days=120, length=86_400_000_000)
    told.write()
    assert run(["audit", str(told.log.path), "--key", told.key, "--lang", lang]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith(f"  D185-19..26  {law}") for line in lines) == 1
    assert sum("D185-19..26" in line for line in lines) > 2, "each finding names it"
