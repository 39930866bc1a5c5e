"""The tampering table runs through both verifiers: each falsified package, as a zip, ends in the browser as in Python."""

from __future__ import annotations

import shutil
import stat
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

from cryptography.x509 import load_pem_x509_certificates
from engine_page import Engine
from evidence import exported
from forgery import Bag
from rich_evidence import rich_evidence
from tests.verifier.package.test_rich_tampering import ML_DSA, P256, RICH_ROWS
from tests.verifier.package.test_tampering import ROWS

from custody.core.note import VerifierKey
from custody.export.package_sign import add_signature
from custody.verifier.package.certificate import CertificateTrust, read_crl
from custody.verifier.package.checkpoint_check import LogTrust
from custody.verifier.package.layout import TOP
from custody.verifier.package.output import package_json
from custody.verifier.package.run import PackagePlan, verify_package
from custody.verifier.progress import progress_bar

Row = tuple[str, Any, int, str]
Report = dict[str, Any]


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


def falsify(package: Path, rows: list[Row], folder: Path) -> dict[str, Path]:
    """Every row's package as a zip, and the good one."""
    folder.mkdir()
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


def failing(report: Report) -> list[int]:
    return [one["number"] for one in report["checks"] if one["status"] == "findings"]


def codes(report: Report) -> set[tuple[int, str]]:
    return {(one["check"], one["code"]) for one in report["findings"]}


def uncaught(rows: list[Row], reports: dict[str, Report]) -> dict[str, list[int]]:
    """Rows whose check finds nothing, with those that do."""
    return {row[0]: failing(reports[row[0]]) for row in rows if row[2] not in failing(reports[row[0]])}


def assert_same(python: Report, browser: Report) -> None:
    """Word for word, but for what only the browser tells."""
    assert (browser["verdict"], browser["findings"]) == ("fine", [])
    plain = [{name: value for name, value in one.items() if name != "reason_code"} for one in browser["checks"]]
    assert {name: browser[name] for name in python} == {**python, "package": browser["package"]} | {
        "checks": browser["checks"]
    }
    assert plain == python["checks"]


CUT = {"entries-cut"}
"""How much of a file that breaks off is looked at before the break is each one's own matter."""


# One test for each package, not one for each row: a worker process of pytest then makes it once.


def test_both_verifiers_catch_every_falsification_by_the_same_checks(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "evidence").mkdir()
    with exported(tmp_path / "evidence") as evidence:
        falsified = falsify(evidence.package, ROWS, tmp_path / "falsified")
        folder = engine.verify_folder(evidence.package, keys=evidence.vkey)
    plan = PackagePlan(trust=LogTrust(keys=[VerifierKey.parse(evidence.vkey)]))
    python = {name: package_json(verify_package(path, plan, progress_bar)) for name, path in falsified.items()}
    browser = dict(zip(falsified, engine.verify(list(falsified.values()), keys=evidence.vkey), strict=True))
    assert uncaught(ROWS, browser) == {}
    same = [name for name in falsified if name not in CUT]
    assert {name: failing(browser[name]) for name in same} == {name: failing(python[name]) for name in same}
    assert {name: codes(browser[name]) for name in same} == {name: codes(python[name]) for name in same}
    good = browser["good"]
    assert_same(python["good"], good)
    (line,) = good["timeline"]["streams"]
    assert [one["state"] for one in line["segments"] if one["path"]] == ["good"] * good["files"]
    assert {"access", "package_exported", "stream_registered"} <= {one["kind"] for one in line["events"]}
    assert (folder["verdict"], folder["checks"]) == ("fine", good["checks"])
    check_trust(engine, falsified["good"])


def check_trust(engine: Engine, good: Path) -> None:
    """Keys from the package itself are no better than not checked; trust that cannot be read is no verdict at all."""
    (weak,) = engine.verify([good])
    assert (weak["verdict"], weak["trust"]) == ("not-checked", "package")
    assert 3 in weak["not_checked"]
    for trust in ({"keys": "nonsense"}, {"policy": "log\n"}, {"exporterKeys": "x"}, {"tsaRoots": "x"}):
        (found,) = engine.verify([good], **trust)
        assert set(found) == {"error"}


def test_a_package_with_everything_is_checked_in_the_browser_too(engine: Engine, tmp_path: Path) -> None:
    """Signatures of time stamps, certificates and their revocation, early stamps, redacted copies, second signatures.

    That Python catches these rows is what `test_rich_tampering` shows.
    """
    (tmp_path / "rich").mkdir()
    with rich_evidence(tmp_path / "rich") as rich:
        falsified = falsify(rich.package, RICH_ROWS, tmp_path / "falsified")
        for key in (P256, ML_DSA):
            add_signature(falsified["good"], key)
        revoked = rich.authority.revocations(revoked=rich.authority.begun - timedelta(days=1))
    roots = rich.authority.folder / "ca.pem"
    authorities, *lists = (rich.evidence.folder / name for name in ("exporter-ca.pem", "exporter.crl", "tsa.crl"))
    plan = PackagePlan(
        trust=LogTrust(keys=[VerifierKey.parse(rich.evidence.vkey)]),
        certified=CertificateTrust(
            authorities=load_pem_x509_certificates(authorities.read_bytes()),
            lists=[read_crl(one.read_bytes()) for one in lists],
        ),
        tsa_roots=load_pem_x509_certificates(roots.read_bytes()),
    )
    trust = {
        "keys": rich.evidence.vkey, "tsaRoots": roots.read_text(), "exporterAuthorities": authorities.read_text(),
    }  # fmt: skip
    told = "".join(one.read_text() for one in lists)
    reports = engine.verify(list(falsified.values()), **trust, revocationLists=told)
    browser = dict(zip(falsified, reports, strict=True))
    assert uncaught(RICH_ROWS, browser) == {}
    assert_same(package_json(verify_package(falsified["good"], plan, progress_bar)), browser["good"])
    assert browser["good"]["not_checked"] == [14]
    assert len(browser["good"]["signers"]) == 3
    assert browser["good"]["recorded_before"]
    (unlooked,) = engine.verify([falsified["good"]], **trust)
    assert (unlooked["verdict"], unlooked["limits"]) == ("fine", ["exporter-revocation", "timestamp-revocation"])
    (late,) = engine.verify([falsified["good"]], **trust, revocationLists=told + revoked.decode())
    assert codes(late) == {(13, "timestamp-revoked")}
