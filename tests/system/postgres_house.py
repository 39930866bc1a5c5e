"""Two ledger processes over one PostgreSQL, and one signer: what a kill, a pause or a restart of one of them meets."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.system.programs import CUSTODY, ORIGIN, House, Program, run

LEASE_S = 1.0


class Ledger(Program):
    """A ledger process that can be stopped in the middle of a breath, and go on as if nothing had happened."""

    def pause(self) -> None:
        """SIGSTOP."""
        self.process.send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        """SIGCONT."""
        self.process.send_signal(signal.SIGCONT)


class PostgresHouse(House):
    """A house whose log lies in PostgreSQL; `ledgers` share it."""

    def __init__(self, folder: Path, dsn: str) -> None:
        super().__init__(folder)
        self.store = dsn
        self.targets = [f"unix:{self.sockets}/l{number}" for number in range(2)]
        self.target = ",".join(self.targets)
        self.ledgers = [
            Ledger(f"ledger {number}", self._command(target), folder / "processes.log", ready="ledger ready")
            for number, target in enumerate(self.targets)
        ]

    def _command(self, target: str) -> list[str]:
        return [
            *(CUSTODY, "serve", "--store", self.store, "--signer", self.signer_target, "--listen", target),
            *("--lease", str(LEASE_S)),
        ]

    async def make(self) -> None:
        """Key, signer, log; the signer runs afterwards."""
        state = ("--origin", ORIGIN, "--state", self.signer_state)
        self.vkey = (await run("signer", "init", *state, *self._passphrase)).strip()
        await self.signer.start()
        await run("log", "create", "--store", self.store, "--signer", self.signer_target, ORIGIN)

    async def close(self) -> None:
        for ledger in self.ledgers:
            await ledger.kill()
        await super().close()
