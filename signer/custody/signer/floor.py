"""The floor: checkpoints that others hold, under which this signer's state must not lie (DESIGN section 4, step 3).

A state restored from a snapshot is well-formed and properly signed; only somebody else's memory can show that it is old.
"""

from collections.abc import Sequence

from custody.core.checkpoint import open_checkpoint
from custody.core.errors import MalformedError, VerificationError
from custody.core.note import VerifierKey
from custody.signer.decide import Evidence, State
from custody.signer.errors import SignerStateError


def compare_floor(state: State, note: bytes, keys: Sequence[VerifierKey]) -> Evidence | None:
    """Compare the state with one signed checkpoint (exact bytes) that was seen elsewhere.

    Returns None when the state is not older. Returns the evidence when this signer's keys (ended
    ones too) signed two roots of one size: they have been used with another state. A smaller checkpoint passes, because without a proof nothing can be said of it.

    Raises SignerStateError: `signer-state-behind` when the checkpoint is ahead of the state, `signer-floor-invalid` when
    it is not these keys'. A floor that cannot be read guards nothing, so it is refused and not skipped.
    """
    try:
        seen = open_checkpoint(note, keys, origin=state.origin, any_type=True)
    except (MalformedError, VerificationError) as error:
        raise SignerStateError(
            f"the floor is no checkpoint of {state.origin} signed by its keys: {error}", code="signer-floor-invalid"
        ) from error
    signed = state.signed
    if signed is None or seen.size > state.size:
        raise SignerStateError(
            f"a checkpoint of size {seen.size} was signed with these keys, this state knows of "
            f"{'none' if signed is None else f'size {state.size}'}: it is an old copy",
            code="signer-state-behind",
        )
    if seen.size == state.size and seen.root != state.root:
        return Evidence(held=signed.note, offered=note)
    return None
