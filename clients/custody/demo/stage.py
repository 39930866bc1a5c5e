"""The demo's scratch folder and the two real processes in it: signer and ledger, started as a person would.

The folder stays for looking at. Only the sockets live elsewhere, because the path of a Unix socket must be short.
"""

import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from custody.client import TlsFiles
from custody.core.errors import CustodyError

ORIGIN: Final = "demo.example/site-12"
SITE: Final = "site-12"
READY_S: Final = 30.0
PARTIES: Final = (
    ("ledger", "ledger"),
    ("administrator", "administrator"),
    ("recorder", "recorder"),
    ("custodian", "custodian"),
    ("desk", "desk"),
)
"""Role and name of everybody who has a certificate."""


class DemoError(CustodyError):
    """The demo cannot go on."""

    code = "demo-failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where everything of one demo is."""

    folder: Path
    sockets: Path

    @property
    def footage(self) -> Path:
        """The footage as the recorder left it: site/camera/files."""
        return self.folder / "footage"

    @property
    def database(self) -> Path:
        """The ledger's one file."""
        return self.folder / "ledger.db"

    @property
    def signer_state(self) -> Path:
        """The signer's key and memory."""
        return self.folder / "signer"

    @property
    def passphrase(self) -> Path:
        """The passphrase of the signer's key; a demo keeps it beside the key, nobody else should."""
        return self.folder / "signer-passphrase"

    @property
    def remembered(self) -> Path:
        """The checkpoint that the inspector remembers from the first visit."""
        return self.folder / "inspector-checkpoint"

    @property
    def signer_target(self) -> str:
        """GRPC target of the signer."""
        return f"unix:{self.sockets}/signer.sock"

    @property
    def authority(self) -> Path:
        """The certificate authority: who is who."""
        return self.folder / "authority"

    @property
    def certificates(self) -> Path:
        """Certificates and keys of the parties."""
        return self.folder / "certificates"

    def credentials(self, name: str) -> Any:
        """What a party shows and believes when it connects to the ledger."""
        return TlsFiles(
            roots=self.authority / "ca.pem",
            certificate=self.certificates / f"{name}.crt",
            key=self.certificates / f"{name}.key",
            passphrase_file=self.passphrase,
        ).credentials()


@contextmanager
def make_stage(wanted: Path | None) -> Iterator[Stage]:
    """A fresh folder: `wanted`, which must not exist or be empty, or `custody-demo`, `custody-demo-2`, ... here."""
    folder = wanted or next(
        path
        for number in range(1, 10_000)
        if not (path := Path(f"custody-demo-{number}" if number > 1 else "custody-demo")).exists()
    )
    if folder.exists() and any(folder.iterdir()):
        raise DemoError(f"{folder} is not empty; name another folder with --folder", code="folder-not-empty")
    folder.mkdir(parents=True, exist_ok=True)
    sockets = Path(tempfile.mkdtemp(prefix="custody-demo-"))
    try:
        yield Stage(folder=folder.resolve(), sockets=sockets)
    finally:
        shutil.rmtree(sockets, ignore_errors=True)


def custody(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    """Runs one `custody` command to its end; both outputs are kept."""
    return subprocess.run([_program(), *map(str, arguments)], check=False, capture_output=True, text=True, timeout=120)


def _program() -> str:
    beside = Path(sys.executable).with_name("custody")
    found = str(beside) if beside.exists() else shutil.which("custody")
    if not found:
        raise DemoError("the command `custody` is not on PATH")
    return found


def prepare(stage: Stage) -> str:
    """Makes the signer's key and the log; returns the log's vkey, to be given to whoever will check it."""
    stage.passphrase.touch(mode=0o600)
    stage.passphrase.write_text(secrets.token_urlsafe(24) + "\n")
    made = custody(
        "signer", "init", "--origin", ORIGIN, "--state", stage.signer_state, "--passphrase-file", stage.passphrase
    )
    if made.returncode:
        raise DemoError(f"the signer could not be made: {made.stderr.strip()}")
    vkey = made.stdout.strip()
    with process(stage, *signer_command(stage)):
        made = custody("log", "create", "--store", f"sqlite:{stage.database}", "--signer", stage.signer_target, ORIGIN)
    if made.returncode:
        raise DemoError(f"the log could not be created: {made.stderr.strip()}")
    (stage.folder / "log.vkey").write_text(vkey + "\n")
    _enrol(stage)
    return vkey


def _enrol(stage: Stage) -> None:
    """Makes an authority, and a certificate for the ledger and for everybody who tells it something."""
    secret = ("--ca-passphrase-file", stage.passphrase)
    _must("ca", "init", stage.authority, *secret)
    for role, name in PARTIES:
        place = ("--host", "127.0.0.1") if role == "ledger" else ("--scope", f"{SITE}/*")
        _must(
            "enrol", "--ca", stage.authority, *secret, "--role", role, "--name", name, *place,
            "--out", stage.certificates, "--passphrase-file", stage.passphrase,
        )  # fmt: skip


def register(stage: Stage, target: str, vkey: str) -> None:
    """Tells the log, as its administrator, who may speak for the site."""
    records = sorted(stage.certificates.glob("*.identity.record"))
    _must(
        "keys", "tell", *records, "--ledger", target, "--log", ORIGIN, "--trust", vkey,
        "--tls-ca", stage.authority / "ca.pem", "--tls-cert", stage.certificates / "administrator.crt",
        "--tls-key", stage.certificates / "administrator.key", "--tls-passphrase-file", stage.passphrase,
    )  # fmt: skip


def _must(*arguments: str | Path) -> None:
    made = custody(*arguments)
    if made.returncode:
        raise DemoError(f"custody {arguments[0]} failed: {made.stderr.strip()}")


def signer_command(stage: Stage) -> Sequence[str]:
    """Starts the signer."""
    return (
        "signer", "serve", "--state", str(stage.signer_state), "--socket", f"{stage.sockets}/signer.sock",
        "--passphrase-file", str(stage.passphrase),
    )  # fmt: skip


def ledger_command(stage: Stage) -> Sequence[str]:
    """Starts the ledger."""
    return (
        "serve", "--store", f"sqlite:{stage.database}", "--signer", stage.signer_target, "--listen", "127.0.0.1:0",
        "--tls-cert", str(stage.certificates / "ledger.crt"), "--tls-key", str(stage.certificates / "ledger.key"),
        "--tls-passphrase-file", str(stage.passphrase), "--client-ca", str(stage.authority / "ca.pem"),
        "--crl", str(stage.authority / "crl.pem"),
    )  # fmt: skip


@contextmanager
def process(stage: Stage, *arguments: str) -> Iterator[str]:
    """Runs a serving command until the block ends; enters the block when the command says that it is ready.

    The value is the last word of what it said: the address of a ledger.
    """
    with (
        (stage.folder / "processes.log").open("ab") as log,
        subprocess.Popen([_program(), *arguments], stdout=subprocess.PIPE, stderr=log, text=True) as running,
    ):
        try:
            yield _wait_until_ready(running, arguments[0], stage.folder)
        finally:
            running.terminate()
            running.wait(timeout=READY_S)


def _wait_until_ready(running: "subprocess.Popen[str]", name: str, folder: Path) -> str:
    output: IO[str] | None = running.stdout
    line = output.readline() if output is not None else ""
    if " ready " not in line:
        raise DemoError(f"{name} did not start; see {folder / 'processes.log'}")
    return line.split()[-1]
