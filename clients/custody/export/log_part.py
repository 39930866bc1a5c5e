"""The log part of a package: written after the export was recorded, proven under one checkpoint."""

from collections.abc import Mapping, Sequence

from custody.client import LedgerClient, ProvenEntry, Seen
from custody.core.checkpoint import parse_checkpoint
from custody.core.heads import encode_head
from custody.core.names import CHAIN_HEADS
from custody.core.timestamp import read_generations, renewal_data
from custody.core.tlog_proof import FILE_SUFFIX, encode_tlog_proofs
from custody.export.content import entries_of
from custody.export.gather import Snapshot, seq_in
from custody.verifier.package import layout
from custody.verifier.package.framing import frames
from custody.verifier.package.log_part import (
    Inclusion,
    Slice,
    Slices,
    encode_hashes,
    encode_indexes,
)
from custody.verifier.package.manifest import FileRow


async def build_log_part(
    client: LedgerClient,
    slices: Mapping[str, Sequence[ProvenEntry]],
    closing: tuple[Snapshot, ProvenEntry],
    *,
    vkeys: Sequence[str],
    policy: bytes,
    earlier: bytes,
) -> tuple[dict[str, bytes], Seen]:
    """Every file below data/log, and the checkpoint that they are proven under."""
    snapshot, entry = closing
    chains = {**slices, CHAIN_HEADS: [entry]}
    seen = await client.checkpoint()
    ends = {rows[-1].index: rows[-1].leaf for rows in chains.values()}
    proofs = await client.prove_inclusions(ends, seen)
    entries = entries_of(chains)
    rows = tuple(
        Slice(chain=chain, first=seq_in(found[0], chain), last=seq_in(found[-1], chain))
        for chain, found in sorted(chains.items())
    )
    files = {
        layout.VKEYS: "".join([f"{key}\n" for key in vkeys]).encode(),
        layout.CHECKPOINT: seen.note,
        layout.ENTRIES: frames(one.entry.raw for one in entries),
        layout.INDEXES: encode_indexes([one.index for one in entries]),
        layout.SLICES: Slices(snapshot=snapshot.index, slices=rows).encode(),
        layout.HEADS: frames(encode_head(chain, snapshot.heads[chain]) for chain in sorted(snapshot.heads)),
        layout.INCLUSION: Inclusion(size=seen.checkpoint.size, proofs=proofs).encode(),
    }
    if policy:
        files[layout.POLICY] = policy
    if earlier:
        old = parse_checkpoint(earlier).checkpoint
        _, hashes = await client.prove_consistency(old, seen.checkpoint.size)
        files |= {layout.EARLIER: earlier, layout.CONSISTENCY: encode_hashes(hashes)}
    return files, seen


async def build_early(client: LedgerClient, rows: Sequence[FileRow], seen: Seen) -> dict[str, bytes]:
    """The first time-stamped checkpoint that covers all footage, as the ledger keeps it; nothing where it keeps none.

    The ledger verified the tokens when it got them; whoever reads the package does it again under roots of his own.
    """
    first = max((row.index for row in rows), default=-1) + 1
    for stamped in await client.timestamps(first) if first else ():
        if not first <= stamped.size <= seen.checkpoint.size:
            continue
        early = parse_checkpoint(stamped.checkpoint).checkpoint
        generations = [list(one.tokens) for one in stamped.generations]
        read_generations(stamped.checkpoint, generations, [])
        _, hashes = await client.prove_consistency(early, seen.checkpoint.size)
        files = {f"{layout.EARLY}consistency": encode_hashes(hashes)}
        for place, tokens in enumerate(generations):
            data = renewal_data(stamped.checkpoint, generations[:place]) if place else stamped.checkpoint
            files[f"{layout.EARLY}{place}/{layout.STAMPED_DATA}"] = data
            files |= {f"{layout.EARLY}{place}/{number}.tsr": token for number, token in enumerate(tokens, 1)}
        return files
    return {}


async def build_proof_files(
    client: LedgerClient, rows: Sequence[FileRow], leaves: Mapping[int, bytes], seen: Seen
) -> dict[str, bytes]:
    """One C2SP tlog-proof for each segment; whoever is given one file and its proof needs nothing else of the package."""
    proofs = await client.prove_inclusions({row.index: leaves[row.index] for row in rows}, seen)
    names = {
        row.index: f"{layout.PROOFS}{layout.folder_of(row.stream)}/{row.number:08d}-{row.index}{FILE_SUFFIX}"
        for row in rows
    }
    return {names[index]: proof for index, proof in encode_tlog_proofs(proofs, seen.note)}
