"""Three ledgers witness each other, as processes; one of them is then rolled back, its signer's memory included."""

from __future__ import annotations

import http.client
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.server.ledger_rig import segment

from custody.client import SyncLedgerClient
from custody.core.cosignature import verify_cosignatures
from custody.core.note import VerifierKey, parse_note

CUSTODY = str(Path(sys.executable).with_name("custody"))
CADENCE_S = 1


class Neighbour:
    """One site: signer, ledger with its HTTP side, and a witness for the two others."""

    def __init__(self, name: str, folder: Path, sockets: Path) -> None:
        self.name = name
        self.origin = f"ledger.example/{name}"
        self.folder = folder / name
        self.folder.mkdir()
        self.sockets = sockets / name
        self.sockets.mkdir(mode=0o700)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.passphrase = self.folder / "passphrase"
        self.passphrase.touch(mode=0o600)
        self.passphrase.write_text("throw-away\n")
        self.running: list[subprocess.Popen[str]] = []
        secret = ("--passphrase-file", self.passphrase)
        self.key = self.run("signer", "init", "--origin", self.origin, "--state", self.folder / "signer", *secret)
        self.witness = self.run("witness", "init", "--name", self.origin, "--state", self.folder / "witness", *secret)

    def run(self, *words: str | Path) -> str:
        done = subprocess.run([CUSTODY, *map(str, words)], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def know(self, others: list[Neighbour]) -> None:
        watched = "".join(f"log {one.key}\n" for one in others)
        (self.folder / "watched").write_text(f"{watched}quorum none\n")
        lines = [f"witness {one.name} {one.witness} http://127.0.0.1:{one.port}" for one in others]
        group = f"group both 2 {' '.join(one.name for one in others)}"
        (self.folder / "policy").write_text("\n".join([*lines, group, "quorum both", ""]))

    def start(self, mode: str, *, create: bool = False) -> str:
        """Returns the first line of the ledger that is no address of the HTTP side."""
        secret = ("--passphrase-file", self.passphrase)
        signer = f"{self.sockets}/s"
        self._begin("signer", "serve", "--state", self.folder / "signer", "--socket", signer, *secret)
        store = f"sqlite:{self.folder}/ledger.db"
        if create:
            self.run("log", "create", "--store", store, "--signer", f"unix:{signer}", self.origin)
        self._begin(
            "serve", "--store", store, "--signer", f"unix:{signer}", "--listen", f"unix:{self.sockets}/l",
            "--http", f"127.0.0.1:{self.port}", "--http-open-entries", "--policy", self.folder / "policy",
            "--witness-mode", mode, "--witness-every", str(CADENCE_S), "--witness-state", self.folder / "witness",
            "--witness-passphrase-file", self.passphrase, "--witness-for", self.folder / "watched",
        )  # fmt: skip
        return self.line()

    def _begin(self, *words: str | Path) -> None:
        with (self.folder / "errors").open("ab") as errors:
            process = subprocess.Popen([CUSTODY, *map(str, words)], stdout=subprocess.PIPE, stderr=errors, text=True)
        self.running.append(process)
        assert process.stdout is not None
        assert process.stdout.readline(), (self.folder / "errors").read_text()[-2_000:]

    def line(self) -> str:
        """The next line of the ledger; empty when it ended."""
        stdout = self.running[-1].stdout
        assert stdout is not None
        return stdout.readline().strip()

    def stop(self) -> None:
        for process in reversed(self.running):
            process.terminate()
            process.communicate()
        self.running = []

    def append(self, first: int, count: int) -> None:
        target, state = f"unix:{self.sockets}/l", self.folder / f"client-{first}.db"
        with SyncLedgerClient.connect(target, log=self.origin, state=state, vkeys=[self.key]) as client:
            client.append([segment(number) for number in range(first, first + count)])

    def get(self, path: str) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", path)
        data = connection.getresponse().read()
        connection.close()
        return data

    def offers(self, of: Neighbour, outcome: str) -> float:
        """How many offers of another ledger this one's witness met with an outcome."""
        start = f'custody_witness_offers_total{{log="{of.origin}",outcome="{outcome}"}} '
        found = [line for line in self.get("/metrics").decode().splitlines() if line.startswith(start)]
        return float(found[0].removeprefix(start)) if found else 0.0


@pytest.fixture
def three(tmp_path: Path) -> Iterator[list[Neighbour]]:
    with tempfile.TemporaryDirectory(prefix="cy") as sockets:
        made = [Neighbour(name, tmp_path, Path(sockets)) for name in "abc"]
        for one in made:
            one.know([other for other in made if other is not one])
        yield made
        for one in made:
            one.stop()


def until(reached: object, what: str) -> float:
    """Asks again and again for a condition that other processes bring about; returns how long it took."""
    begun = time.monotonic()
    while not reached():  # type: ignore[operator]
        assert time.monotonic() - begun < 60, what
        time.sleep(0.05)
    return time.monotonic() - begun


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_rolled_back_neighbour_is_met_by_the_two_others(three: list[Neighbour]) -> None:
    a, b, c = three
    for one in three:
        one.start("later", create=True)
        one.append(0, 5)
    cosigners = [VerifierKey.parse(one.witness) for one in (b, c)]

    def both() -> bool:
        note = parse_note(a.get(f"/{a.origin}/checkpoint"))
        return note.text.split(b"\n")[1] == b"5" and len(verify_cosignatures(note, cosigners)) == 2

    until(both, "both neighbours cosign")
    a.stop()
    shutil.copytree(a.folder, a.folder.parent / "backup")
    a.start("require")
    a.append(5, 7)  # published only under both cosignatures
    assert len(verify_cosignatures(parse_note(a.get(f"/{a.origin}/checkpoint")), cosigners)) == 2
    a.stop()
    # Ledger and signer are put back to the backup: between themselves nobody could tell.
    for name in ("ledger.db", "signer"):
        place = a.folder / name
        shutil.rmtree(place) if place.is_dir() else place.unlink()
        copy = a.folder.parent / "backup" / name
        shutil.copytree(copy, place) if copy.is_dir() else shutil.copy(copy, place)
        for left in a.folder.glob("ledger.db-*"):
            left.unlink()
    # A ledger that depends on its witnesses does not start.
    assert a.start("require") == ""
    assert a.running[-1].wait(60) == 2
    assert "[witness-ahead]" in (a.folder / "errors").read_text()
    a.stop()
    # One that does not, and goes on: both others met the rollback within one cadence of its being up.
    before = [(one.offers(a, "witness-rollback"), one.offers(a, "cosigned")) for one in (b, c)]
    a.start("later")
    a.append(20, 3)
    for one, (met, cosigned) in zip((b, c), before, strict=True):
        until(lambda one=one, met=met: one.offers(a, "witness-rollback") > met, "the neighbours meet the rollback")
        # Showings come once a cadence: none since the rollback passed for good, so the first was met.
        assert one.offers(a, "cosigned") == cosigned
    # And when it has grown to the old size again, its second history is refused and kept as a proof.
    a.append(30, 4)
    until(lambda: b.offers(a, "witness-fork") and c.offers(a, "witness-fork"), "the neighbours meet the fork")
    assert b'custody_witness_ahead{log="ledger.example/a"' in a.get("/metrics")
    b.stop()
    status = subprocess.run([CUSTODY, "witness", "status", "--state", str(b.folder / "witness")], check=False)
    assert status.returncode == 1
