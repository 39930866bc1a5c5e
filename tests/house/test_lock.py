import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PINS = dict(re.findall(r"^([a-z0-9-]+)==([^\s;]+)", LOCK, flags=re.MULTILINE))


def normal(requirement: str) -> str:
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name is not None
    return re.sub(r"[._]+", "-", name[0]).lower()


def test_all_grpcio_packages_agree() -> None:
    versions = {name: version for name, version in PINS.items() if name.startswith("grpcio")}
    assert "grpcio" in versions
    assert "grpcio-tools" in versions
    assert len(set(versions.values())) == 1, versions


def test_protobuf_runs_the_generated_code() -> None:
    major, minor = (int(part) for part in PINS["protobuf"].split(".")[:2])
    assert (6, 31) <= (major, minor) < (8, 0)


def test_everything_that_the_set_up_needs_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [
        *project["build-system"]["requires"],
        *project["project"]["dependencies"],
        *project["dependency-groups"]["dev"],
    ]
    for extra in ("client", "ledger", "recorder", "demo"):
        wanted += project["project"]["optional-dependencies"][extra]
    missing = {normal(requirement) for requirement in wanted} - {"evidence-ledger"} - PINS.keys()
    assert not missing, "run `make lock`"


def test_every_pin_has_hashes() -> None:
    blocks = re.split(r"^(?=[a-z0-9])", LOCK, flags=re.MULTILINE)
    assert all("--hash=sha256:" in block for block in blocks if "==" in block)


def test_names_no_registry() -> None:
    assert "://" not in LOCK
    assert "index" not in LOCK
