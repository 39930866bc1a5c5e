"""What stands in the agent's way is a finding of `record check`, and is gone with its cause."""

import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from custody.core.errors import CustodyError
from custody.recorder import spool
from custody.recorder.commands import hook
from custody.recorder.config import ConfigError, make_config
from custody.recorder.findings import findings
from custody.recorder.troubles import TEXTS, Troubles, read_troubles
from custody.recorder.uplink import Uplink

Make = Callable[..., Any]
VKEY = "example.org/site-12+5f394858+AarTUckByxSWw6Euy6OQb1qpzAvZuF55qYbVxleU6f7K"


def found(site: Any) -> dict[str, str]:
    for _ in range(2):  # the agent writes down what it met at the next sign of life
        site.pass_time(6)
        site.rest()
    return dict(findings(site.survey(), site.now_us, 10**9))


def test_a_storage_that_is_away_is_a_finding_until_it_is_back(make_site: Make) -> None:
    site = make_site()
    site.write("hot/east/20260921T141230.mp4", b"a", age_s=40)
    assert "storage-away" not in found(site)
    (site.folder / "hot").rename(site.folder / "elsewhere")
    assert "hot" in found(site)["storage-away"]
    assert not site.told("disposal")
    (site.folder / "elsewhere").rename(site.folder / "hot")
    assert "storage-away" not in found(site)


def test_files_that_no_template_fits_are_no_silence(make_site: Make) -> None:
    site = make_site()
    assert found(site)["no-footage"] == "nvr: no footage was found yet"
    site.write("hot/east/movie-1.mp4", b"a", age_s=40)
    assert found(site)["no-footage"] == "nvr: no template fits any of its 1 files, e.g. east/movie-1.mp4"
    site.write("hot/east/20260921T141230.mp4", b"b", age_s=40)
    assert "no-footage" not in found(site)


def test_a_camera_without_a_stream_says_what_to_do(make_site: Make) -> None:
    site = make_site()
    site.write("hot/东门/20260921T141230.mp4", b"a", age_s=40)
    text = found(site)["footage-refused"]
    assert "东门/20260921T141230.mp4" in text
    assert "map it in [streams]" in text


def test_settings_that_cannot_be_read_are_a_finding(make_site: Make, tmp_path: Path) -> None:
    site = make_site(configuration="nvr.yml", configuration_form="mediamtx", database="nvr.db")
    told = found(site)
    assert "nvr.yml" in told["configuration-unreadable"]
    assert "nvr.db" in told["database-unreadable"]
    (tmp_path / "nvr.yml").write_text("paths: {}\n")
    assert "configuration-unreadable" not in found(site)


def test_a_refused_event_is_a_finding(make_site: Make) -> None:
    site = make_site()
    spool.leave(site.config.state / "spool", {"event": "gap", "camera": "east"}, site.now_us, "one")
    assert "events of hooks that were refused: 1" in found(site)["hook-refused"]


def test_a_folder_that_cannot_be_listed_is_a_finding(make_site: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    site = make_site()
    site.write("hot/east/20260921T141230.mp4", b"a", age_s=40)
    site.rest()
    real = os.scandir

    def denied(path: Any) -> Any:
        if str(path).endswith("east"):
            raise PermissionError(13, "Permission denied")  # as root no folder is closed to a test
        return real(path)

    monkeypatch.setattr(os, "scandir", denied)
    assert found(site)["folder-unreadable"].endswith("hot/east: Permission denied")
    monkeypatch.setattr(os, "scandir", real)
    assert "folder-unreadable" not in found(site)
    assert not site.told("disposal")


def test_troubles_are_kept_as_they_are_and_of_many_only_the_number() -> None:
    troubles = Troubles()
    for number in range(3):
        assert troubles.meet("footage-refused", f"{number}\n.mp4", ValueError("no name"))
    assert not troubles.meet("footage-refused", "0\n.mp4", "again")
    troubles.settle("folder-unreadable", {"a": "x", "b": "y"})
    troubles.settle("folder-unreadable", {"b": "y"})
    told = {one.code: one for one in read_troubles(troubles.encode())}
    assert told["footage-refused"][1:] == (3, "0�.mp4", "again")
    assert told["folder-unreadable"][1:] == (1, "b", "y")
    for one in told.values():
        assert one.text
    assert set(TEXTS) >= set(told)


@pytest.mark.parametrize(
    "arguments",
    [
        ["segment-complete"],
        ["segment-complete", "--path", "/etc/passwd"],
        ["segment-deleted", "--path", "hot/a.mp4", "--kind", "foo"],
        ["gap", "--camera", "east", "--reason", "power"],
        [
            "gap",
            "--camera",
            "east",
            "--reason",
            "power",
            "--from",
            "2026-09-21T15:00:00Z",
            "--to",
            "2026-09-21T14:00:00Z",
        ],
        ["cause-begin", "--reason", "foo"],
        ["fault", "--camera", "east", "--kind", "picture", "--state", "foo"],
    ],
)
def test_a_hook_that_says_nonsense_is_told_so_at_once(site_config: Path, arguments: list[str]) -> None:
    done = CliRunner().invoke(hook, ["-c", str(site_config), *arguments])
    assert done.exit_code == 2
    assert not spool.waiting(site_config.parent / "state/spool")


def test_a_path_with_dots_means_what_it_says(site_config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (site_config.parent / "hot/east").mkdir(parents=True)
    monkeypatch.chdir(site_config.parent / "hot/east")
    done = CliRunner().invoke(hook, ["-c", str(site_config), "segment-complete", "--path", "../east/a.mp4"])
    assert done.exit_code == 0
    (event,) = map(spool.read_event, spool.waiting(site_config.parent / "state/spool"))
    assert event["path"] == str(site_config.parent / "hot/east/a.mp4")


@pytest.fixture
def site_config(tmp_path: Path) -> Path:
    path = tmp_path / "agent.toml"
    path.write_text(
        'site = "site-12"\nstate = "state"\n[agent]\nlisten = "127.0.0.1:{port}"\n[ledger]\ntarget = "unix:/nowhere"\n'
        f'log = "example.org/site-12"\nvkeys = ["{VKEY}"]\n[[recorder]]\n[[recorder.storage]]\nname = "hot"\npath = "hot"\n'
    )
    return path


def run_agent(config: Path) -> subprocess.CompletedProcess[str]:
    program = [str(Path(sys.executable).with_name("custody")), "record", "run", "-c", str(config)]
    return subprocess.run(program, capture_output=True, text=True, timeout=60, check=False)


def test_an_address_that_is_taken_and_a_second_agent_are_said_in_words(site_config: Path) -> None:
    from custody.recorder.config import read_config
    from custody.recorder.serving import _alone

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        text = site_config.read_text().replace("{port}", str(taken.getsockname()[1]))
        site_config.write_text(text)
        done = run_agent(site_config)
        assert done.returncode == 2
        assert "[address-unusable]" in done.stderr
    with _alone(read_config(site_config)):
        done = run_agent(site_config)
    assert done.returncode == 2
    assert "[recorder-running]" in done.stderr


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"target": 5}, "texts"),
        ({"log": 7}, "texts"),
        ({"log": "example.org/other"}, "example.org/site-12 only"),
        ({"vkeys": ["junk"]}, "vkeys"),
        ({"submitter": ["x"]}, "texts"),
        ({"colour": "red"}, "needs target"),
    ],
)
def test_a_wrong_ledger_is_refused_at_the_start(change: dict[str, Any], match: str, tmp_path: Path) -> None:
    ledger = {"target": "unix:/nowhere", "log": "example.org/site-12", "vkeys": [VKEY]} | change
    with pytest.raises(CustodyError, match=match):
        Uplink(tmp_path, ledger, tmp_path)


@pytest.mark.parametrize(
    ("recorder", "match"),
    [
        ({"zone": "Mars/Olympus"}, "no time zone 'Mars/Olympus'"),
        ({"configuration_form": "foo"}, "mediamtx, frigate"),
        ({"storage": {"name": "hot", "path": "hot"}}, r"two brackets: \[\[...\]\]"),
    ],
)
def test_a_configuration_is_refused_in_words(recorder: dict[str, Any], match: str) -> None:
    table = {"site": "s", "state": "x", "recorder": [{"storage": [{"name": "hot", "path": "hot"}]} | recorder]}
    with pytest.raises(ConfigError, match=match):
        make_config(table, Path("/nonexistent"))
