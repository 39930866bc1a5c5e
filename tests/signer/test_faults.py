"""The fault pairs of the signer's durable step: failed and not persisted, failed but persisted, and failing once more.

After every fault the ledger does what it does in life: it asks again. What it is given, and what a new process finds,
must be one history.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import pytest
from log_history import History

from custody.core.checkpoint import open_checkpoint
from custody.core.errors import CustodyError
from custody.core.note import SignerKey
from custody.signer.decide import Evidence, Request, Signed, State
from custody.signer.errors import SignerKeyError, SignerRefusalError, SignerStateError
from custody.signer.signing import Signer
from custody.signer.state import StateFile, StateStore, open_state

ORIGIN = "ledger.example/one"
MAIN, OTHER = History(), History("other", parts_at=4)
ERRORS: tuple[Exception, ...] = (
    OSError(5, "Input/output error"),
    sqlite3.OperationalError("disk I/O error"),
    SignerStateError("could not be written", code="signer-state-unknown"),
    MemoryError(),
)


def wish(old: int, new: int, history: History = MAIN) -> Request:
    return Request(
        origin=ORIGIN, old_size=old, new_size=new, new_root=history.root(new), proof=tuple(history.proof(old, new))
    )


class FaultyStore:
    """Fails the next write before or after it happened, and the next reloads as often as told."""

    def __init__(self, store: StateStore) -> None:
        self._store = store
        self.write_fault: tuple[str, Exception] | None = None
        self.reload_faults: list[Exception] = []
        self.writes = 0
        self._unknown = False

    def reload(self) -> State:
        if self.reload_faults:
            raise self.reload_faults.pop()
        self._unknown = False
        return self._store.reload()

    def record(self, old: State, signed: Signed) -> None:
        self._write(lambda: self._store.record(old, signed))

    def latch(self, old: State, evidence: Evidence, detected_us: int) -> None:
        self._write(lambda: self._store.latch(old, evidence, detected_us))

    def _write(self, write: Callable[[], None]) -> None:
        assert not self._unknown, "a write on a state that nobody has read since a failure"
        self.writes += 1
        when, error = self.write_fault or ("never", None)
        self.write_fault = None
        if when != "before":
            write()
        if error is not None:
            self._unknown = True
            raise error


@pytest.fixture
def file(state_folder: Path) -> Iterator[StateFile]:
    with open_state(state_folder) as store:
        yield store


@pytest.fixture
def store(file: StateFile) -> FaultyStore:
    return FaultyStore(file)


@pytest.fixture
def signer(store: FaultyStore, key: SignerKey) -> Signer:
    """A signer that has signed size 3."""
    signer = Signer(origin=ORIGIN, keys=(key,), store=store, clock_us=lambda: 1)
    signer.sign(wish(0, 3))
    return signer


def test_the_note_is_stored_before_it_is_answered(signer: Signer, store: FaultyStore) -> None:
    store.write_fault = ("after", ERRORS[0])
    with pytest.raises(SignerStateError):
        signer.sign(wish(3, 7))
    assert store.reload().size == 7


@pytest.mark.parametrize(("when", "error"), list(product(["before", "after"], ERRORS)))
@pytest.mark.parametrize("second_faults", [0, 1, 3])
def test_growth_fails_and_is_asked_again(
    signer: Signer, store: FaultyStore, key: SignerKey, when: str, error: Exception, second_faults: int
) -> None:
    store.write_fault = (when, error)
    with pytest.raises(SignerStateError) as caught:
        signer.sign(wish(3, 7))
    assert caught.value.code == "signer-state-unknown"

    store.reload_faults = list(ERRORS[:1]) * second_faults
    for _ in range(second_faults):  # nothing at all is answered while nobody knows what is durable
        with pytest.raises(SignerStateError) as caught:
            signer.state(ORIGIN)
        assert caught.value.code == "signer-state-unknown"

    before = store.writes
    note = signer.sign(wish(3, 7))
    assert open_checkpoint(note, key.vkey).root == MAIN.root(7)
    assert store.writes - before == (1 if when == "before" else 0)
    assert signer.sign(wish(3, 7)) == note
    assert signer.state(ORIGIN).size == 7
    assert open_checkpoint(signer.sign(wish(7, 9)), key.vkey).size == 9


@pytest.mark.parametrize("when", ["before", "after"])
def test_another_tree_after_the_fault(signer: Signer, store: FaultyStore, when: str) -> None:
    # Not persisted: the note never left, the other tree is as good. Persisted: it counts as signed, whoever has it.
    store.write_fault = (when, ERRORS[0])
    with pytest.raises(SignerStateError):
        signer.sign(wish(3, 7))
    if when == "before":
        signer.sign(wish(3, 7, OTHER))
        assert signer.state(ORIGIN).root == OTHER.root(7)
    else:
        with pytest.raises(SignerRefusalError) as caught:
            signer.sign(wish(3, 7, OTHER))
        assert caught.value.code == "signer-fork"


@pytest.mark.parametrize("second", ["before", "after"])
def test_the_write_fails_again_when_it_is_repeated(signer: Signer, store: FaultyStore, second: str) -> None:
    for when in ("before", second):
        store.write_fault = (when, ERRORS[0])
        with pytest.raises(SignerStateError):
            signer.sign(wish(3, 7))
    note = signer.sign(wish(3, 7))
    found = store.reload().signed
    assert found is not None
    assert found.note == note


@pytest.mark.parametrize(("when", "error"), list(product(["before", "after"], ERRORS)))
def test_latching_fails_and_nothing_is_signed_in_between(
    signer: Signer, store: FaultyStore, when: str, error: Exception
) -> None:
    signer.sign(wish(3, 7))
    store.write_fault = (when, error)
    with pytest.raises(CustodyError) as first:
        signer.sign(wish(3, 7, OTHER))
    assert first.value.code == "signer-state-unknown"
    with pytest.raises(CustodyError) as second:
        signer.sign(wish(3, 7, OTHER))
    assert second.value.code == ("signer-fork" if when == "before" else "signer-latched")
    assert store.reload().latched


def test_a_state_that_changed_under_the_signer_is_never_overwritten(
    signer: Signer, file: StateFile, key: SignerKey
) -> None:
    twin = Signer(origin=ORIGIN, keys=(key,), store=file, clock_us=lambda: 1)
    twin.sign(wish(3, 5))
    with pytest.raises(SignerStateError):
        signer.sign(wish(3, 4, OTHER))  # decided on an old view: the compare-and-swap refuses
    with pytest.raises(SignerRefusalError) as caught:
        signer.sign(wish(3, 4, OTHER))
    assert caught.value.code == "signer-rollback"


def test_a_key_that_fails_changes_nothing(state_folder: Path, key: SignerKey) -> None:
    class BrokenKey:
        vkey = key.vkey

        def sign(self, message: bytes) -> bytes:
            raise RuntimeError("CKR_DEVICE_ERROR")

    with open_state(state_folder) as store:
        signer = Signer(origin=ORIGIN, keys=(BrokenKey(),), store=store, clock_us=lambda: 1)
        with pytest.raises(SignerKeyError) as caught:
            signer.sign(wish(0, 3))
        assert caught.value.code == "signer-key-failed"
        assert "CKR" not in str(caught.value)
        assert signer.state(ORIGIN).signed is None
