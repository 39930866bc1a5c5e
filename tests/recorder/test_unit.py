"""The systemd unit of docs/ops/recorder.md, as systemd itself reads it."""

import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

DOCUMENT = Path(__file__).parents[2] / "docs/ops/recorder.md"
CUSTODY = Path(sys.executable).with_name("custody")


def unit() -> str:
    found = re.search(r"(?m)^    \[Unit\]\n(?:(?:    .*)?\n)+", DOCUMENT.read_text(encoding="utf-8"))
    assert found is not None
    return textwrap.dedent(found.group(0)).replace("/opt/custody/bin/custody", str(CUSTODY))


@pytest.mark.parametrize("spoil", ["", "ProtectSystem=", "Restart="])
def test_systemd_takes_the_unit_as_it_is_printed(tmp_path: Path, spoil: str) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed")
    path = tmp_path / "custody-recorder.service"
    text = unit()
    assert f"ExecStart={CUSTODY} record run -c /etc/custody/agent.toml" in text
    path.write_text(re.sub(f"(?m)^{spoil}.*$", f"{spoil}perhaps", text) if spoil else text)
    done = subprocess.run(["systemd-analyze", "verify", str(path)], capture_output=True, text=True, check=False)
    ours = [line for line in done.stderr.splitlines() if "custody-recorder" in line]
    assert bool(ours) == bool(spoil), done.stderr
    assert done.returncode == 0 or spoil


def test_the_command_of_the_unit_is_there() -> None:
    line = next(line for line in unit().splitlines() if line.startswith("ExecStart="))
    command = [*line.removeprefix("ExecStart=").split()[:3], "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "-c" in done.stdout
