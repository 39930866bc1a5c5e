import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SOURCE_ROOTS: list[str] = PROJECT["tool"]["hatch"]["build"]["dev-mode-dirs"]


@pytest.mark.parametrize("root", SOURCE_ROOTS)
def test_no_root_hides_the_others(root: str) -> None:
    """An `__init__.py` directly in one `custody/` would make it the only portion (PEP 420)."""
    assert (ROOT / root / "custody").is_dir()
    assert not list((ROOT / root / "custody").glob("__init__.*"))


@pytest.mark.parametrize("root", SOURCE_ROOTS)
def test_every_package_is_typed_and_says_what_it_is(root: str) -> None:
    for package in packages(root):
        assert (package / "py.typed").exists(), package
        assert (package / "__init__.py").read_text(encoding="utf-8").startswith('"""'), package


def test_every_root_is_known_to_every_tool() -> None:
    tool = PROJECT["tool"]
    holders = {path.parent.name for path in ROOT.glob("*/custody")}
    assert holders == set(SOURCE_ROOTS)
    assert {f"{root}/custody" for root in SOURCE_ROOTS} == set(tool["hatch"]["build"]["targets"]["wheel"]["packages"])
    assert {f"{root}/custody" for root in SOURCE_ROOTS} <= set(tool["mypy"]["files"])
    assert {f"$MYPY_CONFIG_FILE_DIR/{root}" for root in SOURCE_ROOTS} <= set(tool["mypy"]["mypy_path"])
    assert set(SOURCE_ROOTS) == set(tool["ruff"]["src"])


def test_the_wheel_holds_every_package(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert "custody/__init__.py" not in names
    for root in SOURCE_ROOTS:
        for package in packages(root):
            assert f"custody/{package.name}/__init__.py" in names
    assert "custody/v1/record_pb2.py" in names
    assert "custody/verifier/web/verify.html" in names
    assert not [name for name in names if name.endswith((".ts", ".mjs"))]
    assert not [name for name in names if name.startswith(("tests/", "proto/"))]


def test_readme_names_only_targets_that_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = set(re.findall(r"^(?: {4}|\$ )?make ([a-z-]+)", readme, flags=re.MULTILINE))
    assert {"demo", "test"} <= commands
    assert commands <= targets


def test_ci_runs_the_readme_test_command() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    assert re.search(r"^make test$", script.read_text(encoding="utf-8"), flags=re.MULTILINE)


def packages(root: str) -> list[Path]:
    return [path.parent for path in (ROOT / root / "custody").glob("*/__init__.py")]
