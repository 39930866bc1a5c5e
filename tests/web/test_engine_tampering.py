"""The tampering table runs through both verifiers: each falsified package, as a zip, ends in the browser as in Python."""

from __future__ import annotations

import shutil
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.x509 import load_pem_x509_certificates
from engine_page import Engine
from evidence import Evidence, exported
from forgery import Bag
from rich_evidence import Rich, rich_evidence
from tests.verifier.package.test_rich_tampering import RICH_ROWS
from tests.verifier.package.test_tampering import ROWS

from custody.core.note import VerifierKey
from custody.verifier.package.certificate import CertificateTrust, read_crl
from custody.verifier.package.checkpoint_check import LogTrust
from custody.verifier.package.layout import TOP
from custody.verifier.package.output import package_json
from custody.verifier.package.run import PackagePlan, verify_package
from custody.verifier.progress import progress_bar

Row = tuple[str, Any, int, str]


@dataclass(frozen=True, kw_only=True)
class Verdicts:
    """The reports of both verifiers by the name of the row; `good` is the package as it was exported."""

    python: dict[str, dict[str, Any]]
    browser: dict[str, dict[str, Any]]


def pack(folder: Path, target: Path) -> None:
    """A zip as the exporter writes it, but of whatever lies there; a link goes in as a link."""
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(folder.rglob("*")):
            info = zipfile.ZipInfo(f"{TOP}/{path.relative_to(folder).as_posix()}")
            info.create_system = 3
            if path.is_symlink():
                info.external_attr = (stat.S_IFLNK | 0o777) << 16
                archive.writestr(info, str(path.readlink()))
            elif path.is_file():
                info.external_attr = (stat.S_IFREG | 0o644) << 16
                archive.writestr(info, path.read_bytes())


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evidence]:
    with exported(tmp_path_factory.mktemp("evidence")) as made:
        yield made


def falsify(package: Path, rows: list[Row], folder: Path) -> dict[str, Path]:
    """Every row's package as a zip, and the good one."""
    made: dict[str, Path] = {"good": folder / "good.zip"}
    pack(package, made["good"])
    for name, act, _, after in rows:
        bag = Bag(folder / "bag")
        shutil.copytree(package, bag.folder)
        act(bag)
        if after:
            bag.rehash()
        if after == "sign":
            bag.sign()
        made[name] = folder / f"{name}.zip"
        pack(bag.folder, made[name])
        shutil.rmtree(bag.folder)
    return made


@pytest.fixture(scope="module")
def falsified(evidence: Evidence, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return falsify(evidence.package, ROWS, tmp_path_factory.mktemp("falsified"))


@pytest.fixture(scope="module")
def verdicts(evidence: Evidence, falsified: dict[str, Path], engine: Engine) -> Verdicts:
    plan = PackagePlan(trust=LogTrust(keys=[VerifierKey.parse(evidence.vkey)]))
    python = {name: package_json(verify_package(path, plan, progress_bar)) for name, path in falsified.items()}
    browser = engine.verify(list(falsified.values()), keys=evidence.vkey)
    return Verdicts(python=python, browser=dict(zip(falsified, browser, strict=True)))


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rich]:
    with rich_evidence(tmp_path_factory.mktemp("rich")) as made:
        yield made


@pytest.fixture(scope="module")
def rich_verdicts(rich: Rich, engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Verdicts:
    """With roots, authorities and revocation lists given to both."""
    falsified = falsify(rich.package, RICH_ROWS, tmp_path_factory.mktemp("rich-falsified"))
    roots = rich.authority.folder / "ca.pem"
    authorities, lists = (rich.evidence.folder / name for name in ("exporter-ca.pem", "exporter.crl"))
    plan = PackagePlan(
        trust=LogTrust(keys=[VerifierKey.parse(rich.evidence.vkey)]),
        certified=CertificateTrust(
            authorities=load_pem_x509_certificates(authorities.read_bytes()), lists=[read_crl(lists.read_bytes())]
        ),
        tsa_roots=load_pem_x509_certificates(roots.read_bytes()),
    )
    python = {name: package_json(verify_package(path, plan, progress_bar)) for name, path in falsified.items()}
    browser = engine.verify(
        list(falsified.values()), keys=rich.evidence.vkey, tsaRoots=roots.read_text(),
        exporterAuthorities=authorities.read_text(), revocationLists=lists.read_text(),
    )  # fmt: skip
    return Verdicts(python=python, browser=dict(zip(falsified, browser, strict=True)))


def failing(report: dict[str, Any]) -> list[int]:
    return [one["number"] for one in report["checks"] if one["status"] == "findings"]


def named(rows: list[Row]) -> Any:
    return pytest.mark.parametrize(("name", "check"), [(row[0], row[2]) for row in rows], ids=[row[0] for row in rows])


@named(ROWS)
def test_both_verifiers_catch_it_by_the_same_checks(verdicts: Verdicts, name: str, check: int) -> None:
    compare(verdicts, name, check)


@named(RICH_ROWS)
def test_both_catch_it_in_a_package_with_everything(rich_verdicts: Verdicts, name: str, check: int) -> None:
    compare(rich_verdicts, name, check)


def compare(verdicts: Verdicts, name: str, check: int) -> None:
    python, browser = verdicts.python[name], verdicts.browser[name]
    assert browser["verdict"] == "findings"
    assert check in failing(browser)
    if name not in CUT:
        assert failing(browser) == failing(python)
        assert codes(browser) == codes(python)


CUT = {"entries-cut"}
"""How much of a file that breaks off is looked at before the break is each one's own matter."""


def codes(report: dict[str, Any]) -> set[tuple[int, str]]:
    return {(one["check"], one["code"]) for one in report["findings"]}


def test_the_good_package_gets_the_same_report(verdicts: Verdicts) -> None:
    same_report(verdicts)
    (line,) = verdicts.browser["good"]["timeline"]["streams"]
    assert [one["state"] for one in line["segments"] if one["path"]] == ["good"] * verdicts.python["good"]["files"]
    assert {"access", "package_exported", "stream_registered"} <= {one["kind"] for one in line["events"]}


def test_a_package_with_everything_gets_the_same_report(rich_verdicts: Verdicts) -> None:
    """Signatures of time stamps and certificates, revocation, early stamps and redacted copies are checked here too."""
    same_report(rich_verdicts)
    report = rich_verdicts.browser["good"]
    assert report["not_checked"] == [14, 15]
    assert report["recorded_before"]


def same_report(verdicts: Verdicts) -> None:
    python, browser = verdicts.python["good"], dict(verdicts.browser["good"])
    assert (browser["verdict"], browser["findings"]) == ("fine", [])
    browser["package"], browser["checks"] = python["package"], [plain(one) for one in browser["checks"]]
    assert {name: browser[name] for name in python} == python


def plain(check: dict[str, Any]) -> dict[str, Any]:
    """Without what only the browser tells."""
    return {name: value for name, value in check.items() if name != "reason_code"}


def test_a_folder_gets_the_verdict_of_its_zip(evidence: Evidence, engine: Engine, verdicts: Verdicts) -> None:
    report = engine.verify_folder(evidence.package, keys=evidence.vkey)
    assert report["verdict"] == "fine"
    assert report["checks"] == verdicts.browser["good"]["checks"]


def test_keys_from_the_package_are_no_better_than_not_checked(falsified: dict[str, Path], engine: Engine) -> None:
    (report,) = engine.verify([falsified["good"]])
    assert (report["verdict"], report["trust"]) == ("not-checked", "package")
    assert 3 in report["not_checked"]


def test_trust_that_cannot_be_read_is_no_verdict(falsified: dict[str, Path], engine: Engine) -> None:
    for trust in ({"keys": "nonsense"}, {"policy": "log\n"}, {"exporterKeys": "x"}, {"tsaRoots": "x"}):
        (found,) = engine.verify([falsified["good"]], **trust)
        assert set(found) == {"error"}
