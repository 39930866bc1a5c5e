"""Receipts: what an append answers with (docs/spec/receipt.md)."""

from collections.abc import Sequence

from custody.core.range_proof import RangeProof
from custody.server.batch import Batch, Outcome
from custody.server.proofs import prove_consistency, prove_range
from custody.server.store.protocol import LogStore
from custody.v1 import ledger_pb2


async def receipt(store: LogStore, batch: Batch, outcome: Outcome, known_size: int) -> ledger_pb2.AppendResponse:
    """The receipt of a published batch, with the consistency proof from the client's `known_size`.

    Raises ValueError when the client claims to know a larger tree than there is.
    """
    response = ledger_pb2.AppendResponse(checkpoint=outcome.note)
    if outcome.run is not None:
        first, stamps, positions = outcome.run
        proof = await prove_range(store, first, len(stamps), outcome.size, outcome.extension)
        response.runs.append(_run(first, stamps, positions, proof))
    for run in _neighbours(sorted(outcome.known, key=lambda place: place[1])):
        response.runs.append(await _known_run(store, batch, run, outcome.size))
    if known_size:
        recent = outcome.extension
        if recent is not None and recent.old.size != known_size:
            recent = None
        response.consistency.extend(await prove_consistency(store, known_size, outcome.size, recent))
    return response


async def _known_run(store: LogStore, batch: Batch, run: Sequence[tuple[int, int]], size: int) -> ledger_pb2.Run:
    first = run[0][1]
    placed = await store.entries(first, len(run))
    stamps = [entry[len(batch.items[position].sealed) :] for (position, _), (_, entry) in zip(run, placed, strict=True)]
    positions = [position for position, _ in run]
    return _run(first, stamps, positions, await prove_range(store, first, len(run), size))


def _run(first: int, stamps: Sequence[bytes], positions: Sequence[int], proof: RangeProof) -> ledger_pb2.Run:
    return ledger_pb2.Run(
        first_index=first,
        stamps=stamps,
        positions=positions,
        proof=ledger_pb2.RangeProof(left=proof.left, right=proof.right),
    )


def _neighbours(places: Sequence[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    runs: list[list[tuple[int, int]]] = []
    for place in places:
        if runs and runs[-1][-1][1] + 1 == place[1]:
            runs[-1].append(place)
        else:
            runs.append([place])
    return runs
