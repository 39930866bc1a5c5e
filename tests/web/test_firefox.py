"""verify.html in a second engine: the same verdict, check by check, as the command line and so as Chromium."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import firefox
import pytest
from evidence import CAMERA
from rich_evidence import rich_evidence
from tests.verifier.package.test_rich_tampering import ML_DSA, P256

from custody.cli.main import run
from custody.export.archive import write_zip
from custody.export.package_sign import add_signature
from custody.verifier.web import PAGE

ROWS = """return [...document.querySelectorAll("tr[data-check]")].map((row) => [Number(row.dataset.check), row.dataset.status]);"""


def statuses(report: str) -> list[list[object]]:
    return [[one["number"], one["status"]] for one in json.loads(report)["checks"]]


@pytest.mark.timeout(180)
def test_firefox_says_the_same_of_a_good_and_of_a_bad_package(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Signatures of all three kinds, certificates, time stamps; then a package with footage altered and taken away."""
    if firefox.PROGRAM is None:
        pytest.skip("firefox is not installed")
    (tmp_path / "rich").mkdir()
    with rich_evidence(tmp_path / "rich") as rich:
        for key in (P256, ML_DSA):
            add_signature(rich.package, key)
        bad = tmp_path / "bad"
        shutil.copytree(rich.package, bad)
        first, second = sorted((bad / "data/footage" / CAMERA).iterdir())
        first.write_bytes(first.read_bytes()[:-1] + b"?")
        second.unlink()
        folder = rich.evidence.folder
        vkey, root = tmp_path / "log.vkey", tmp_path / "tsa-root.pem"
        vkey.write_text(f"{rich.evidence.vkey}\n")
        shutil.copy(rich.authority.folder / "ca.pem", root)
    trust = [vkey, root, folder / "exporter.crl", folder / "tsa.crl"]
    options = ["--trust", str(vkey), "--tsa-root", str(root), "--crl", str(trust[2]), "--crl", str(trust[3])]
    with firefox.running(tmp_path) as browser:
        for package, shown in ((rich.package, "✓ Verdict: OK"), (bad, "✗ Verdict: FAILED")):
            packed = tmp_path / f"{package.name}.zip"
            write_zip(package, packed, {})
            capsys.readouterr()
            run(["verify", "package", str(packed), "--json", *options])
            browser.open(PAGE.as_uri())
            browser.click("[data-lang=en]")
            browser.choose("[data-role=zip]", packed)
            browser.choose("[data-role=trust]", *trust)
            browser.click("[data-role=check]:enabled")
            assert browser.text("#h-verdict") == shown
            assert browser.run(ROWS) == statuses(capsys.readouterr().out)
        browser.click("[data-lang=zh]")
        assert browser.text("#h-verdict") == "✗ 结论：发现问题"
