"""The compiled part comes with the wheel where there is a compiler, and is simply missing where there is none."""

import ctypes
import os
import platform
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
NAME = "custody/recorder/onepass/onepass.so"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy, for the build writes beside the sources, where other tests have the library loaded."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    for name in ("proto", "ledger", "signer", "verifier", "clients"):
        shutil.copytree(
            ROOT / name, folder / name, ignore=shutil.ignore_patterns("node_modules", "__pycache__", "*.so")
        )
    return folder


def build(checkout: Path, compiler: str | None) -> tuple[Path, str]:
    """The wheel, and what the build said."""
    environment = {key: value for key, value in os.environ.items() if key != "CC"}
    if compiler is not None:
        environment["CC"] = compiler
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(checkout / "dist")]
    done = subprocess.run(command, cwd=checkout, env=environment, check=True, capture_output=True, text=True)
    (wheel,) = (checkout / "dist").glob("*.whl")
    return wheel, done.stdout + done.stderr


@pytest.mark.skipif(shutil.which("cc") is None or platform.machine() != "x86_64", reason="no C compiler for x86-64")
def test_a_wheel_with_the_compiled_part_is_for_its_platform(checkout: Path, tmp_path: Path) -> None:
    wheel, _ = build(checkout, None)
    assert wheel.name.endswith("-py3-none-linux_x86_64.whl")
    library = ctypes.CDLL(zipfile.ZipFile(wheel).extract(NAME, tmp_path))
    assert library.onepass_version() == 1


def test_without_a_compiler_the_wheel_is_pure_and_the_build_says_so(checkout: Path) -> None:
    wheel, said = build(checkout, "no-such-compiler")
    assert wheel.name.endswith("-py3-none-any.whl")
    assert NAME not in zipfile.ZipFile(wheel).namelist()
    assert "media roots cost more: no C compiler" in said


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the compiled part is for x86-64")
def test_a_compiler_that_fails_leaves_nothing_of_before(checkout: Path) -> None:
    old = checkout / "clients" / NAME
    old.write_bytes(b"of other sources")
    wheel, said = build(checkout, "false")
    assert wheel.name.endswith("-py3-none-any.whl")
    assert NAME not in zipfile.ZipFile(wheel).namelist()
    assert not old.exists()
    assert "media roots cost more" in said
