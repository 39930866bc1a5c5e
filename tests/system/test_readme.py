"""The README's first twenty minutes, as they stand there: every command and the Python, in a fresh folder."""

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"
SECTION = re.compile(r"## Twenty minutes.*?(?=\n## )", re.DOTALL)


def section() -> str:
    found = SECTION.search(README.read_text(encoding="utf-8"))
    assert found
    return found[0]


def commands() -> list[str]:
    without_python = re.sub(r" {3}```python.*? {3}```", "", section(), flags=re.DOTALL)
    return re.findall(r"^ {7}(\S.*)$", without_python, re.MULTILINE)


def python_block() -> str:
    found = re.search(r" {3}```python\n(.*?) {3}```", section(), re.DOTALL)
    assert found
    return textwrap.dedent(found[1])


@pytest.fixture
def shell(tmp_path: Path) -> dict[str, str]:
    # The sockets are relative paths, so that the length of the temporary folder's name does not matter.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PWD": str(tmp_path)}


def run(command: str, folder: Path, shell: dict[str, str]) -> None:
    subprocess.run(["bash", "-ec", f"umask 077; {command}"], cwd=folder, env=shell, check=True, timeout=60)


def start(command: str, folder: Path, shell: dict[str, str]) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        ["bash", "-ec", f"exec {command}"], cwd=folder, env=shell, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert " ready " in process.stdout.readline()
    return process


def test_the_first_record_goes_in_and_is_checked(tmp_path: Path, shell: dict[str, str]) -> None:
    clip = tmp_path / "footage/site-12/cam-01/seg_000.mp4"
    clip.parent.mkdir(parents=True)
    clip.write_bytes(os.urandom(100_000))
    serving: list[subprocess.Popen[str]] = []
    lines = commands()
    assert [line.split()[1] for line in lines if line.startswith("custody")] == [
        *("signer", "signer", "log", "serve", "verify", "verify"),
    ]
    try:
        for line in lines:
            if line.startswith("custody verify"):
                break
            if " serve " in line:
                serving.append(start(line, tmp_path, shell))
            else:
                run(line, tmp_path, shell)
        told = subprocess.run(
            [sys.executable, "-c", python_block()], cwd=tmp_path, check=True, capture_output=True, text=True, timeout=60
        )
        assert told.stdout == "leaf 0 under a tree of 1\n"
        for line in lines:
            if line.startswith("custody verify"):
                run(line, tmp_path, shell)
        assert (tmp_path / "my-last-checkpoint").read_text().startswith("example.org/site-12\n1\n")
    finally:
        for process in reversed(serving):
            process.terminate()
            process.communicate(timeout=30)
