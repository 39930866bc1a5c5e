"""The access register and the retention table of the page, without a browser."""

import re
from pathlib import Path

import pytest
from tests.rules.simulator import DAY, HOUR, STREAM, digest, document, person
from tests.verifier.audit.conftest import Audit, Told

from custody.cli.main import run
from custody.v1 import record_pb2 as pb


@pytest.fixture
def page(told: Told, tmp_path: Path) -> str:
    world = told.world
    world.lawful("bj185", "cn799")
    world.tell(
        retention_policy=pb.RetentionPolicy(
            streams=[STREAM], minimum_us=45 * DAY, maximum_us=90 * DAY, effective_from_us=world.now, basis="contract 7"
        )
    )
    world.tell(recorder_configuration=pb.RecorderConfiguration(streams=[STREAM], retention_us=60 * DAY))
    world.request()
    world.refuse(reason="one_officer_only")
    world.grant(authorisation=document("approval", "P-1"))
    world.access(observed=True, consent=True, copies_sha256=[digest("copy")], recipient="Court", duration_us=HOUR)
    world.tell(
        publication=pb.Publication(
            streams=[STREAM], published_sha256=digest("film"), medium="web", approval=document("approval", "P-2")
        )
    )
    world.tell(
        disclosure_access=pb.DisclosureAccess(
            streams=[STREAM], opened_commitments=[digest("x")], act=pb.DISCLOSURE_ACT_ERASED, basis="PIPL 47",
            by=person("clerk", "Registry"),
        )
    )  # fmt: skip
    world.tell(
        package_exported=pb.PackageExported(
            spans=[pb.Span(stream=STREAM, from_us=day * DAY, to_us=day * DAY + HOUR) for day in range(1, 7)],
            manifest_sha256=digest("m"), recipient="Procuratorate", by=person("exporter"),
        )
    )  # fmt: skip
    told.write()
    target = tmp_path / "page.html"
    run(["audit", str(told.log.path), "--key", told.key, "--html", str(target)])
    return target.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "text",
    [
        "仅一人到场", "one officer only", "approval P-1 Issuer", "由系统观察记录", "consent was had", "接收方 Court",
        "files given out: 1", "01:00:00", "未采取保护措施", "in web", "personal data opened", "依据：PIPL 47", "Registry #",
        "evidence exported", "given to Procuratorate", "+2", "保存规定：45 日 contract 7", "批准文件 P-2",
    ],
)  # fmt: skip
def test_the_register_tells(page: str, text: str) -> None:
    assert text in page


def test_retention_is_the_longest_basis(page: str) -> None:
    row = re.search(r'<table class="retention">.*?<tbody>(.*?)</tbody>', page, re.DOTALL)
    assert row is not None
    cells = re.findall(r'<td class="number">(.*?)</td>', row[1])
    assert cells[:3] == ["45", "90", "60"]


def test_no_name_of_a_person_is_there(page: str) -> None:
    assert "exporter" not in page
    assert digest("exporter").hex()[:8] in page


def test_processes_tell_the_same_as_one(
    told: Told, audit: Audit, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told.world.lawful("bj185")
    told.world.record(days=15, length=HOUR)
    told.world.access(officers=[])
    told.write()
    alone = audit(told.log.path, "--key", told.key)[1]
    monkeypatch.setattr("custody.verifier.audit_run.WORTH_SHARING", 1)
    import json

    capsys.readouterr()
    run(["audit", str(told.log.path), "--key", told.key, "--workers", "2", "--json"])
    shared = json.loads(capsys.readouterr().out)
    assert {**shared, "audited_us": 0} == {**alone, "audited_us": 0}
