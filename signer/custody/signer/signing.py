"""Decide, sign in memory, persist, answer: the driver of the state machine in `decide`.

The order is the whole point. The note leaves this object only after the store said that it is durable. Not safe for
concurrent use; no method awaits, so calls on one event loop cannot interleave.

When the store fails, nobody knows what is durable. From then on `_state` is None and nothing is answered until the state
has been read again and checked under the key, by the same steps as at start.
"""

from collections.abc import Callable, Sequence

from custody.core.checkpoint import open_checkpoint, sign_checkpoint
from custody.core.errors import CustodyError, MalformedError, VerificationError
from custody.core.note import NoteSigner, VerifierKey
from custody.signer.decide import Evidence, Grow, Latch, Repeat, Request, Signed, State, check_origin, decide
from custody.signer.errors import SignerKeyError, SignerRefusalError, SignerStateError
from custody.signer.state import StateStore

FORK = "signer-fork"


class Signer:
    """One log's keys with their one durable memory. Every checkpoint is signed by all of them."""

    def __init__(
        self,
        *,
        origin: str,
        keys: Sequence[NoteSigner],
        store: StateStore,
        clock_us: Callable[[], int],
        former: Sequence[VerifierKey] = (),
    ) -> None:
        """Loads the state. `former` keys sign no more and may have signed what is stored.

        Raises SignerStateError when the state is not of these keys.
        """
        if not keys:
            raise ValueError("a signer has a key")
        self.origin = origin
        self.vkeys = tuple(key.vkey for key in keys)
        self.known = (*self.vkeys, *former)
        """Keys whose signatures are this signer's own."""
        self._keys = tuple(keys)
        self._store = store
        self._clock_us = clock_us
        self._state: State | None = self._load()

    @property
    def vkey(self) -> VerifierKey:
        """The oldest key that signs."""
        return self.vkeys[0]

    def state(self, origin: str) -> State:
        """The state of the log `origin`. Raises SignerRefusalError `signer-origin-unknown`, or SignerStateError."""
        state = self._known()
        check_origin(state, origin)
        return state

    def sign(self, request: Request) -> bytes:
        """The signed note that answers the request.

        Raises SignerRefusalError (codes in `custody.signer.decide`, and `signer-fork` for the request that latched the
        signer), SignerStateError `signer-state-unknown` when the state could not be written, SignerKeyError
        `signer-key-failed`.
        """
        state = self._known()
        match decide(state, request):
            case Repeat(note=note):
                return note
            case Latch(evidence=evidence):
                self.latch(evidence)
                raise SignerRefusalError(
                    f"two roots of size {state.size}: the signer of {self.origin} latched shut and keeps both",
                    code=FORK,
                    facts={"size": str(state.size)},
                )
            case Grow(checkpoint=checkpoint):
                try:
                    # ML-DSA-44 lines carry a time (C2SP tlog-cosignature): of now, this is the largest tree we know of.
                    now_s = self._clock_us() // 1_000_000
                    note = sign_checkpoint(checkpoint, self._keys, timestamp_s=now_s).note.encode()
                except Exception as error:  # a hardware key fails in its library's own ways; the cause is chained
                    raise SignerKeyError("the key failed to sign", code="signer-key-failed") from error
                signed = Signed(checkpoint=checkpoint, note=note)
                self._persist(lambda: self._store.record(state, signed), state.grown(signed))
                return note

    def latch(self, evidence: Evidence) -> None:
        """Keep the evidence and never sign again. Raises SignerStateError `signer-state-unknown`."""
        state = self._known()
        self._persist(lambda: self._store.latch(state, evidence, self._clock_us()), state.shut(evidence))

    def _persist(self, write: Callable[[], None], after: State) -> None:
        # Unknown before the write and known again only after it: an error of any kind leaves it unknown.
        self._state = None
        try:
            write()
        except CustodyError:
            raise
        except Exception as error:
            raise SignerStateError("the state could not be written", code="signer-state-unknown") from error
        self._state = after

    def _known(self) -> State:
        if self._state is not None:
            return self._state
        try:
            state = self._load()
        except Exception as error:
            raise SignerStateError(
                f"what is durable is not known after a failed write, and reading it again failed: {error}",
                code="signer-state-unknown",
            ) from error
        self._state = state
        return state

    def _load(self) -> State:
        state = self._store.reload()
        if state.origin != self.origin:
            raise SignerStateError(f"the state is of the log {state.origin!r}, not {self.origin!r}")
        if state.signed is None:
            return state
        try:
            # Keys may have come and gone since it was signed.
            open_checkpoint(state.signed.note, self.known, origin=self.origin, any_type=True)
        except (MalformedError, VerificationError) as error:
            raise SignerStateError(f"the stored note was not signed by this signer: {error}") from error
        return state
