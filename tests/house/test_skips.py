import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

SKIPS = """
import pytest

def test_skips_itself():
    pytest.skip("no such server")

@pytest.mark.xfail(reason="known", strict=True)
def test_is_known_to_fail():
    raise AssertionError
"""


def run_pytest(folder: Path, *, require_all: str) -> subprocess.CompletedProcess[str]:
    shutil.copy(ROOT / "tests" / "conftest.py", folder)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", str(folder), str(folder)],
        capture_output=True,
        text=True,
        env={"CUSTODY_REQUIRE_ALL": require_all},
        cwd=folder,
        check=False,
    )


def test_a_skip_is_listed_loudly(tmp_path: Path) -> None:
    (tmp_path / "test_some.py").write_text(SKIPS)
    done = run_pytest(tmp_path, require_all="")
    assert done.returncode == 0, done.stdout
    assert "NOT CHECKED: 1 skipped" in done.stdout
    assert "test_skips_itself: no such server" in done.stdout


@pytest.mark.parametrize("source", [SKIPS, "import pytest\npytest.importorskip('no_such_library')\n"])
def test_where_all_must_run_a_skip_fails(tmp_path: Path, source: str) -> None:
    (tmp_path / "test_some.py").write_text(source)
    done = run_pytest(tmp_path, require_all="1")
    assert done.returncode != 0
    assert "CUSTODY_REQUIRE_ALL" in done.stdout
