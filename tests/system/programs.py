"""Real processes for tests: signer, ledger and a recorder, each started as a person would, each ready to be killed.

Sockets lie in a short folder of their own: the path of a Unix socket has at most about 100 bytes.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ORIGIN = "ledger.example/system"
HOUSE = Path(__file__).parents[2]
CUSTODY = str(Path(sys.executable).with_name("custody"))
READY_S = 60
ENVIRONMENT = {**os.environ, "PYTHONUNBUFFERED": "1"}


async def run(*arguments: str | Path) -> str:
    """Runs a `custody` command to its end; returns what it printed. Fails unless it exits 0."""
    process = await asyncio.create_subprocess_exec(
        CUSTODY, *map(str, arguments), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=ENVIRONMENT
    )
    output, errors = await process.communicate()
    assert process.returncode == 0, f"{arguments}: {errors.decode()}{output.decode()}"
    return output.decode()


class Program:
    """One process that says on stdout when it is ready."""

    def __init__(self, name: str, command: Sequence[str], log: Path, *, ready: str) -> None:
        self.name = name
        self._command = command
        self._log = log
        self._ready = ready
        self._process: asyncio.subprocess.Process | None = None

    @property
    def process(self) -> asyncio.subprocess.Process:
        assert self._process is not None
        return self._process

    async def start(self) -> str:
        """Returns the line by which it says that it is ready."""
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                cwd=HOUSE,
                env=ENVIRONMENT,
            )
        line = await asyncio.wait_for(self.read_line(), READY_S)
        if not line.startswith(self._ready):
            await self.kill()
            raise AssertionError(f"{self.name} did not start ({line!r}):\n{self._log.read_text()[-2_000:]}")
        return line

    async def read_line(self) -> str:
        assert self.process.stdout is not None
        return (await self.process.stdout.readline()).decode()

    async def kill(self) -> None:
        """SIGKILL; returns when the kernel has taken everything back."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def terminate(self) -> int:
        """SIGTERM; returns the exit status."""
        self.process.terminate()
        return await asyncio.wait_for(self.process.wait(), READY_S)


class House:
    """Folders, commands and programs of one ledger with its signer."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sockets = Path(tempfile.mkdtemp(prefix="cy"))
        self.database = folder / "ledger.db"
        self.signer_state = folder / "signer"
        self.signer_target = f"unix:{self.sockets}/s"
        self.target = f"unix:{self.sockets}/l"
        self.vkey = ""
        passphrase = folder / "passphrase"
        passphrase.touch(mode=0o600)
        passphrase.write_text("throw-away\n")
        self._passphrase = ("--passphrase-file", str(passphrase))
        log = folder / "processes.log"
        self.signer = Program(
            "signer",
            [
                CUSTODY,
                "signer",
                "serve",
                "--state",
                str(self.signer_state),
                "--socket",
                f"{self.sockets}/s",
                *self._passphrase,
            ],
            log,
            ready="signer ready",
        )
        self.ledger = Program("ledger", self.ledger_command(), log, ready="ledger ready")

    def ledger_command(self, *more: str) -> list[str]:
        store = f"sqlite:{self.database}"
        return [CUSTODY, "serve", "--store", store, "--signer", self.signer_target, "--listen", self.target, *more]

    async def make(self) -> None:
        """Key, signer, log; the signer runs afterwards."""
        self.vkey = (
            await run("signer", "init", "--origin", ORIGIN, "--state", self.signer_state, *self._passphrase)
        ).strip()
        await self.signer.start()
        await run("log", "create", "--store", f"sqlite:{self.database}", "--signer", self.signer_target, ORIGIN)

    async def close(self) -> None:
        await self.ledger.kill()
        await self.signer.kill()
        for left in self.sockets.iterdir():
            left.unlink()
        self.sockets.rmdir()
