"""Listens to the audit of a log and replays what is under its last checkpoint into the custody state."""

from collections.abc import Callable, Sequence
from typing import Final

from custody.core.tile import TILE_WIDTH
from custody.core.tree import EMPTY_FRONTIER
from custody.rules import CustodyState
from custody.verifier.custody_audit.replay import replay
from custody.verifier.log_audit import LogAudit
from custody.verifier.log_memory import LogMemory
from custody.verifier.log_reader import StoredHead
from custody.verifier.range_audit import RangeResult

KEEP_EVERY: Final = 4_000_000
"""Entries between two savings of an unfinished audit: about a minute's work for a second's writing."""

NOTHING_READ: Final = LogMemory(EMPTY_FRONTIER, {}, 0)
Keep = Callable[[LogMemory], None]


class Replay:
    """Implements `audit_run.Listener`; mutable, one owner. `state` is the custody state so far."""

    def __init__(
        self, new_state: Callable[[], CustodyState], *, start: LogMemory = NOTHING_READ, keep: Keep | None = None
    ) -> None:
        """`new_state` gives the state to begin with, each time anew; `keep` saves an unfinished audit."""
        self._start = start
        self._new_state = new_state
        self._keep = keep
        self._kept = 0
        self._edge = 0
        self._last: LogMemory | None = None
        self.state = new_state()
        self.origin = ""
        self.end = 0
        """Size of the last published checkpoint, as the log says: entries from there on are not judged."""
        self.edge: LogMemory | None = None
        """The log audit at the last edge of a bundle before `end`: from there the next audit goes on."""

    def begin(self, head: StoredHead, size: int) -> Sequence[int]:
        """See Listener."""
        if self._last is not None:
            self.state = self._new_state()
        self._last = None
        self.origin = head.origin
        self.end = max(0, min(head.published, size))
        self._edge = max(0, self.end - 1) // TILE_WIDTH * TILE_WIDTH
        self._kept = self.state.size
        self.edge = self._start if self._start.first == self._edge else None
        return [self._edge]

    def take(self, result: RangeResult, audit: LogAudit) -> None:
        """See Listener."""
        assert result.told is not None
        replay(result.told, self.state, self.end)
        if result.end > self._edge:
            return
        self._last = audit.memory()
        if result.end == self._edge:
            self.edge = self._last
        elif result.end - self._kept >= KEEP_EVERY:
            self.keep()

    def keep(self) -> None:
        """Saves how far it came, so that the work is not lost. A crash while saving leaves what was saved before."""
        if self._keep is not None and self._last is not None and self.state.size == self._last.first:
            self._keep(self._last)
            self._kept = self.state.size
