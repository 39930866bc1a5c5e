"""A ZoneMinder of a test's own: its database, its capture processes, its filters and cameras, in one temporary folder.

Nothing of the machine's own ZoneMinder is used or touched: the database is a MariaDB on a Unix socket in the folder, and the
programs run in a mount namespace in which /etc/zm is ours. No web server runs; what a person would click is written into
the database. As root, database and capture run as an ordinary user.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

NEEDED: Final = ("zmc", "zmfilter.pl", "mariadbd", "mariadb-install-db", "mariadb", "unshare", "setpriv", "ffmpeg")
PACKAGES: Final = "zoneminder mariadb-server ffmpeg"
ZONE: Final = "Asia/Shanghai"
_SCHEMA: Final = Path("/usr/share/zoneminder/db/zm_create.sql")
_PATHS: Final = Path("/etc/zm/conf.d/01-system-paths.conf")
_SETTINGS: Final = """
ZM_DB_TYPE=mysql
ZM_DB_HOST=localhost:{folder}/db/socket
ZM_DB_NAME=zm
ZM_DB_USER=zm
ZM_DB_PASS=zm
ZM_DB_SSL_CA_CERT=
ZM_DB_SSL_CLIENT_KEY=
ZM_DB_SSL_CLIENT_CERT=
ZM_SERVER_HOST=
ZM_WEB_USER={user}
ZM_WEB_GROUP={user}
ZM_DIR_EVENTS={folder}/events
ZM_DIR_EXPORTS={folder}/tmp
ZM_PATH_MAP={folder}/tmp
ZM_PATH_SOCKS={folder}/tmp
ZM_PATH_LOGS={folder}/log
ZM_PATH_SWAP={folder}/tmp
"""
_MONITOR: Final = """INSERT INTO Monitors SET Id={number}, Name='{name}', StorageId={storage}, Type='Ffmpeg',
 `Function`='Record', Enabled=1, Path='{url}', Method='rtpRtsp', Options='rtsp_flags=listen', Width=768, Height=576,
 Colours=4, SaveJPEGs=0, VideoWriter=2, OutputContainer='mp4', SectionLength=3, MinSectionLength=2, PreEventCount=0,
 PostEventCount=0, MaxImageBufferCount=200; INSERT INTO Monitor_Status SET MonitorId={number};"""
"""Record without a break, the camera's own H.264 as it comes (VideoWriter 2), events of three seconds and a bit."""


def missing() -> list[str]:
    """Programs that are not installed."""
    path = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
    return [name for name in NEEDED if shutil.which(name, path=path) is None]


def _ordinary_user() -> pwd.struct_passwd | None:
    """Whom to run as; None to stay who we are."""
    return pwd.getpwnam("www-data") if os.geteuid() == 0 else None


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


class ZoneMinder:
    """Storages by name (`Medium`, `Deep`: the scheme, too); monitors by number. Use as a context manager."""

    def __init__(self, schemes: Sequence[str]) -> None:
        # A storage's path has at most 64 characters in ZoneMinder's database, so not pytest's folder.
        self.folder = Path(tempfile.mkdtemp(prefix="custody-zm-"))
        self.schemes = schemes
        self._user = _ordinary_user()
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._urls: dict[int, str] = {}
        for name in ("db", "etc", "log", "tmp", "events", *schemes):
            (self.folder / name).mkdir()
        user = (self._user or pwd.getpwuid(os.geteuid())).pw_name
        (self.folder / "etc/zm.conf").write_text(_PATHS.read_text() + _SETTINGS.format(folder=self.folder, user=user))
        if self._user is not None:
            for path in (self.folder, *self.folder.iterdir()):
                os.chown(path, self._user.pw_uid, self._user.pw_gid)
        self.folder.chmod(0o755)

    def __enter__(self) -> Self:
        try:
            self._database()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    # ---- processes

    def _as_user(self) -> list[str]:
        if self._user is None:
            return []
        uid, gid = self._user.pw_uid, self._user.pw_gid
        return ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--pdeathsig", "TERM", "--"]

    def _inside(self, *command: str) -> list[str]:
        """The command where /etc/zm is ours; one process from end to end, so that signals reach it."""
        own = ["unshare", "--mount"] if self._user is not None else ["unshare", "--user", "--map-root-user", "--mount"]
        script = 'mount --bind "$0" /etc/zm && exec "$@"'
        return [*own, "sh", "-c", script, f"{self.folder}/etc", *command]

    def _start(self, name: str, command: Sequence[str]) -> None:
        with (self.folder / "log" / f"{name}.out").open("ab") as log:
            self._running[name] = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=self._environment(),
                start_new_session=True,
            )

    def _environment(self) -> dict[str, str]:
        path = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
        return {**os.environ, "PATH": path, "TZ": ZONE, "LANG": "C.UTF-8"}

    def _end(self, name: str, how: signal.Signals) -> None:
        process = self._running.pop(name)
        if process.poll() is None:
            os.killpg(process.pid, how)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def remove(self) -> None:
        """Ends everything and removes the folder."""
        for name in list(self._running):
            self._end(name, signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- the database

    def _database(self) -> None:
        data = f"--datadir={self.folder}/db/data"
        how = ("--auth-root-authentication-method=normal", "--skip-test-db", "--cross-bootstrap")
        self._run(*self._as_user(), "mariadb-install-db", "--no-defaults", data, *how)
        here = (f"--socket={self.folder}/db/socket", f"--pid-file={self.folder}/db/pid", "--skip-networking")
        small = ("--skip-grant-tables", "--innodb-buffer-pool-size=16M", "--innodb-flush-log-at-trx-commit=0")
        self._start("mariadb", [*self._as_user(), "mariadbd", "--no-defaults", data, *here, *small])
        end = time.monotonic() + 30
        while not (self.folder / "db/socket").exists():
            if time.monotonic() > end:
                raise RuntimeError(f"MariaDB does not start: {(self.folder / 'log/mariadb.out').read_text()[-2_000:]}")
            time.sleep(0.05)
        self._run(*self._client, given=_SCHEMA.read_bytes())
        storages = (
            f"({number}, '{self.folder}/{name}', '{name}', '{name}', 0)" for number, name in enumerate(self.schemes, 1)
        )
        for storage in storages:
            self.sql(f"REPLACE INTO Storage (Id, Path, Name, Scheme, ServerId) VALUES {storage}")  # noqa: S608 - ours

    @property
    def _client(self) -> list[str]:
        return ["mariadb", "--no-defaults", f"--socket={self.folder}/db/socket", "--batch", "--skip-column-names"]

    def sql(self, text: str) -> list[list[str]]:
        """Rows of a statement."""
        rows = self._run(*self._client, "zm", given=text.encode()).decode().splitlines()
        return [row.split("\t") for row in rows]

    def _run(self, *command: str, given: bytes = b"") -> bytes:
        done = subprocess.run(
            command, input=given, capture_output=True, cwd=self.folder, env=self._environment(), timeout=60, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{command} failed: {(done.stderr or done.stdout).decode()[-2_000:]}")
        return done.stdout

    # ---- cameras, monitors, filters

    def monitor(self, number: int, scheme: str) -> None:
        """A monitor that records into a storage."""
        self._urls[number] = f"rtsp://127.0.0.1:{_free_port()}/camera"
        storage = self.schemes.index(scheme) + 1
        self.sql(_MONITOR.format(number=number, name=f"gate {number}", storage=storage, url=self._urls[number]))

    def record(self, number: int, film: Path, begin_s: int) -> None:
        """Starts a camera, which shows the film from `begin_s` on and comes again when it is turned away, and its `zmc`."""
        play = ("-re", "-stream_loop", "-1", "-ss", str(begin_s), "-i", str(film), "-c", "copy", "-f", "rtsp")
        send = ["ffmpeg", "-v", "error", *play, "-rtsp_transport", "tcp", self._urls[number]]
        script = 'until "$@"; do sleep 0.1; done'
        self._start(f"zmc {number}", self._inside(*self._as_user(), "zmc", "-m", str(number)))
        self._start(f"camera {number}", ["sh", "-c", script, "sh", *send])

    def stop(self, number: int, how: signal.Signals = signal.SIGTERM) -> None:
        """Ends `zmc`, in good order or not, and the camera."""
        self._end(f"zmc {number}", how)
        self._end(f"camera {number}", signal.SIGKILL)

    def filter(self, event: int, action: str, command: str = "") -> None:
        """Runs `zmfilter.pl` once with a filter for one event; `action` as in the table, `command` as AutoExecuteCmd.

        It runs as we do, because the command is to write into our folders.
        """
        name = f"filter {event}"
        query = json.dumps({"terms": [{"attr": "Id", "op": "=", "val": str(event)}]})
        execute = f", AutoExecute=1, AutoExecuteCmd='{command}'" if command else ""
        self.sql(f"INSERT INTO Filters SET Name='{name}', UserId=1, Query_json='{query}', {action}{execute}")
        self._run(*self._inside("zmfilter.pl", f"--filter={name}"))

    def closed(self, number: int) -> list[int]:
        """Events of a monitor that ended, the oldest first."""
        query = f"SELECT Id FROM Events WHERE MonitorId={number} AND EndDateTime IS NOT NULL ORDER BY Id"  # noqa: S608 - ours
        return [int(row[0]) for row in self.sql(query)]

    def logs(self) -> str:
        """What the programs wrote, for a test that fails."""
        return "\n".join(path.read_text(errors="replace")[-3_000:] for path in sorted((self.folder / "log").iterdir()))
