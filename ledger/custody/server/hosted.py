"""A log that this server hosts: its storage, its writer, and what is published of it."""

from dataclasses import dataclass

from custody.server.publication import Publication
from custody.server.sequencer import Sequencer
from custody.server.store.protocol import LogStore
from custody.server.timestamping.keeper import StampKeeper
from custody.server.witnessing.quorum import Witnesses


@dataclass(frozen=True, slots=True, kw_only=True)
class HostedLog:
    """One log; `vkeys` as they were recorded when it was created."""

    origin: str
    vkeys: tuple[str, ...]
    store: LogStore
    sequencer: Sequencer
    publication: Publication
    witnesses: Witnesses | None = None
    stamps: StampKeeper | None = None
