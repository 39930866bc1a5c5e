"""Whether an offered checkpoint is cosigned: C2SP tlog-witness, "add-checkpoint", as a state machine without I/O.

The checks stand in the order of the specification:

    no request                                     400   witness-request-malformed
    origin of no known log                         404   witness-log-unknown
    no signature of a key of that log verifies     403   witness-signature
    old size larger than the checkpoint's          400   witness-old-size
    old size is not the one that is held           409   witness-size     the answer names the held size
      and the checkpoint is smaller than that      409   witness-rollback: overtaken by another offer, or rolled back
    same size, other root                          409   witness-fork     both checkpoints are kept
    the consistency proof does not hold            422   witness-proof
    anything else                                  200   the cosignatures

Strictness beyond the specification: a wrong signature of a known key refuses the offer even beside a good one.
"""

from dataclasses import dataclass
from http import HTTPStatus

from custody.core.add_checkpoint import AddCheckpoint, parse_add_checkpoint
from custody.core.checkpoint import Checkpoint, parse_checkpoint
from custody.core.errors import ConsistencyError, MalformedError, SignatureError
from custody.core.hashing import EMPTY_ROOT
from custody.core.note import SignedNote, VerifierKey, verify_note
from custody.core.proof import verify_consistency
from custody.witness.errors import WitnessRefusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What is remembered of a log: its keys, and the last checkpoint that was cosigned (size 0 and no note: none)."""

    origin: str
    keys: tuple[VerifierKey, ...]
    size: int = 0
    root: bytes = EMPTY_ROOT
    note: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A request as read; nothing in it is verified."""

    request: AddCheckpoint
    checkpoint: Checkpoint
    note: SignedNote


class ForkOffered(WitnessRefusal):
    """The log signed another root for the size that is held: `offered` and the held note are proof by themselves."""

    def __init__(self, message: str, *, size: int, offered: bytes) -> None:
        super().__init__(message, code="witness-fork", status=HTTPStatus.CONFLICT, size=size)
        self.offered = offered


def read_offer(body: bytes) -> Offer:
    """Reads a request body. Raises WitnessRefusal `witness-request-malformed`."""
    try:
        request = parse_add_checkpoint(body)
        signed = parse_checkpoint(request.checkpoint)
    except MalformedError as error:
        raise WitnessRefusal(
            f"this is no add-checkpoint request: {error}",
            code="witness-request-malformed",
            status=HTTPStatus.BAD_REQUEST,
        ) from error
    return Offer(request=request, checkpoint=signed.checkpoint, note=signed.note)


def decide(held: Held | None, offer: Offer) -> Held:
    """What is to be remembered once the offer is cosigned. Raises WitnessRefusal as in the table above."""
    if held is None:
        raise WitnessRefusal(
            "this witness does not know the log", code="witness-log-unknown", status=HTTPStatus.NOT_FOUND
        )
    try:
        verify_note(offer.note, held.keys)
    except SignatureError as error:
        raise WitnessRefusal(str(error), code="witness-signature", status=HTTPStatus.FORBIDDEN) from error
    old, checkpoint = offer.request.old_size, offer.checkpoint
    if old > checkpoint.size:
        raise WitnessRefusal(
            f"the old size {old} is larger than the checkpoint's {checkpoint.size}",
            code="witness-old-size",
            status=HTTPStatus.BAD_REQUEST,
        )
    if old != held.size:
        raise WitnessRefusal(
            f"the offer goes from size {old} to {checkpoint.size}, this witness holds {held.size}",
            code="witness-rollback" if checkpoint.size < held.size else "witness-size",
            status=HTTPStatus.CONFLICT,
            size=held.size,
        )
    _check_growth(held, offer)
    return Held(
        origin=held.origin,
        keys=held.keys,
        size=checkpoint.size,
        root=checkpoint.root,
        note=held.note if checkpoint.size == held.size and held.note else offer.request.checkpoint,
    )


def _check_growth(held: Held, offer: Offer) -> None:
    checkpoint, proof = offer.checkpoint, offer.request.proof
    if checkpoint.size == held.size and checkpoint.root != held.root:
        message = f"the log signed another root for size {held.size} than the one that this witness cosigned"
        raise ForkOffered(message, size=held.size, offered=offer.request.checkpoint)
    try:
        verify_consistency(held.size, held.root, checkpoint.size, checkpoint.root, proof)
    except ConsistencyError as error:
        raise WitnessRefusal(str(error), code="witness-proof", status=HTTPStatus.UNPROCESSABLE_ENTITY) from error
