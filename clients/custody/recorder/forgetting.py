"""Forgets disposed segments, once the ledger has their disposal and nobody will ask for them again.

A row is kept for `remember` after its file went, so that a file that comes back is recognized as the segment that it
was. Then it takes three steps, each a transaction of its own: rows are marked; everything that was handed to the
outbox until then gets its receipt; marked rows go. Which receipts are waited for is only in memory: after a crash the
marked rows wait for a new round. A file that comes back later still is a new segment with an old time.

Gaps that were told are the ledger's to keep; here they are forgotten when no day that is shown has them.
"""

from typing import Final

from custody.recorder.config import DAY_US, Config
from custody.recorder.outbox import Outbox
from custody.recorder.state import State

AT_ONCE: Final = 20_000
"""Rows marked or dropped in one transaction: some tenths of a second."""
GAPS_US: Final = 2 * DAY_US
"""How long gaps are remembered: `record check` shows those of today, which began at most 25 hours ago in every zone."""


class Forgetting:
    """Mutable, one owner; `go_on` runs inside a transaction of the agent."""

    def __init__(self, config: Config, state: State, outbox: Outbox) -> None:
        self._config = config
        self._state = state
        self._outbox = outbox
        self._awaited: int | None = None
        """Receipts after which the marked rows may go; None: nothing is marked in this round."""

    def go_on(self, now_us: int) -> int:
        """Takes the next step that can be taken; returns how many rows were dropped."""
        self._state.forget_gaps(now_us - GAPS_US)
        if self._awaited is None:
            if self._state.count_pending():
                return 0  # a disposal may be among them; forwarding empties it within a step
            self._state.mark_forgotten(now_us - self._config.remember_us, AT_ONCE)
            # The backlog first: what gets its receipt in between is counted twice, and waited for a little longer.
            backlog = self._outbox.backlog()
            self._awaited = self._outbox.receipted() + backlog
            return 0
        if self._outbox.receipted() < self._awaited and self._outbox.backlog():
            return 0
        self._awaited = None
        return self._state.drop_forgotten(AT_ONCE)
