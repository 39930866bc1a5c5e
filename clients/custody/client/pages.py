"""Reading and following: fetches pages, and what is missing of their proofs. What a page must be is `reading`'s matter."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import NamedTuple

from custody.client.errors import RefusedError
from custody.client.link import LedgerLink, Seen
from custody.client.reading import Page, prove_page, prove_run, read_page
from custody.client.receipt import ProvenEntry
from custody.client.selection import Following, Selection
from custody.v1 import ledger_pb2


class Followed(NamedTuple):
    """What `follow` yields: a published checkpoint and entries proven under it."""

    seen: Seen
    entries: list[ProvenEntry]


async def read(link: LedgerLink, what: Selection, *, timeout_s: float | None) -> AsyncGenerator[ProvenEntry]:
    """See `LedgerClient.read`."""
    request = ledger_pb2.ReadEntriesRequest()
    request.CopyFrom(what.request)
    request.log = link.session.origin
    request.with_proof = True
    check = what.check()
    size = since_size = link.session.held.size
    patience_s = link.timeout_s if timeout_s is None else timeout_s
    try:
        async with aclosing(link.wire.stream("ReadEntries", request.SerializeToString(), patience_s)) as pages:
            async for raw in pages:
                page, seen = await _prove(link, raw, since_size, by_links=what.by_links)
                size = seen.checkpoint.size
                for entry in page.entries:
                    check.entry(entry)
                    yield entry
    except RefusedError as error:
        if error.code != "not-there":  # that nothing matches is an answer, though only the ledger's word
            raise
    check.end(size)


async def follow(link: LedgerLink, from_index: int, chains: Sequence[str]) -> AsyncGenerator[Followed]:
    """See `LedgerClient.follow`. The wait for the next page has no bound: a quiet log is not a broken one."""
    request = ledger_pb2.FollowRequest(log=link.session.origin, from_index=from_index, chains=chains)
    check = Following(from_index, frozenset(chains))
    since_size = link.session.held.size
    async with aclosing(link.wire.stream("Follow", request.SerializeToString(), None)) as pages:
        async for raw in pages:
            page, seen = await _prove(link, raw, since_size, by_links=bool(chains))
            for entry in page.entries:
                check.entry(entry)
            yield Followed(seen, page.entries)


async def _prove(link: LedgerLink, raw: bytes, since_size: int, *, by_links: bool) -> tuple[Page, Seen]:
    page = read_page(raw)
    seen = await link.see(page.note, since_size)
    checkpoint = seen.checkpoint
    for run in prove_page(page, checkpoint, by_links=by_links):
        wanted = ledger_pb2.IndexRange(first=run[0].index, count=len(run))
        request = ledger_pb2.GetProofRequest(log=link.session.origin, range=wanted, size=checkpoint.size)
        prove_run(run, await link.call("GetProof", request.SerializeToString()), checkpoint)
    return page, seen
