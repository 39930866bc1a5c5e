"""Whatever is asked, and however often the signer is restarted: all notes that left it belong to one history."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st
from log_history import History

from custody.core.checkpoint import Checkpoint, open_checkpoint
from custody.core.errors import CustodyError
from custody.core.note import SignatureType, SignerKey
from custody.signer.decide import Request, Signed, State
from custody.signer.signing import Signer
from custody.signer.state import HeldKey, Identity, StateStore, create_state, open_state

ORIGIN = "ledger.example/one"
KEY = SignerKey.from_seed(ORIGIN, SignatureType.ED25519, bytes(32))
HISTORIES = (History(), History("b", parts_at=4), History("c", parts_at=11))
MAX_SIZE = 24

sizes = st.integers(0, MAX_SIZE)
histories = st.sampled_from(HISTORIES)


@st.composite
def requests(draw: st.DrawFn) -> Request:
    """Mostly honest ones, some of another history, some with a proof of something else."""
    old, new = sorted((draw(sizes), draw(sizes)))
    history = draw(histories)
    proof_of = draw(st.sampled_from((history, history, *HISTORIES)))
    request = Request(
        origin=ORIGIN, old_size=old, new_size=new, new_root=history.root(new), proof=tuple(proof_of.proof(old, new))
    )
    return replace(request, proof=request.proof[:-1]) if draw(st.integers(0, 9)) == 0 else request


class Faulty:
    """A store whose writes fail as told: before they happened, or after."""

    def __init__(self, store: StateStore, faults: list[str]) -> None:
        self._store = store
        self._faults = faults

    def reload(self) -> State:
        if self._faults and self._faults[-1] == "reload":
            self._faults.pop()
            raise OSError(5, "Input/output error")
        return self._store.reload()

    def record(self, old: State, signed: Signed) -> None:
        self._write(lambda: self._store.record(old, signed))

    def latch(self, old: State, evidence: object, detected_us: int) -> None:
        self._write(lambda: self._store.latch(old, evidence, detected_us))  # type: ignore[arg-type]

    def _write(self, write: Callable[[], None]) -> None:
        fault = self._faults.pop() if self._faults else "none"
        if fault in {"after", "none"}:
            write()
        if fault != "none":
            raise OSError(5, "Input/output error")


steps = st.one_of(
    requests(),
    st.tuples(st.just("next"), histories, st.integers(1, 5)),
    st.just("restart"),
)


@settings(max_examples=120, deadline=None)
@given(
    st.lists(steps, min_size=1, max_size=25), st.lists(st.sampled_from(["none", "none", "before", "after", "reload"]))
)
def test_all_notes_belong_to_one_history(script: list[object], faults: list[str]) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name) / "state"
        create_state(folder, Identity(origin=ORIGIN, keys=(HeldKey(vkey=KEY.vkey.encode(), uri="file:/none"),)))
        notes: list[Checkpoint] = []
        faults = list(faults)
        at = 0
        while at < len(script):
            with open_state(folder) as store:
                # A start that fails is repeated: the fault list only ever grows shorter.
                signer = _open(store, faults)
                while at < len(script):
                    step = script[at]
                    at += 1
                    if step == "restart":
                        break
                    request = step if isinstance(step, Request) else _next(notes, step)
                    try:
                        note = signer.sign(request)
                    except CustodyError:
                        continue
                    answered = open_checkpoint(note, KEY.vkey)
                    assert (answered.size, answered.root) == (request.new_size, request.new_root)
                    notes.append(answered)
        _assert_one_history(notes)


def _open(store: StateStore, faults: list[str]) -> Signer:
    while True:
        try:
            return Signer(origin=ORIGIN, keys=(KEY,), store=Faulty(store, faults), clock_us=lambda: 1)
        except OSError:
            continue


def _next(notes: list[Checkpoint], step: object) -> Request:
    assert isinstance(step, tuple)
    _, history, more = step
    old = notes[-1].size if notes else 0
    new = old + more
    return Request(
        origin=ORIGIN, old_size=old, new_size=new, new_root=history.root(new), proof=tuple(history.proof(old, new))
    )


def _assert_one_history(notes: list[Checkpoint]) -> None:
    assert [one.size for one in notes] == sorted(one.size for one in notes)
    roots: dict[int, bytes] = {}
    for note in notes:
        assert roots.setdefault(note.size, note.root) == note.root
    # Consistent means: some one history has all of these roots.
    assert not roots or any(all(one.root(size) == root for size, root in roots.items()) for one in HISTORIES)
