"""Asks all witnesses of a log at once, and is content with a quorum.

Rules here: a checkpoint is offered to every witness that is not resting after a failure; as soon as those who cosigned
make the policy's quorum, the rest is not waited for (their answers still count for the next time). One call for each
witness at a time. Everything runs on one event loop; connections block in threads.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

import structlog

from custody.core.add_checkpoint import AddCheckpoint
from custody.core.cosignature import Cosignature
from custody.core.errors import CustodyError, PolicyError
from custody.core.note import NoteSignature, VerifierKey, parse_note
from custody.core.policy import Policy
from custody.server.witnessing.link import Cosigned, WitnessAddress, WitnessFailed, WitnessHolds, WitnessLink
from custody.server.witnessing.metrics import AHEAD, ANSWERS, HELD, QUORUM, SECONDS, WITHOUT

log = structlog.get_logger()

Prove = Callable[[int], Awaitable[tuple[bytes, ...]]]
"""The consistency proof from a smaller size to the offered one."""

FIRST_REST_S: Final = 0.5
LONGEST_REST_S: Final = 30.0
RETRY_S: Final = 1.0
"""The longest rest where nothing is published without a quorum."""
_TRIES: Final = 3
"""Offers to one witness for one checkpoint: it may hold another size than we think, and move on meanwhile."""


class Mode(Enum):
    """What a missing quorum means."""

    REQUIRE = "require"
    """Nothing is published without it."""
    REPORT = "report"
    """It is published all the same, and the metrics say so."""
    LATER = "later"
    """Publication never waits; witnesses are asked on the cadence alone."""


class QuorumMissing(CustodyError):
    """Too few witnesses cosigned in time; the checkpoint is not published yet."""

    code = "quorum-missing"


class WitnessAhead(CustodyError):
    """A witness holds a larger tree than this ledger has: the ledger was restored from a backup, or forked."""

    code = "witness-ahead"


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessSettings:
    """Which witnesses, and what they are for. `every_s`: how often an idle log is shown to them again."""

    policy: Policy
    mode: Mode = Mode.REQUIRE
    deadline_s: float = 2.0
    every_s: float = 60.0


class _Peer:
    """What is known of one witness between calls."""

    def __init__(self, link: WitnessLink) -> None:
        self.link = link
        self.held = 0
        self.busy = False
        self.rest_s = 0.0
        self.rests_until = 0.0
        self.ahead = False

    @property
    def name(self) -> str:
        return self.link.address.name


class Witnesses:
    """All witnesses of one log; used on one event loop."""

    def __init__(self, origin: str, settings: WitnessSettings) -> None:
        """Raises ValueError when a witness of the policy has no usable URL."""
        self.settings = settings
        self._origin = origin
        self._peers = [
            _Peer(WitnessLink(address, timeout_s=settings.deadline_s)) for address in addresses(settings.policy)
        ]
        self._threads = ThreadPoolExecutor(max(1, len(self._peers)), thread_name_prefix="witness")
        self._tasks: set[asyncio.Task[Cosigned | None]] = set()

    async def close(self) -> None:
        """Ends what is under way: a witness that answers a byte at a time would hold a thread for ever."""
        for task in self._tasks:
            task.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)
        for peer in self._peers:
            peer.link.close()
        await asyncio.to_thread(self._threads.shutdown)

    async def cosign(self, note: bytes, size: int, prove: Prove) -> bytes:
        """The note with the cosignatures that came. Raises QuorumMissing when the mode requires a quorum."""
        if self.settings.mode is Mode.LATER:
            return note
        cosigned, missing = await self.ask(note, size, prove)
        if missing is None:
            return cosigned
        if self.settings.mode is Mode.REQUIRE:
            raise QuorumMissing(str(missing))
        WITHOUT.labels(self._origin).inc()
        await log.awarning("published without quorum", origin=self._origin, size=size, reason=str(missing))
        return cosigned

    async def check_start(self, note: bytes, size: int, have: int, prove: Prove) -> None:
        """Shows the last published checkpoint before the log is written.

        Raises WitnessAhead when a witness holds more than the `have` entries of the storage and the mode is `require`;
        in the other modes it is logged, for an unsigned answer must not stop a ledger that does not depend on it.
        """
        if note:
            await self.ask(note, size, prove, everybody=True)
        ahead = [peer for peer in self._peers if peer.held > have]
        for peer in self._peers:
            peer.ahead = peer in ahead
            AHEAD.labels(self._origin, peer.name).set(peer.ahead)
        if ahead:
            names = ", ".join(f"{peer.name} holds {peer.held}" for peer in ahead)
            message = f"this ledger has {have} entries, but {names}: it was restored from a backup or forked"
            await log.aerror("witness ahead", origin=self._origin, reason=message)
            if self.settings.mode is Mode.REQUIRE:
                raise WitnessAhead(message)

    async def ask(
        self, note: bytes, size: int, prove: Prove, *, everybody: bool = False
    ) -> tuple[bytes, PolicyError | None]:
        """Offers a checkpoint; returns the note with cosignatures, and what is missing of the quorum.

        `everybody`: waits for all who are not resting, not only for a quorum.
        """
        begun = time.monotonic()
        lines: list[NoteSignature] = []
        cosignatures: list[Cosignature] = []
        missing = self._missing(cosignatures)
        waiting = {self._begin(peer, note, size, prove) for peer in self._peers if self._ready(peer, begun)}
        try:
            async with asyncio.timeout(self.settings.deadline_s):
                while waiting and (everybody or missing is not None):
                    done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                    for task in done:
                        if (cosigned := task.result()) is not None:
                            lines += cosigned.lines
                            cosignatures += cosigned.cosignatures
                    missing = self._missing(cosignatures)
        except TimeoutError:
            pass  # who did not answer in time goes on in the background, bounded by the connection's own timeout
        SECONDS.labels(self._origin).observe(time.monotonic() - begun)
        QUORUM.labels(self._origin).set(missing is None)
        return _with_lines(note, lines), missing

    def _missing(self, cosignatures: Sequence[Cosignature]) -> PolicyError | None:
        try:
            self.settings.policy.check(cosignatures)
        except PolicyError as error:
            return error
        return None

    def _ready(self, peer: _Peer, now: float) -> bool:
        return not peer.busy and now >= peer.rests_until

    def _begin(self, peer: _Peer, note: bytes, size: int, prove: Prove) -> asyncio.Task[Cosigned | None]:
        peer.busy = True
        task = asyncio.create_task(self._offer(peer, note, size, prove))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _offer(self, peer: _Peer, note: bytes, size: int, prove: Prove) -> Cosigned | None:
        try:
            cosigned = await self._insist(peer, note, size, prove)
        except CustodyError as error:
            self._rest(peer, error.code)
            ANSWERS.labels(self._origin, peer.name, error.code).inc()
            await log.awarning(
                "no cosignature", origin=self._origin, witness=peer.name, code=error.code, reason=str(error)
            )
            return None
        finally:
            peer.busy = False
        peer.rest_s, peer.rests_until = 0.0, 0.0
        ANSWERS.labels(self._origin, peer.name, "cosigned").inc()
        return cosigned

    def _rest(self, peer: _Peer, code: str) -> None:
        """Leaves a witness alone for a while, unless it answers and it is the ledger that is behind."""
        longest = RETRY_S if self.settings.mode is Mode.REQUIRE else LONGEST_REST_S
        peer.rest_s = 0.0 if code == WitnessAhead.code else min(longest, max(FIRST_REST_S, 2 * peer.rest_s))
        peer.rests_until = time.monotonic() + peer.rest_s

    async def _insist(self, peer: _Peer, note: bytes, size: int, prove: Prove) -> Cosigned:
        signed = parse_note(note)
        loop = asyncio.get_running_loop()
        for _ in range(_TRIES):
            old = min(peer.held, size)
            offer = AddCheckpoint(old_size=old, proof=await prove(old), checkpoint=note).encode()
            try:
                cosigned = await loop.run_in_executor(self._threads, peer.link.post, offer, signed)
            except WitnessHolds as holds:
                self._learn(peer, holds.size)
                if holds.size > size:
                    message = f"{peer.name} holds size {holds.size}, the offered checkpoint is of size {size}"
                    raise WitnessFailed(message, code="witness-ahead") from holds
                if holds.size == old:
                    message = f"{peer.name} cosigned another tree of size {old}"
                    raise WitnessFailed(message, code="witness-fork-seen") from holds
            else:
                self._learn(peer, size)
                return cosigned
        raise WitnessFailed(f"{peer.name} holds another size at every try", code="witness-refuses")

    def _learn(self, peer: _Peer, size: int) -> None:
        peer.held = size
        HELD.labels(self._origin, peer.name).set(size)


def _with_lines(note: bytes, lines: Sequence[NoteSignature]) -> bytes:
    """The note with new cosignatures in the place of older ones by the same keys."""
    signed = parse_note(note)
    fresh = {(line.name, line.key_id) for line in lines}
    kept = tuple(line for line in signed.signatures if (line.name, line.key_id) not in fresh)
    return replace(signed, signatures=(*kept, *lines)).encode()


def addresses(policy: Policy) -> list[WitnessAddress]:
    """The witnesses of a policy by URL: one that has two keys is asked once. Raises ValueError for one without URL."""
    found: dict[str, tuple[str, tuple[VerifierKey, ...]]] = {}
    for one in policy.witnesses:
        if one.url is None:
            raise ValueError(f"the policy names no URL for the witness {one.name}")
        name, keys = found.get(one.url, (one.vkey.name, ()))
        found[one.url] = (name, (*keys, one.vkey))
    return [WitnessAddress(name=name, url=url, keys=keys) for url, (name, keys) in found.items()]
