"""A desk that dies (SIGKILL) at a named point: `python -m tests.desk.killed_desk POINT ARGUMENTS...`."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from custody.cli import main as command_line
from custody.client.sync import SyncLedgerClient
from custody.desk.disclosures import DisclosureStore

POINTS = {
    "before-store": (DisclosureStore, "put", "before"),
    "before-append": (SyncLedgerClient, "append", "before"),
    "after-append": (SyncLedgerClient, "append", "after"),
    "before-wipe": (DisclosureStore, "_wipe", "before"),
    "after-sent": (DisclosureStore, "sent", "after"),
}


def die_at(point: str) -> None:
    owner, name, when = POINTS[point]
    whole = getattr(owner, name)

    def dying(*args: Any, **kwargs: Any) -> None:
        if when == "after":
            whole(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, name, dying)


if __name__ == "__main__":
    die_at(sys.argv[1])
    sys.exit(command_line.run(sys.argv[2:]))
