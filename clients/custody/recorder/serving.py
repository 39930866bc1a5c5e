"""Runs an agent until it is told to stop: the lock, the threads around it, the loop."""

import fcntl
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType
from typing import Final

from custody.core.errors import CustodyError
from custody.recorder.agent import Agent
from custody.recorder.clock import system_now_us
from custody.recorder.config import Config, ConfigError
from custody.recorder.endpoint import Endpoint
from custody.recorder.metrics import exposition
from custody.recorder.onepass.library import library
from custody.recorder.outbox import Outbox
from custody.recorder.state import State
from custody.recorder.survey import take_survey
from custody.recorder.watch import Watch

_LOG: Final = logging.getLogger("custody.recorder")
STEP_S: Final = 0.1
"""How long a round waits for a hint: the delay of a hook's event, which nothing announces."""
GATHER_S: Final = 0.2
"""Pause after a busy round, so that files closed together share one commit and one batch."""


class AgentRunsError(CustodyError):
    """Another agent uses this state folder."""

    code = "recorder-running"


class ListenError(CustodyError):
    """Another process listens there, or it is no address of this machine."""

    code = "address-unusable"


def serve(config: Config, connect: Callable[[], AbstractContextManager[Outbox]]) -> None:
    """Runs until SIGTERM or SIGINT. `connect` opens the outbox, after it is sure that no other agent has this state.

    Raises AgentRunsError, ConfigError, StateError, ListenError, OSError, and what `connect` raises.
    """
    stop = threading.Event()

    def ask_to_stop(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask_to_stop)
    config.state.mkdir(parents=True, exist_ok=True)
    with _alone(config), connect() as outbox:
        state = State(config.state / "agent.sqlite")
        agent = Agent(config, state, outbox)
        watch = Watch(agent.places, agent.tell)
        with _endpoint(config):
            for problem in watch.start([storage for recorder in config.recorders for storage in recorder.storages]):
                _LOG.warning("cannot watch %s", problem)
            _LOG.info(
                "agent ready; media roots by the %s",
                "compiled part" if library() is not None else "reference in Python",
            )
            try:
                while not stop.is_set():
                    if agent.step(STEP_S):
                        stop.wait(GATHER_S)
            finally:
                watch.stop()
                agent.close()
                state.close()


@contextmanager
def _alone(config: Config) -> Iterator[None]:
    descriptor = os.open(config.state / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise AgentRunsError(f"another agent uses {config.state}") from None
    try:
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _endpoint(config: Config) -> Iterator[None]:
    if not config.listen:
        yield
        return
    host, _, port = config.listen.rpartition(":")
    if not host or not port.isascii() or not port.isdigit():
        raise ConfigError("[agent] listen is host:port")

    def page() -> str:
        now_us = system_now_us()
        return exposition(take_survey(config, now_us), now_us)

    try:
        endpoint = Endpoint(
            (host, int(port)),
            folder=config.state / "spool",
            upstream=config.auth_upstream,
            page=page,
            now_us=system_now_us,
        )
    except (OSError, OverflowError) as error:
        raise ListenError(f"[agent] listen = {config.listen!r} cannot be used: {error}") from error
    thread = threading.Thread(target=endpoint.serve_forever, name="custody-endpoint", daemon=True)
    thread.start()
    try:
        yield
    finally:
        endpoint.shutdown()
        endpoint.server_close()
        thread.join(5)
