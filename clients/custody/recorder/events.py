"""Takes the events of hooks out of the spool: each acted on once, whatever happens in between.

Some events are one transaction, which remembers their names too. Crash before its commit: all are taken again. Crash
after it, with files still there: their names are known, and they are only removed.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from itertools import islice
from pathlib import Path
from typing import Final

from custody.core.errors import MalformedError
from custody.recorder import spool
from custody.recorder.environment import Counts
from custody.recorder.hooks import Hooks
from custody.recorder.place import Place
from custody.recorder.register import Register
from custody.recorder.state import State
from custody.recorder.troubles import Troubles

_AT_ONCE: Final = 256


class Events:
    """Mutable; used by the agent's thread alone."""

    def __init__(
        self,
        folder: Path,
        state: State,
        hooks: Hooks,
        register: Register,
        *,
        counts: Counts,
        troubles: Troubles,
        transaction: Callable[[], AbstractContextManager[None]],
    ) -> None:
        """`folder` is the spool; `transaction` the agent's: a decision and its records, all or nothing."""
        self._folder = folder
        self._state = state
        self._hooks = hooks
        self._register = register
        self._counts = counts
        self._troubles = troubles
        self._transaction = transaction
        self._stuck: set[str] = set()
        """Names of events that cannot be read or taken away; left alone until the next start."""

    def take(self) -> tuple[bool, list[Place]]:
        """Acts on everything that waits; whether there was something, and the places of files that it speaks of."""
        places: list[Place] = []
        heard = False
        while paths := self._waiting():
            with self._transaction():
                found = [self._take_one(path) for path in paths]
            places += [place for place in found if place is not None]
            self._remove([path for path in paths if path.name not in self._stuck])
            heard = True
        return heard, places

    def _waiting(self) -> list[Path]:
        free = (path for path in spool.waiting(self._folder) if path.name not in self._stuck)
        return list(islice(free, _AT_ONCE))

    def _take_one(self, path: Path) -> Place | None:
        """Acts on one event, or on nothing of it; inside a transaction."""
        key = f"hook:{path.name}"
        if self._state.note(key) is not None:
            return None
        try:
            event = spool.read_event(path)
            self._state.set_note(key, "done")
            with self._state.savepoint(), self._register.trial():
                return self._hooks.apply(event)
        except OSError as error:
            self._state.drop_note(key)  # nothing was done; the next start tries again
            self._leave(path, error)
        except MalformedError as error:
            self._counts.refused += 1
            self._troubles.meet("hook-refused", path.name, error)
        return None

    def _remove(self, paths: list[Path]) -> None:
        gone = []
        for path in paths:
            try:
                path.unlink(missing_ok=True)
                gone.append(path)
            except OSError as error:  # its name stays known, so that it is not acted on twice
                self._leave(path, error)
        with self._transaction():
            for path in gone:
                self._state.drop_note(f"hook:{path.name}")

    def _leave(self, path: Path, error: OSError) -> None:
        self._stuck.add(path.name)
        self._troubles.meet("hook-unreadable", path.name, error)
