"""The committed verify.html is the build of the sources beside it."""

import json
import re
import shutil
import subprocess
import tomllib
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest

from custody.verifier.web import FOLDER, read_page, sources_digest

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_was_built_from_these_sources() -> None:
    found = re.search(rb'<meta name="custody-sources" content="([0-9a-f]{64})">', read_page())
    assert found is not None
    assert found[1].decode() == sources_digest(), (
        "sources of the web verifier changed: make web, and commit verify.html"
    )


def test_its_policy_allows_its_own_script_and_style_and_nothing_else() -> None:
    page = read_page().decode()
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    (script,) = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    (style,) = re.findall(r"<style>(.*?)</style>", page, flags=re.DOTALL)
    hashes = [b64encode(sha256(text.encode()).digest()).decode() for text in (script, style)]
    assert policy[1].split("; ") == [
        "default-src 'none'",
        f"script-src 'sha256-{hashes[0]}' 'wasm-unsafe-eval'",
        "worker-src blob:",
        "media-src blob:",
        "img-src data: blob:",
        f"style-src 'sha256-{hashes[1]}'",
        "connect-src 'none'",
        "form-action 'none'",
        "base-uri 'none'",
    ]
    assert not re.search(r"<[a-z]+[^>]*\s(on[a-z]+|style|src|href)=", page.partition("<script>")[0])


def test_nothing_in_the_sources_parses_markup_or_speaks_to_a_network() -> None:
    forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser|fetch\(|XMLHttp|WebSocket"
    for path in [*(FOLDER / "page").rglob("*.ts"), *(FOLDER / "engine").rglob("*.ts")]:
        assert not re.search(forbidden, path.read_text(encoding="utf-8")), path


def test_versions_agree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    package = json.loads((FOLDER / "package.json").read_text(encoding="utf-8"))
    assert package["version"] == project["project"]["version"]
    assert "resolved" not in (FOLDER / "package-lock.json").read_text(encoding="utf-8"), "the lock names no registry"


def test_the_build_gives_the_same_bytes_again(tmp_path: Path) -> None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node and npm are not installed")
    shutil.copytree(FOLDER, tmp_path / "web", ignore=shutil.ignore_patterns("node_modules", "verify.html", "*.py"))
    install = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent", "--prefer-offline"]
    subprocess.run(install, cwd=tmp_path / "web", check=True, capture_output=True, timeout=100)
    subprocess.run(
        [npm, "run", "--silent", "types"], cwd=tmp_path / "web", check=True, capture_output=True, timeout=100
    )
    subprocess.run([node, "build.mjs", str(tmp_path / "page.html")], cwd=tmp_path / "web", check=True)
    assert (tmp_path / "page.html").read_bytes() == read_page()
