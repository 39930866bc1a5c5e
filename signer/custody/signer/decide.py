"""What a signer may sign: a state machine without I/O (DESIGN section 4, step 3).

A state is what was signed last, or nothing yet, or latched. A request is read, compared with the state, and becomes one
decision:

    origin is another                            refuse   signer-origin-unknown
    latched                                      refuse   signer-latched
    new size smaller than signed                 refuse   signer-rollback
    new size as signed, same root                repeat   the note that was signed
    new size as signed, other root               latch    signer-fork, both kept
    old size larger than signed                  refuse   signer-state-behind
    old size smaller than signed                 refuse   signer-old-size
    consistency proof does not hold              refuse   signer-inconsistent
    anything else                                grow

Only two different roots at one size latch: they are evidence, because no proof can reconcile them. A wrong consistency
proof shows nothing but itself; the honest proof may exist, and latching would let one bug end the log.

Before the first signature the signer takes any checkpoint that extends the empty tree. By custom the first is the one
of size 0, signed when the log is created. That is no first signature of a *forgotten* state: a state is made together
with its key and never made again for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from custody.core.checkpoint import Checkpoint, encode_body
from custody.core.errors import ConsistencyError
from custody.core.hashing import EMPTY_ROOT, HASH_BYTES
from custody.core.proof import MAX_PROOF_HASHES, verify_consistency
from custody.core.tree import MAX_TREE_SIZE
from custody.signer.errors import SignerRefusalError

_EMPTY_SIZE: Final = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A checkpoint that was signed, and its note (exact bytes)."""

    checkpoint: Checkpoint
    note: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Two checkpoints of one size and two roots, exact bytes.

    `held` is the signed note. `offered` is the text that the signer was asked to sign, or another signed note.
    """

    held: bytes
    offered: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Everything that a decision depends on."""

    origin: str
    signed: Signed | None = None
    evidence: Evidence | None = None

    @property
    def latched(self) -> bool:
        """Whether the signer has shut for good."""
        return self.evidence is not None

    @property
    def size(self) -> int:
        """Size of the last signed checkpoint; 0 before the first."""
        return _EMPTY_SIZE if self.signed is None else self.signed.checkpoint.size

    @property
    def root(self) -> bytes:
        """Root of the last signed checkpoint; that of the empty tree before the first."""
        return EMPTY_ROOT if self.signed is None else self.signed.checkpoint.root

    def grown(self, signed: Signed) -> "State":
        """The state after `signed` was signed."""
        return replace(self, signed=signed)

    def shut(self, evidence: Evidence) -> "State":
        """The state after latching."""
        return replace(self, evidence=evidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A wish for a signature as it came from the peer; nothing in it has been checked."""

    origin: str
    old_size: int
    new_size: int
    new_root: bytes
    proof: Sequence[bytes] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Grow:
    """Sign this checkpoint, persist, answer."""

    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """Answer with the note that was signed; nothing changes."""

    note: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Latch:
    """Persist the evidence, then refuse with `signer-fork` and never sign again."""

    evidence: Evidence


def decide(state: State, request: Request) -> Grow | Repeat | Latch:
    """Decide on one request. Raises SignerRefusalError with a code of the table above, or `signer-request-malformed`."""
    check_form(request)
    check_origin(state, request.origin)
    check_open(state)
    if request.new_size < state.size:
        raise SignerRefusalError(
            f"asked to sign size {request.new_size} after size {state.size}",
            code="signer-rollback",
            facts={"size": str(state.size)},
        )
    if state.signed is not None and request.new_size == state.size:
        return _same_size(state.signed, request)
    _check_old_size(state, request.old_size)
    return _growth(state, request)


def check_form(request: Request) -> None:
    """Raise SignerRefusalError `signer-request-malformed` unless sizes, root and proof could be a checkpoint's."""
    fault = None
    if not (0 <= request.old_size <= MAX_TREE_SIZE and 0 <= request.new_size <= MAX_TREE_SIZE):
        fault = f"tree sizes are between 0 and {MAX_TREE_SIZE}"
    elif request.old_size > request.new_size:
        fault = f"the new size {request.new_size} is smaller than the old size {request.old_size}"
    elif len(request.new_root) != HASH_BYTES:
        fault = f"a root hash has {HASH_BYTES} bytes, not {len(request.new_root)}"
    elif len(request.proof) > MAX_PROOF_HASHES:
        fault = f"a consistency proof has at most {MAX_PROOF_HASHES} hashes, not {len(request.proof)}"
    elif any(len(value) != HASH_BYTES for value in request.proof):
        fault = f"every hash of a consistency proof has {HASH_BYTES} bytes"
    if fault is not None:
        raise SignerRefusalError(fault, code="signer-request-malformed")


def check_origin(state: State, origin: str) -> None:
    """Raise SignerRefusalError `signer-origin-unknown` when `origin` is another log."""
    if origin != state.origin:
        raise SignerRefusalError(f"this signer holds no key of the log {origin[:256]!r}", code="signer-origin-unknown")


def check_open(state: State) -> None:
    """Raise SignerRefusalError `signer-latched` when the signer has shut."""
    if state.latched:
        raise SignerRefusalError(
            f"the signer of {state.origin} latched shut: it was given two roots of size {state.size}, and keeps both",
            code="signer-latched",
            facts={"size": str(state.size)},
        )


def _same_size(signed: Signed, request: Request) -> Repeat | Latch:
    # Whatever old size and proof came along: a repeated call after a lost answer still carries the first one's.
    if request.new_root == signed.checkpoint.root:
        return Repeat(note=signed.note)
    offered = Checkpoint(origin=signed.checkpoint.origin, size=request.new_size, root=request.new_root)
    return Latch(evidence=Evidence(held=signed.note, offered=encode_body(offered)))


def _check_old_size(state: State, old_size: int) -> None:
    if old_size > state.size:
        # The ledger holds a checkpoint that this state does not know: either it lies, or the state is an old copy.
        raise SignerRefusalError(
            f"the ledger says that size {old_size} was signed, this signer's state knows of {state.size} only",
            code="signer-state-behind",
            facts={"size": str(state.size)},
        )
    if old_size < state.size:
        raise SignerRefusalError(
            f"the proof begins at size {old_size}, but size {state.size} was signed since; read the state and ask again",
            code="signer-old-size",
            facts={"size": str(state.size)},
        )


def _growth(state: State, request: Request) -> Grow:
    try:
        verify_consistency(state.size, state.root, request.new_size, request.new_root, request.proof)
    except ConsistencyError as error:
        raise SignerRefusalError(str(error), code="signer-inconsistent", facts={"size": str(state.size)}) from error
    return Grow(checkpoint=Checkpoint(origin=state.origin, size=request.new_size, root=request.new_root))
