"""`custody witness` as a person runs it: init, add-log, serve, kill -9, status."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.witness.conftest import Log

CUSTODY = str(Path(sys.executable).with_name("custody"))


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([CUSTODY, "witness", *words], check=False, capture_output=True, text=True)


@contextmanager
def serving(*words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    with subprocess.Popen([CUSTODY, "witness", "serve", *words], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        try:
            assert line.startswith("witness ready http://"), line
            yield process, line.split(" ")[2]
        finally:
            process.terminate()
            process.wait(30)


def post(url: str, body: bytes) -> int:
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port or 0, timeout=30)
    connection.request("POST", "/add-checkpoint", body)
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.mark.slow
def test_from_init_to_a_fork(tmp_path: Path, log: Log) -> None:
    state, passphrase, policy = tmp_path / "w", tmp_path / "pass", tmp_path / "policy"
    passphrase.touch(mode=0o600)
    passphrase.write_text("throw-away\n")
    common = ("--state", str(state), "--passphrase-file", str(passphrase))
    made = run("init", "--name", "witness.example/w1", "--ml-dsa", *common)
    assert made.returncode == 0, made.stderr
    assert len(made.stdout.splitlines()) == 2
    assert run("init", "--name", "witness.example/w1", *common).returncode == 2
    assert run("add-log", "--state", str(state), log.key.vkey.encode()).stdout == f"{log.origin}\n"
    second = Log("ledger.example/second", seed=2)
    policy.write_text(f"log {second.key.vkey.encode()}\nquorum none\n")
    with serving(*common, "--listen", "127.0.0.1:0", "--policy", str(policy)) as (process, url):
        assert post(url, log.offer(0, 12)) == 200
        assert post(url, second.offer(0, 3)) == 200
        assert "witness-state-locked" in run("status", "--state", str(state)).stderr
        process.kill()
    with serving(*common, "--listen", "127.0.0.1:0") as (_, url):
        assert post(url, log.offer(0, 12)) == 409
        assert post(url, log.offer(12, 12, "other")) == 409
        assert post(url, second.offer(3, 7)) == 200
    status = run("status", "--state", str(state), "--json")
    assert status.returncode == 1
    rows = {row["origin"]: row for row in json.loads(status.stdout)}
    assert (rows[log.origin]["size"], rows[second.origin]["size"]) == (12, 7)
    assert rows[log.origin]["fork"] == [log.note(12).decode(), log.note(12, "other").decode()]
    assert "FORK OFFERED" in run("status", "--state", str(state)).stdout
