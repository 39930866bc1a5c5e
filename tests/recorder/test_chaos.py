import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("chaos.py")
KILLS = 200


@pytest.mark.slow
def test_an_agent_killed_200_times_records_every_file_exactly_once(tmp_path: Path) -> None:
    command = [sys.executable, str(PROGRAM), str(tmp_path), str(KILLS), "185"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4_000:]
    found = json.loads(done.stdout)
    assert found["status"] == 0, done.stderr[-4_000:]
    assert found["kills"] == KILLS
    assert found["there"] > 80
    assert not found["twice"]
    assert not found["missing"]
    assert not found["wrong_digest"]
    assert found["numbers"]
    assert found["kinds"]["move"] > 0  # how many depends on how busy the machine is
    assert not found["disposed_twice"]
    assert not found["disposed_wrong"]
