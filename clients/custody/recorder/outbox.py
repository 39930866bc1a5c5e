"""Where records go: what the agent asks of an outbox, and the way there."""

from collections.abc import Sequence
from typing import Final, Protocol

from custody.recorder.state import State

OUTBOX_FILE: Final = "outbox.sqlite"
"""Its file in the agent's own folder."""
BATCH_RECORDS: Final = 1_000
"""Records handed over at once: below core.limits.MAX_BATCH_RECORDS."""


class Outbox(Protocol):
    """The client library's durable outbox, as the agent sees it."""

    def put_many(self, records: Sequence[bytes]) -> None:
        """Takes records. Durable when it returns; taking a record again (same id, same bytes) changes nothing.

        Raises OutboxFullError when there is no room; then it took none of them.
        """

    def backlog(self) -> int:
        """How many records were taken and have no receipt yet."""

    def receipted(self) -> int:
        """How many records got their receipt since the start, in the order in which they were taken."""

    def problem(self) -> str:
        """Why records do not get through, in a few words; empty when they do."""

    def revive(self) -> int:
        """Sends what the ledger refused for good once more, durably; returns how many records.

        Raises OutboxFullError when there is no room; then they stay where they are.
        """


class OutboxFullError(Exception):
    """The outbox has no room now; the records stay with the agent."""


def forward(state: State, outbox: Outbox) -> int:
    """Hands waiting records to the outbox; returns how many.

    Crash before `put_many` returned: they wait still. Crash after it, before they are dropped: the next start hands
    over the same bytes again, which the outbox (and behind it the ledger) takes once.
    """
    rows = state.pending(BATCH_RECORDS)
    if not rows:
        return 0
    try:
        outbox.put_many([record for _, record in rows])
    except OutboxFullError:
        return 0
    with state.transaction():
        state.drop_pending(rows[-1][0])
    return len(rows)
