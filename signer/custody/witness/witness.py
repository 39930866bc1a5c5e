"""Decide, persist, cosign, answer: the driver of the state machine in `decide`.

The check and the write are one step: no method awaits, so calls on one event loop cannot interleave, and the write
itself compares what it replaces. A cosignature leaves this object only after the memory said that the new size is
durable. When the memory fails, nobody knows what is durable: it is opened again before the next answer.
"""

import time
from collections.abc import Callable, Sequence

from custody.core.cosignature import cosign
from custody.core.errors import CustodyError
from custody.core.note import NoteSigner, encode_signatures
from custody.witness.decide import ForkOffered, Held, Offer, decide, read_offer
from custody.witness.errors import WitnessStateError
from custody.witness.metrics import OFFERS
from custody.witness.state import Memory


def now_us() -> int:
    """The witness's clock: microseconds UTC since 1970."""
    return time.time_ns() // 1_000


class Witness:
    """One witness: its keys and its memory."""

    def __init__(self, *, keys: Sequence[NoteSigner], memory: Memory, clock_us: Callable[[], int] = now_us) -> None:
        """Raises WitnessStateError when the memory is another witness's."""
        if tuple(key.vkey.encode() for key in keys) != memory.vkeys:
            raise WitnessStateError("the state belongs to other keys", code="witness-key-mismatch")
        self.memory = memory
        self._keys = tuple(keys)
        self._clock_us = clock_us
        self._known = True

    def add_checkpoint(self, body: bytes) -> bytes:
        """The signature lines that answer a request.

        Raises WitnessRefusal as the table in `decide` has it, WitnessStateError `witness-state-unknown`.
        """
        offer = read_offer(body)
        origin = offer.checkpoint.origin
        try:
            answer = self._add(offer)
        except CustodyError as error:
            # Logs that are not known share one label: whoever asks must not be able to make new ones.
            known = "" if error.code in ("witness-log-unknown", "witness-state-damaged") else origin
            OFFERS.labels(known, error.code).inc()
            raise
        OFFERS.labels(origin, "cosigned").inc()
        return answer

    def _add(self, offer: Offer) -> bytes:
        if not self._known:
            self.memory.reload()
            self._known = True
        held = self.memory.held(offer.checkpoint.origin)
        try:
            new = decide(held, offer)
        except ForkOffered as fork:
            self._keep(held, fork.offered)
            raise
        assert held is not None
        if new != held:
            self._persist(lambda: self.memory.replace(held, new))
        timestamp_s = self._clock_us() // 1_000_000
        return encode_signatures([cosign(offer.note.text, key, timestamp_s=timestamp_s) for key in self._keys])

    def _keep(self, held: Held | None, offered: bytes) -> None:
        if held is not None and held.note:
            self._persist(lambda: self.memory.keep_fork(held, offered, self._clock_us()))

    def _persist(self, write: Callable[[], None]) -> None:
        self._known = False
        try:
            write()
        except CustodyError:
            raise
        except Exception as error:
            raise WitnessStateError("the state could not be written", code="witness-state-unknown") from error
        self._known = True
