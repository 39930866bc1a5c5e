"""One visit to the desk: the store is open, the ledger is reached when it is needed, waiting records go out first."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from types import TracebackType
from typing import Self

from custody.client.errors import RefusedError
from custody.client.receipt import ProvenEntry
from custody.client.sync import SyncLedgerClient
from custody.core.record import ReadRecord
from custody.desk.config import DeskConfig
from custody.desk.disclosures import DisclosureStore, Draft
from custody.desk.environment import DeskEnvironment
from custody.desk.replay import replay
from custody.rules import Library, Preview, load_library, preview


class Desk:
    """Made by `open_desk`; used by one thread."""

    def __init__(self, config: DeskConfig, store: DisclosureStore, environment: DeskEnvironment) -> None:
        self.config = config
        self.store = store
        self.environment = environment
        self._client: SyncLedgerClient | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            self._client.close()

    @property
    def client(self) -> SyncLedgerClient:
        """The ledger, reached for at the first use. Raises what `LedgerClient.connect` raises, and PrivateFileError."""
        if self._client is None:
            config = self.config
            seal = config.credentials.seal
            self._client = SyncLedgerClient.connect(
                config.targets,
                log=config.log,
                policy=config.trust,
                state=config.folder / "ledger.state",
                submitter=config.submitter,
                # A record that is sent again must carry the same bytes, so the seal must come out the same.
                sealing=seal.read().deterministic() if seal is not None else None,
                timeout_s=config.timeout_s,
                **config.credentials.settings(),
            )
        return self._client

    @cached_property
    def library(self) -> Library:
        """The rule profiles."""
        return load_library()

    def forecast(self, record: ReadRecord) -> Preview:
        """What a record would cause, by the entries of its site. Raises what reading raises."""
        base = ("default", *(name for name in self.config.profiles if name != "default"))
        kept = self.config.folder / "custody.state"
        state = replay(self.client, self.config.log, kept, self.library, base, record, self.config.streams)
        return preview(state, record, self.environment.now_us(), submitter=self._identity())

    def _identity(self) -> str:
        """Under which name the ledger notes what this desk tells."""
        tls = self.config.credentials.tls
        return tls.identity() if tls is not None else f"urn:custody:unverified:{self.config.submitter or 'anonymous'}"

    def send_waiting(self) -> int:
        """Sends what interrupted commands left; returns how many. Raises what appending raises.

        A record that the ledger will never take waits no more; its refusal is raised once.
        """
        waiting = self.store.pending()
        for record_id, raw in waiting:
            try:
                self.client.append([raw])
            except RefusedError as error:
                if error.position >= 0 and not error.retryable:
                    self.store.refused(record_id, None)
                raise
            # Crash here: it is sent again and the ledger answers with the first receipt.
            self.store.sent(record_id)
        return len(waiting)

    def submit(self, record: ReadRecord, draft: Draft, *, erasing: Sequence[bytes] = ()) -> ProvenEntry:
        """Stores the disclosures, then sends the record, then erases; returns the proven entry.

        Raises RefusedError: nothing is left of the record and nothing was erased, unless waiting can help. After
        LedgerUnavailable and every other error the record waits in the store.
        """
        self.store.put(record.record_id, record.raw, draft, erasing)
        # Crash here: nothing is in the log, the record and its disclosures are kept; `send_waiting` goes on.
        try:
            receipt = self.client.append([record.raw])
        except RefusedError as error:
            if not error.retryable:
                self.store.refused(record.record_id, draft)
            raise
        # Crash here: the record is in the log and waits still; it is sent again and gets its first receipt again.
        self.store.sent(record.record_id)
        return receipt[0]


@contextmanager
def open_desk(config: DeskConfig, environment: DeskEnvironment | None = None) -> Iterator[Desk]:
    """Opens the desk's folder and store. Raises DisclosureStoreError, FileInUse, ClientStorageError, OSError."""
    environment = environment or DeskEnvironment()
    config.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    store = DisclosureStore(config.disclosures, random=environment.random)
    try:
        with Desk(config, store, environment) as desk:
            yield desk
    finally:
        store.close()
