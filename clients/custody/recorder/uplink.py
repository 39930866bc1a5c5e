"""The client library as the agent's outbox: its durable queue, and a thread that drains it into the ledger.

When the ledger lies (fork, rollback) the drain stops and says so; the queue keeps what has no receipt, and a person must
look. Everything else is waiting.
"""

import asyncio
import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

from custody.client.aio import LedgerClient
from custody.client.credentials import Credentials, CredentialsUnusable
from custody.client.drain import Drain
from custody.client.errors import OutboxFull
from custody.client.outbox import Outbox as ClientOutbox
from custody.client.receipt import Receipt
from custody.core.errors import CustodyError
from custody.core.policy import Policy
from custody.recorder.config import ConfigError
from custody.recorder.outbox import OUTBOX_FILE, OutboxFullError
from custody.verifier.trust import TrustError, load_trust

_LOG: Final = logging.getLogger("custody.recorder")
_NEEDED: Final = ("target", "log", "vkeys")
_KEYS: Final = (*_NEEDED, "submitter")


class Uplink:
    """Records on their way to one log. `close` stops sending; what waits stays on disk."""

    def __init__(self, folder: Path, ledger: Mapping[str, Any], base: Path) -> None:
        """`base` is the folder that relative paths in `ledger` are below.

        Raises ConfigError, CredentialsUnusable, PrivateFileError, MalformedError, OSError, and as the client's Outbox.
        """
        self._ledger = dict(ledger)
        try:
            credentials = Credentials.take(self._ledger, base)
        except CredentialsUnusable as error:
            raise ConfigError(str(error)) from error
        check_ledger(self._ledger)
        self._trust = _trust(self._ledger["vkeys"], base)
        if all(key.name != self._ledger["log"] for key in self._trust.keys):
            names = ", ".join(sorted({key.name for key in self._trust.keys}))
            raise ConfigError(f"[ledger] log is {self._ledger['log']!r}, and vkeys has keys of {names} only")
        self._folder = folder
        self._settings = credentials.settings()
        seal = credentials.seal.read().seal if credentials.seal is not None else None
        self._sealing = partial(seal, self._ledger["log"]) if seal is not None else None
        self._outbox = ClientOutbox(folder / OUTBOX_FILE)
        self._drain: Drain | None = None
        self._latched = ""
        self.delivered = 0
        """Records whose receipt was verified, since the start."""
        self._loop = asyncio.new_event_loop()
        self._task: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, name="custody-uplink", daemon=True)
        self._thread.start()

    def put_many(self, records: Sequence[bytes]) -> None:
        """See `custody.recorder.outbox.Outbox`."""
        with _full():
            self._outbox.put_many(records)

    def backlog(self) -> int:
        """Records without a receipt."""
        return self._outbox.count

    def receipted(self) -> int:
        """See `custody.recorder.outbox.Outbox`. Counted before the outbox drops them, so never too late to be safe."""
        return self.delivered

    def problem(self) -> str:
        """Why the ledger does not take them; empty when it does."""
        trouble = self._drain.trouble if self._drain else None
        return self._latched or (f"{trouble} [{trouble.code}]" if trouble else "")

    def revive(self) -> int:
        """See `custody.recorder.outbox.Outbox`."""
        with _full():
            return self._outbox.revive()

    def close(self) -> None:
        """Stops; waits for the thread."""
        with suppress(RuntimeError):  # the loop has ended by itself
            self._loop.call_soon_threadsafe(self._cancel)
        self._thread.join(10)
        self._outbox.close()

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner, suppress(asyncio.CancelledError):
            runner.run(self._send())

    async def _send(self) -> None:
        self._task = asyncio.current_task()
        try:
            client = await self._connect()
            try:
                self._drain = Drain(
                    self._outbox, client, batch_records=512, delivered=self._count, sealing=self._sealing
                )
                await self._drain.run()
            finally:
                await client.close()
        except CustodyError as error:
            self._latched = f"{error} [{error.code}]"
            _LOG.critical("nothing is sent any more, records are kept: %s [%s]", error, error.code)
        except Exception as error:  # noqa: BLE001 - see below
            # A fault of this program: whoever looks at the agent must see that nothing is sent, while footage is still noted.
            self._latched = f"{type(error).__name__}: {error}"
            _LOG.critical("nothing is sent any more, records are kept", exc_info=True)

    async def _connect(self) -> LedgerClient:
        ledger = self._ledger
        return await LedgerClient.connect(
            ledger["target"],
            log=ledger["log"],
            policy=self._trust,
            state=self._folder / "ledger.sqlite",
            submitter=ledger.get("submitter", ""),
            **self._settings,
        )

    async def _count(self, batch: Sequence[Any], receipt: Receipt) -> None:
        self.delivered += len(batch)


@contextmanager
def _full() -> Iterator[None]:
    try:
        yield
    except OutboxFull as error:
        raise OutboxFullError(str(error)) from error


def check_ledger(ledger: Mapping[str, Any]) -> None:
    """Raises ConfigError when `[ledger]` (without its tables of credentials) is not as it must be."""
    if set(ledger) - set(_KEYS) or not all(ledger.get(name) for name in _NEEDED):
        raise ConfigError(
            "[ledger] needs target, log and vkeys, and may have submitter, [ledger.tls] and [ledger.seal]"
        )
    targets = ledger["target"] if isinstance(ledger["target"], list) else [ledger["target"]]
    if not all(isinstance(one, str) for one in (*targets, ledger["log"], ledger.get("submitter", ""))):
        raise ConfigError("[ledger] target, log and submitter are texts; target may be a list of them")


def _trust(given: Any, base: Path) -> Policy:
    """Whom to believe: keys, or files of keys or a policy below `base`, as `--trust` takes them."""
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise ConfigError("[ledger] vkeys is a list of keys or files")
    try:
        return load_trust([str(base / one) if (base / one).is_file() else one for one in given])
    except TrustError as error:
        raise ConfigError(f"[ledger] vkeys: {error}") from error
