"""Shows the published checkpoint to the witnesses again and again, also while nothing is appended.

So a witness that was away catches up, a rollback is met within one cadence, and in the mode `later` this is when
cosignatures come at all.
"""

import asyncio

import structlog

from custody.core.errors import CustodyError
from custody.server.proofs import prove_consistency
from custody.server.publication import Publication
from custody.server.store.protocol import LogStore
from custody.server.witnessing.quorum import Mode, Witnesses

log = structlog.get_logger()


async def keep_showing(witnesses: Witnesses, store: LogStore, publication: Publication) -> None:
    """Runs until cancelled."""
    while True:
        await asyncio.sleep(witnesses.settings.every_s)
        await show(witnesses, store, publication)


async def show(witnesses: Witnesses, store: LogStore, publication: Publication) -> None:
    """Once. What it learns stands in the metrics; in the mode `later` readers get the cosigned note."""
    note, size = publication.note, publication.size
    if not note:
        return

    async def prove(old: int) -> tuple[bytes, ...]:
        return await prove_consistency(store, old, size)

    try:
        cosigned, _ = await witnesses.ask(note, size, prove, everybody=True)
    except CustodyError as error:  # the storage is away: the next turn comes
        await log.awarning("witnesses were not asked", code=error.code, reason=str(error))
        return
    if witnesses.settings.mode is Mode.LATER and publication.size == size:
        publication.note = cosigned
