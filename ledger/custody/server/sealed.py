"""Seals at the door: a sealed batch is verified against the keys that the log has registered (docs/spec/seal.md).

Verified once for the batch, before anything is stored: one signature, one small tree of hashes.
"""

from collections.abc import Collection, Sequence

from custody.core.errors import MalformedError, SignatureError
from custody.core.keyring import Keyring
from custody.core.rights import is_device, owes_seal
from custody.core.seal import verify_batch
from custody.server.batch import Batch
from custody.server.rights import Denied
from custody.v1 import entry_pb2


def check_seals(ring: Keyring, origin: str, batch: Batch, seals: Sequence[entry_pb2.Seal], now_us: int) -> None:
    """Verifies the seals of an admitted batch for its submitter.

    Raises Denied: 'seal-key-unknown', 'seal-key-invalid' (these say nothing of the records), 'seal-invalid', 'key-malformed'.
    """
    raws = [item.record.raw for item in batch.items]
    for at, seal in enumerate(seals):
        covered, last = (raws, len(raws) - 1) if seal.count > 1 else ([raws[at]], at)
        try:
            key = ring.seal_key(seal.key_id, batch.submitter, now_us)
        except (SignatureError, MalformedError) as error:
            raise Denied(str(error), code=error.code) from error
        try:
            verify_batch(seal, key, origin, covered)
        except SignatureError as error:
            raise Denied(str(error), code=error.code, position=last) from error


def demand_seals(sites: Collection[str], batch: Batch) -> None:
    """Refuses what sites that demand seals take only sealed: footage, and all that a device tells. Raises Denied 'seal-required'.

    `sites` are names; the check costs nothing where none demands them.
    """
    if not sites:
        return
    device = is_device(batch.submitter)
    for position, item in enumerate(batch.items):
        for chain in item.record.chains:
            site = owes_seal(chain, device=device)
            if site in sites:
                raise Denied(
                    f"the site {site} demands sealed batches", code="seal-required", position=position,
                    kind=item.record.kind.name,
                )  # fmt: skip
