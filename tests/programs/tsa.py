"""A time-stamping authority for tests: `openssl ts -reply` behind a small HTTP server on this machine."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

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
digests = sha256, sha512
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

    def __init__(self, folder: Path, *, days: int = 3_650) -> None:
        """`days`: how long the authority's certificate is good for."""
        self.folder = folder
        self.begun = datetime.now(UTC)
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
            "-CAcreateserial", "-days", days, "-out", folder / "tsa.pem", "-extfile", self.config, "-extensions", "v3_tsa",
        )  # fmt: skip
        (folder / "chain.pem").write_bytes((folder / "ca.pem").read_bytes())

    def _requests(self) -> Path:
        path = self.folder / "req.cnf"
        head = "[req]\ndistinguished_name = dn\n[dn]\n"
        path.write_text(head + CONFIG.format(folder=self.folder))
        return path

    def revocations(self, *, revoked: datetime | None = None, reason: x509.ReasonFlags | None = None) -> bytes:
        """The root's list in PEM; `revoked`: since when it has the certificate that stamps."""
        root = x509.load_pem_x509_certificate((self.folder / "ca.pem").read_bytes())
        key: Any = load_pem_private_key((self.folder / "ca.key").read_bytes(), None)
        builder = x509.CertificateRevocationListBuilder(
            issuer_name=root.subject, last_update=self.begun, next_update=self.begun + timedelta(days=30)
        )
        if revoked is not None:
            serial = x509.load_pem_x509_certificate((self.folder / "tsa.pem").read_bytes()).serial_number
            row = x509.RevokedCertificateBuilder(serial_number=serial, revocation_date=revoked)
            if reason is not None:
                row = row.add_extension(x509.CRLReason(reason), critical=False)
            builder = builder.add_revoked_certificate(row.build())
        return builder.sign(key, SHA256()).public_bytes(Encoding.PEM)

    def answer(self, query: bytes) -> bytes:
        if self.stale is not None:
            return self.stale
        (self.folder / "query.tsq").write_bytes(query)
        return openssl(
            "ts", "-reply", "-config", self.config, "-section", "tsa1", "-queryfile", self.folder / "query.tsq"
        )


@contextmanager
def serving(made: Authority) -> Iterator[str]:
    """Answers at the URL until the block ends."""

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
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def stranger_verifies(authority: Authority, token: Path, over: Path) -> None:
    """OpenSSL's own verdict."""
    openssl("ts", "-verify", "-in", token, "-data", over, "-CAfile", authority.folder / "ca.pem")
