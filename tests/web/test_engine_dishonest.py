"""Packages of an exporter who lies, and checkpoints that a reader remembers: the browser says what Python says."""

from __future__ import annotations

from pathlib import Path

import pytest
from engine_page import Engine
from evidence import ledger_with_story
from forgery import forged_log_key
from tests.verifier.package.test_dishonest_exporter import (
    CUTS,
    YEAR_US,
    camera_told,
    cut_off,
    dated_back,
    export,
    registered,
    revoked,
    tell,
    withholding,
)
from tests.verifier.package.test_package import signed
from tests.web.test_engine_tampering import codes, pack

from custody.core.checkpoint import parse_checkpoint
from custody.core.note import VerifierKey
from custody.verifier.package.checkpoint_check import LogTrust, open_held
from custody.verifier.package.output import package_json
from custody.verifier.package.run import PackagePlan, verify_package
from custody.verifier.progress import progress_bar


def test_both_verifiers_see_through_a_dishonest_exporter(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "ledger").mkdir()
    packages: dict[str, Path] = {}
    with ledger_with_story(tmp_path / "ledger") as evidence:
        for camera, story, cut in CUTS:
            stream = camera_told(evidence, camera, story)
            packages[f"{camera}-honest"] = export(evidence, tmp_path / f"{camera}-honest", stream)
            with monkeypatch.context() as lying:
                cut_off(lying, stream, cut)
                packages[camera] = export(evidence, tmp_path / camera, stream)
        with monkeypatch.context() as lying:
            withholding(lying)
            packages["withheld"] = export(evidence, tmp_path / "withheld")
        packages["honest"] = export(evidence, tmp_path / "honest")
        tell(evidence, [revoked(1)])
        with monkeypatch.context() as lying:
            dated_back(lying, 2 * YEAR_US)
            packages["revoked"] = export(evidence, tmp_path / "revoked")
        tell(evidence, [registered(evidence, "exporter-2")])
        packages["under another id"] = export(evidence, tmp_path / "again")
    zips = {name: tmp_path / f"{name}.zip" for name in packages}
    for name, package in packages.items():
        pack(package, zips[name])
    plan = PackagePlan(trust=LogTrust(keys=[VerifierKey.parse(evidence.vkey)]))
    python = {name: package_json(verify_package(path, plan, progress_bar)) for name, path in zips.items()}
    browser = dict(zip(zips, engine.verify(list(zips.values()), keys=evidence.vkey), strict=True))
    assert {name: codes(browser[name]) for name in zips} == {name: codes(python[name]) for name in zips}
    assert {name for name in zips if browser[name]["verdict"] == "fine"} == {
        "honest", *(f"{camera}-honest" for camera, _, _ in CUTS)
    }  # fmt: skip

    newest = parse_checkpoint((packages["honest"] / "data/log/checkpoint").read_bytes()).checkpoint
    earlier = parse_checkpoint(evidence.earlier.read_bytes()).checkpoint
    keys = [VerifierKey.parse(evidence.vkey), forged_log_key(newest.origin).vkey]
    trust = LogTrust(keys=keys)
    for size, root in (
        (newest.size, newest.root), (newest.size, bytes(32)), (newest.size + 9, bytes(32)),
        (earlier.size, earlier.root), (earlier.size, bytes(32)), (earlier.size + 1, bytes(32)),
    ):  # fmt: skip
        note = signed(evidence, size, root)
        plan = PackagePlan(trust=trust, since=open_held(note, trust))
        told = package_json(verify_package(zips["honest"], plan, progress_bar))
        (seen,) = engine.verify([zips["honest"]], keys="\n".join(one.encode() for one in keys), since=note.decode())
        assert (seen["verdict"], codes(seen), seen["not_checked"], seen["optional"]) == (
            told["verdict"], codes(told), told["not_checked"], told["optional"],
        )  # fmt: skip
    (refused,) = engine.verify([zips["honest"]], keys=evidence.vkey, since=signed(evidence, 1, bytes(32)).decode())
    assert set(refused) == {"error"}
