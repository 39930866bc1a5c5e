"""`witness`: what a 2-of-3 quorum of witnesses on loopback adds to the time of one receipted append.

Signer, ledger and three witnesses are processes of their own. One record at a time; the limit is the same without
witnesses.
"""

import contextlib
import secrets
import subprocess
import tempfile
import time
from pathlib import Path

from bench.figures import Figure, figure, percentile
from bench.rig import CUSTODY, ORIGIN, Rig, running, segment
from custody.client import SyncLedgerClient

NAME = "witness"
LONG = False
APPENDS = 300
AIM_MS = 10.0


def run() -> list[Figure]:
    """Appends without witnesses, then with a quorum required."""
    bare = _appends()
    with_quorum = _appends(witnesses=3)
    p50, limit = percentile(with_quorum, 0.5) * 1_000, percentile(bare, 0.5) * 1_000
    return [
        figure("append, 2 of 3 witnesses, p50", p50, "ms", limit=limit),
        figure("append, 2 of 3 witnesses, p99", percentile(with_quorum, 0.99) * 1_000, "ms"),
        figure("added by the quorum, p50", p50 - limit, "ms", aim=AIM_MS),
    ]


def _appends(witnesses: int = 0) -> list[float]:
    with tempfile.TemporaryDirectory(prefix="custody-bench-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        options: list[str] = []
        urls: list[tuple[str, str]] = []
        states = [folder / f"w{number}" for number in range(witnesses)]
        secret = folder / "passphrase"
        secret.touch(mode=0o600)
        secret.write_text(secrets.token_hex(16) + "\n")
        ports = [_free_port() for _ in states]
        for state, port in zip(states, ports, strict=True):
            made = _run("witness", "init", "--name", state.name, "--state", state, "--passphrase-file", secret)
            urls.append((made.strip(), f"http://127.0.0.1:{port}"))
        if witnesses:
            lines = [f"witness w{number} {vkey} {url}" for number, (vkey, url) in enumerate(urls)]
            names = " ".join(f"w{number}" for number in range(witnesses))
            (folder / "policy").write_text("\n".join([*lines, f"group two 2 {names}", "quorum two", ""]))
            options = ["--policy", f"{folder}/policy", "--witness-mode", "report"]
        rig = stack.enter_context(running(None, *options))
        for state, port in zip(states, ports, strict=True):
            _run("witness", "add-log", "--state", state, rig.vkey)
            command = [CUSTODY, "witness", "serve", "--state", state, "--listen", f"127.0.0.1:{port}"]
            process = subprocess.Popen([*map(str, command), "--passphrase-file", str(secret)], stdout=subprocess.PIPE)
            stack.callback(process.wait)
            stack.callback(process.terminate)
            if process.stdout is None or not process.stdout.readline():
                raise RuntimeError("a witness did not start")
        return _measure(rig, folder)


def _measure(rig: Rig, folder: Path) -> list[float]:
    times = []
    with SyncLedgerClient.connect(rig.target, log=ORIGIN, state=folder / "client.db", vkeys=[rig.vkey]) as client:
        time.sleep(2)  # witnesses that were asked before they listened are rested for a moment
        for number in range(APPENDS + 20):
            record = segment("site/camera", number + 1)
            begin = time.perf_counter()
            client.append([record])
            times.append(time.perf_counter() - begin)
    return times[20:]


def _free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def _run(*words: object) -> str:
    return subprocess.run([CUSTODY, *map(str, words)], check=True, capture_output=True, text=True).stdout
