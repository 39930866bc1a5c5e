"""Makes a large log in a SQLite file quickly: the ledger's own stamper and store, signed here without a signer process."""

import asyncio
from pathlib import Path

from bench.footage_commits import START_US, footage_commits
from custody.core.checkpoint import Checkpoint, sign_checkpoint
from custody.core.note import SignatureType, SignerKey
from custody.server.store.sqlite import SqliteDirectory

ORIGIN = "bench.example/log"


def make_log(path: Path, entries: int, batch: int = 256) -> SignerKey:
    """Fills a new file with about `entries` segments of 200 cameras and a checkpoint for each batch; returns the key.

    The recorders are registered first, as the checks of a whole log expect it.
    """
    key = SignerKey.from_seed(ORIGIN, SignatureType.ED25519, bytes(range(32)))
    asyncio.run(_fill(path, entries // batch, batch, key))
    return key


async def _fill(path: Path, commits: int, batch: int, key: SignerKey) -> None:
    directory = await SqliteDirectory.open_file(path, create=True)
    try:
        store = await directory.create(ORIGIN, [key.vkey.encode()], START_US)
        for commit in footage_commits(commits, batch, registered=True):
            await store.commit(commit)
            checkpoint = Checkpoint(origin=ORIGIN, size=commit.size, root=commit.root)
            note = sign_checkpoint(checkpoint, [key]).note.encode()
            await store.publish((await store.state()).head, commit.size, note)
    finally:
        await directory.close()
