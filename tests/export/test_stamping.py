"""Time stamps from a real authority: `openssl ts -reply` behind a small HTTP server on this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from evidence import Evidence
from tsa import Authority, serving, stranger_verifies

from custody.cli.main import run
from custody.core.errors import CustodyError
from custody.core.timestamp import read_token
from custody.timestamping.authorities import ATTEMPTS, Stamper, StampingError


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Authority, str]]:
    made = Authority(tmp_path_factory.mktemp("tsa"))
    with serving(made) as url:
        yield made, url


def test_a_stamped_package_is_fine_under_the_pinned_root(
    evidence: Evidence, authority: tuple[Authority, str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    tsa, url = authority
    out = evidence.folder / "stamped"
    assert run([*evidence.arguments(out), "--tsa", url, "--tsa", url]) == 0
    assert len(list((out / "timestamps").iterdir())) == len(list((out / "data/timestamps").iterdir())) == 2
    for number in (1, 2):
        stranger_verifies(tsa, out / f"data/timestamps/checkpoint-{number}.tsr", out / "data/log/checkpoint")
        stranger_verifies(tsa, out / f"timestamps/manifest-{number}.tsr", out / "manifest-sha256.txt")
    command = ["verify", "package", str(out), "--key", evidence.vkey, "--json"]
    capsys.readouterr()
    assert run([*command, "--tsa-root", str(tsa.folder / "ca.pem")]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["not_checked"] == [14, 15]
    assert len(report["time_stamps"]) == 4
    assert run(command) == 0
    assert json.loads(capsys.readouterr().out)["not_checked"] == [13, 14, 15]
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    other = Authority(stranger)
    assert run([*command, "--tsa-root", str(other.folder / "ca.pem")]) == 1
    found = json.loads(capsys.readouterr().out)["findings"]
    assert {(one["check"], one["code"]) for one in found} == {(13, "timestamp-signature")}
    (out / "timestamps/manifest-1.tsr").write_bytes((out / "data/timestamps/checkpoint-1.tsr").read_bytes())
    assert run(command) == 1
    assert [one["code"] for one in json.loads(capsys.readouterr().out)["findings"]] == ["timestamp-other"]


def test_an_authority_that_fails_is_asked_again(authority: tuple[Authority, str]) -> None:
    tsa, url = authority
    waits: list[float] = []
    tsa.refusals = ATTEMPTS - 1
    (token,) = Stamper([url], wait=waits.append)(b"data")
    read_token(token).check_data(b"data")
    assert len(waits) == ATTEMPTS - 1
    tsa.refusals, tsa.asked = ATTEMPTS, 0
    with pytest.raises(StampingError) as caught:
        Stamper([url], wait=waits.append)(b"data")
    assert (caught.value.code, tsa.asked) == ("tsa-failed", ATTEMPTS)


def test_an_old_answer_is_not_taken_for_a_new_one(authority: tuple[Authority, str]) -> None:
    tsa, url = authority
    (tsa.stale,) = Stamper([url])(b"data")
    try:
        for data in (b"data", b"other"):
            with pytest.raises(StampingError) as caught:
                Stamper([url], wait=lambda _: None)(data)
            assert caught.value.code == "tsa-failed"
    finally:
        tsa.stale = None


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x/", "x"])
def test_an_address_is_http(url: str) -> None:
    with pytest.raises(StampingError) as caught:
        Stamper([url])
    assert caught.value.code == "tsa-address"


def test_garbage_is_no_token(authority: tuple[Authority, str]) -> None:
    _, url = authority
    (good,) = Stamper([url])(b"data")
    for at in range(0, len(good), 37):
        for bad in (good[:at], good[:at] + bytes([good[at] ^ 0x20]) + good[at + 1 :]):
            with suppress(CustodyError):  # anything else fails the test
                read_token(bad).verify(b"data", [])
