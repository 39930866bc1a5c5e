"""`custody serve --http` as a process: the address is told, health answers, SIGTERM ends both sides."""

from __future__ import annotations

import http.client
import subprocess
import sys
import tempfile
from hashlib import sha256
from pathlib import Path

import pytest
from tests.server.http.conftest import TOKEN

CUSTODY = str(Path(sys.executable).with_name("custody"))
LOG = "ledger.example/served"


def get(port: int, path: str, token: str = "") -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.mark.slow
def test_the_http_side_of_a_ledger_process(tmp_path: Path) -> None:
    passphrase, tokens = tmp_path / "passphrase", tmp_path / "tokens"
    passphrase.touch(mode=0o600)
    passphrase.write_text("throw-away\n")
    tokens.write_text(f"{sha256(TOKEN.encode()).hexdigest()} urn:custody:inspector:li\n")
    secret = ("--passphrase-file", str(passphrase))
    state = str(tmp_path / "signer")
    subprocess.run(
        [CUSTODY, "signer", "init", "--origin", LOG, "--state", state, *secret], check=True, capture_output=True
    )
    store = f"sqlite:{tmp_path}/ledger.db"
    with tempfile.TemporaryDirectory(prefix="cy") as sockets:
        signing = [CUSTODY, "signer", "serve", "--state", state, "--socket", f"{sockets}/s", *secret]
        with subprocess.Popen(signing, stdout=subprocess.PIPE, text=True) as signer:
            assert signer.stdout is not None
            assert signer.stdout.readline().startswith("signer ready")
            target = f"unix:{sockets}/s"
            subprocess.run(
                [CUSTODY, "log", "create", "--store", store, "--signer", target, LOG], check=True, capture_output=True
            )
            serving = [CUSTODY, "serve", "--store", store, "--signer", target, "--listen", f"unix:{sockets}/l"]
            serving += ["--http", "127.0.0.1:0", "--http-tokens", str(tokens)]
            with subprocess.Popen(serving, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as ledger:
                assert ledger.stdout is not None
                told = sorted(ledger.stdout.readline().split() for _ in range(2))
                assert [words[:2] for words in told] == [["ledger", "http"], ["ledger", "ready"]]
                port = int(told[0][2].rpartition(":")[2])
                assert (get(port, "/healthz"), get(port, "/metrics"), get(port, f"/{LOG}/checkpoint")) == (
                    200,
                    200,
                    200,
                )
                assert (get(port, f"/{LOG}/tile/entries/000"), get(port, f"/{LOG}/tile/entries/000", TOKEN)) == (
                    401,
                    404,
                )
                ledger.terminate()
                assert ledger.wait(60) == 0
            signer.terminate()
