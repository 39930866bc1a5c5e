"""Time stamps from a real authority: `openssl ts -reply` behind a small HTTP server on this machine."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from evidence import Evidence

from custody.cli.main import run
from custody.core.errors import CustodyError
from custody.export.errors import ExportError
from custody.export.stamping import ATTEMPTS, Stamper
from custody.verifier.package.timestamp import read_token

CONFIG = """
[tsa]
default_tsa = tsa1
[tsa1]
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/tsa.pem
certs = {folder}/chain.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
[v3_tsa]
extendedKeyUsage = critical,timeStamping
keyUsage = critical,digitalSignature
[v3_ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
"""


def openssl(*arguments: object, stdin: bytes = b"") -> bytes:
    return subprocess.run(["openssl", *map(str, arguments)], input=stdin, capture_output=True, check=True).stdout


class Authority:
    """Key, certificates and server; `refusals` answers are errors before it answers truly."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.refusals = 0
        self.asked = 0
        self.stale: bytes | None = None
        (folder / "serial").write_text("01\n")
        self.config = folder / "tsa.cnf"
        self.config.write_text(CONFIG.format(folder=folder))
        new = ("-newkey", "rsa:2048", "-nodes", "-sha256")
        openssl(
            "req", "-x509", *new, "-keyout", folder / "ca.key", "-out", folder / "ca.pem", "-days", 3650,
            "-subj", "/CN=Test TSA Root", "-config", "/dev/null", "-extensions", "v3_ca", "-config", self._requests(),
        )  # fmt: skip
        openssl(
            "req", *new, "-keyout", folder / "tsa.key", "-out", folder / "tsa.csr", "-subj", "/CN=Test TSA",
            "-config", self._requests(),
        )  # fmt: skip
        openssl(
            "x509", "-req", "-in", folder / "tsa.csr", "-CA", folder / "ca.pem", "-CAkey", folder / "ca.key",
            "-CAcreateserial", "-days", 3650, "-out", folder / "tsa.pem", "-extfile", self.config, "-extensions", "v3_tsa",
        )  # fmt: skip
        (folder / "chain.pem").write_bytes((folder / "ca.pem").read_bytes())

    def _requests(self) -> Path:
        path = self.folder / "req.cnf"
        head = "[req]\ndistinguished_name = dn\n[dn]\n"
        path.write_text(head + CONFIG.format(folder=self.folder))
        return path

    def answer(self, query: bytes) -> bytes:
        if self.stale is not None:
            return self.stale
        (self.folder / "query.tsq").write_bytes(query)
        return openssl(
            "ts", "-reply", "-config", self.config, "-section", "tsa1", "-queryfile", self.folder / "query.tsq"
        )


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Authority, str]]:
    made = Authority(tmp_path_factory.mktemp("tsa"))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            made.asked += 1
            if made.refusals:
                made.refusals -= 1
                self.send_error(503)
                return
            body = made.answer(query)
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield made, f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def stranger_verifies(authority: Authority, token: Path, over: Path) -> None:
    """OpenSSL's own verdict."""
    openssl("ts", "-verify", "-in", token, "-data", over, "-CAfile", authority.folder / "ca.pem")


def test_a_stamped_package_is_fine_under_the_pinned_root(
    evidence: Evidence, authority: tuple[Authority, str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    tsa, url = authority
    out = evidence.folder / "stamped"
    assert run([*evidence.arguments(out), "--tsa", url, "--tsa", url]) == 0
    assert len(list((out / "timestamps").iterdir())) == len(list((out / "data/timestamps").iterdir())) == 2
    for number in (1, 2):
        stranger_verifies(tsa, out / f"data/timestamps/checkpoint-{number}.tsr", out / "data/log/checkpoint")
        stranger_verifies(tsa, out / f"timestamps/manifest-{number}.tsr", out / "manifest-sha256.txt")
    command = ["verify", "package", str(out), "--key", evidence.vkey, "--json"]
    capsys.readouterr()
    assert run([*command, "--tsa-root", str(tsa.folder / "ca.pem")]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["not_checked"] == [14]
    assert len(report["time_stamps"]) == 4
    assert run(command) == 0
    assert json.loads(capsys.readouterr().out)["not_checked"] == [13, 14]
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    other = Authority(stranger)
    assert run([*command, "--tsa-root", str(other.folder / "ca.pem")]) == 1
    found = json.loads(capsys.readouterr().out)["findings"]
    assert {(one["check"], one["code"]) for one in found} == {(13, "timestamp-signature")}
    (out / "timestamps/manifest-1.tsr").write_bytes((out / "data/timestamps/checkpoint-1.tsr").read_bytes())
    assert run(command) == 1
    assert [one["code"] for one in json.loads(capsys.readouterr().out)["findings"]] == ["timestamp-other"]


def test_an_authority_that_fails_is_asked_again(authority: tuple[Authority, str]) -> None:
    tsa, url = authority
    waits: list[float] = []
    tsa.refusals = ATTEMPTS - 1
    (token,) = Stamper([url], wait=waits.append)(b"data")
    read_token(token).check_data(b"data")
    assert len(waits) == ATTEMPTS - 1
    tsa.refusals, tsa.asked = ATTEMPTS, 0
    with pytest.raises(ExportError) as caught:
        Stamper([url], wait=waits.append)(b"data")
    assert (caught.value.code, tsa.asked) == ("tsa-failed", ATTEMPTS)


def test_an_old_answer_is_not_taken_for_a_new_one(authority: tuple[Authority, str]) -> None:
    tsa, url = authority
    (tsa.stale,) = Stamper([url])(b"data")
    try:
        for data in (b"data", b"other"):
            with pytest.raises(ExportError) as caught:
                Stamper([url], wait=lambda _: None)(data)
            assert caught.value.code == "tsa-failed"
    finally:
        tsa.stale = None


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x/", "x"])
def test_an_address_is_http(url: str) -> None:
    with pytest.raises(ExportError) as caught:
        Stamper([url])
    assert caught.value.code == "tsa-address"


def test_garbage_is_no_token(authority: tuple[Authority, str]) -> None:
    _, url = authority
    (good,) = Stamper([url])(b"data")
    for at in range(0, len(good), 37):
        for bad in (good[:at], good[:at] + bytes([good[at] ^ 0x20]) + good[at + 1 :]):
            with suppress(CustodyError):  # anything else fails the test
                read_token(bad).verify(b"data", [])
