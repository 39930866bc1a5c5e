"""`custody demo` as a newcomer runs it, in both languages: everything fine, and five falsifications caught by name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CUSTODY = str(Path(sys.executable).with_name("custody"))
CAUGHT = {"en": ": caught", "zh": "：已发现"}
MISSED = {"en": "NOT CAUGHT", "zh": "未发现\n"}
CODES = ("segment-altered", "segment-missing", "tile-mismatch", "root-mismatch", "rollback")


@pytest.mark.slow
@pytest.mark.timeout(170)
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_demo_shows_what_it_should(tmp_path: Path, lang: str) -> None:
    home = tmp_path / "home"
    home.mkdir()
    done = subprocess.run(
        [CUSTODY, "demo", "--lang", lang, "--folder", str(tmp_path / "demo")],
        check=False,
        capture_output=True,
        text=True,
        timeout=160,
        env={**os.environ, "HOME": str(home)},
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert done.stdout.count(CAUGHT[lang]) == len(CODES)
    assert MISSED[lang] not in done.stdout
    steps = iter(done.stdout.splitlines())
    for code in CODES:  # each of its own falsification, in this order
        assert any(line.endswith(f"[{code}]") for line in steps), code
    assert (tmp_path / "demo" / "ledger.db").exists()
    assert not list(home.iterdir())  # nothing is left outside the folder
