"""Start-up: loads what is stored, checks it, and says how far the log had come.

The same steps run at start and after any error that left the durable state unknown. Checked, in this order: the right
edge of the tree is hashed again and must lead to the stored root; the last bundle's entries must hash to their tile;
the clock must not lie before the last stamp; the last published checkpoint must be this log's; the signer must neither
be ahead of the storage (a restored backup) nor behind what was published, and where it stands it must have signed this
tree.
"""

from custody.core.checkpoint import Checkpoint, open_checkpoint
from custody.core.errors import CustodyError, MalformedError, VerificationError
from custody.core.hashing import EMPTY_ROOT, HASH_BYTES, leaf_hash
from custody.core.log_key import LogKeys
from custody.core.proof import verify_consistency
from custody.core.tile import TILE_WIDTH, frontier_from_edge, right_edge
from custody.server.log_keys import read_log_keys
from custody.server.proofs import prove_consistency
from custody.server.signing import SignerState
from custody.server.stamping import LogMemory
from custody.server.store.protocol import HeadMoved, LogState, LogStore, StoreDamaged


class StartRefused(CustodyError):
    """The ledger must not write: a person has to look. The code says why."""

    code = "start-refused"


async def load(store: LogStore, now_us: int) -> tuple[LogState, LogMemory]:
    """Loads the log and checks it against itself.

    Raises StoreDamaged, StartRefused ('clock-behind'), or HeadMoved when another process wrote to the log meanwhile.
    """
    state = await store.state()
    if now_us < state.sequenced_us:
        raise StartRefused(
            f"the clock is {(state.sequenced_us - now_us) / 1e6:.3f} s before the last entry; set it right and start again",
            code="clock-behind",
        )
    try:
        return state, await _load(store, state)
    except StoreDamaged:
        # A former leader that wakes up may write until it is fenced; what it changed under our hands is not damage.
        if (await store.state()).head != state.head:
            raise HeadMoved("another process wrote to the log while it was loaded") from None
        raise


async def _load(store: LogStore, state: LogState) -> LogMemory:
    size = state.head.size
    edge = await store.tiles([(tile.level, tile.index) for tile in right_edge(size)])
    try:
        frontier = frontier_from_edge(size, edge)
    except MalformedError as error:
        raise StoreDamaged(f"the right edge of the tree is damaged: {error}") from error
    if frontier.root() != state.head.root:
        raise StoreDamaged(f"the stored tiles do not lead to the stored root of size {size}")
    await _check_last_bundle(store, size)
    return LogMemory(state.head, frontier, edge, await store.heads(size), state.sequenced_us)


async def _check_last_bundle(store: LogStore, size: int) -> None:
    if not size:
        return
    bundle = (size - 1) // TILE_WIDTH
    hashes = (await store.tiles([(0, bundle)])).get((0, bundle), b"")
    placed = await store.entries(bundle * TILE_WIDTH, TILE_WIDTH)
    leaves = b"".join([leaf_hash(entry) for _, entry in placed])
    if leaves != hashes or len(leaves) != HASH_BYTES * (size - bundle * TILE_WIDTH):
        raise StoreDamaged(f"the entries from {bundle * TILE_WIDTH} on do not hash to their tile")


async def check_signer(store: LogStore, state: LogState, signer: SignerState) -> LogKeys:
    """Holds the stored log against the signer's memory; gives the keys that the log names as its own.

    One of them must be the signer's. After a rotation that is one that the log announced (docs/ops/signer.md).

    Raises StartRefused: 'signer-other-key', 'signer-latched', 'signer-ahead' (storage was restored from a backup, or
    lost commits), 'signer-behind' (the signer's state was), 'signer-fork' (it signed another tree).
    """
    keys = await read_log_keys(store, state.origin, state.vkeys)
    if not {key.encode() for key in keys.named} & set(signer.vkeys):
        raise StartRefused("the signer holds another key than the one of this log", code="signer-other-key")
    if signer.latched:
        raise StartRefused("the signer has latched shut: it was asked to sign a fork", code="signer-latched")
    size = state.head.size
    if signer.size > size:
        raise StartRefused(
            f"the signer signed size {signer.size}, but the storage holds {size} entries: it was restored or has lost"
            " commits. Nothing is written, for that would fork the log",
            code="signer-ahead",
        )
    published = _published(state, keys)
    if signer.size < published.size:
        raise StartRefused(
            f"size {published.size} is published, but the signer remembers only {signer.size}: its state was restored",
            code="signer-behind",
        )
    root = signer.root if signer.size else EMPTY_ROOT
    try:
        if published.size:
            proof = await prove_consistency(store, published.size, signer.size)
            verify_consistency(published.size, published.root, signer.size, root, proof)
        proof = await prove_consistency(store, signer.size, size)
        verify_consistency(signer.size, root, size, state.head.root, proof)
    except VerificationError as error:
        raise StartRefused(
            f"the signer signed another tree than the stored one: {error}", code="signer-fork"
        ) from error
    return keys


def _published(state: LogState, keys: LogKeys) -> Checkpoint:
    if not state.checkpoint:
        if state.published:
            raise StoreDamaged(f"the published checkpoint of size {state.published} is missing")
        return Checkpoint(origin=state.origin, size=0, root=EMPTY_ROOT)
    try:
        # It may be older than a second key of the log; the next one has all signatures.
        checkpoint = open_checkpoint(state.checkpoint, keys.named, origin=state.origin, any_type=True)
    except CustodyError as error:
        raise StoreDamaged(f"the last published checkpoint does not verify: {error}") from error
    if checkpoint.size != state.published:
        raise StoreDamaged(f"the checkpoint stored for size {state.published} speaks of size {checkpoint.size}")
    return checkpoint
