"""One export from beginning to end, in the order of docs/spec/package.md ("Which manifest the export record names").

Everything is written below `<out>.partial`. What if we crash, step by step: the plan holds request and snapshot, so the
same command goes on from it; footage that was copied is hashed and kept; the content is a function of both and is written
again; the record's id follows from the content, so the ledger answers a repeated append with the first receipt; what
comes behind it is made anew. Only a whole package gets its name.
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from custody.client import LedgerClient, ProvenEntry
from custody.core.record import encode_record
from custody.core.record_id import RANDOM_BYTES, make_record_id
from custody.export.archive import write_zip
from custody.export.bagging import close_bag, sign, write
from custody.export.content import Gathered, build_content
from custody.export.errors import ExportError
from custody.export.footage import Segment, absent_row, copy_segment, row_of, segments_of
from custody.export.gather import Snapshot, gather, read_whole, take_snapshot, whole_chains
from custody.export.log_part import build_log_part, build_proof_files
from custody.export.plan import PLAN, load_plan, save_plan
from custody.export.request import ExportRequest
from custody.v1 import record_pb2
from custody.verifier.package.bag import content_digest
from custody.verifier.package.layout import STAMPS
from custody.verifier.package.manifest import AbsentRow, FileRow

Stamp = Callable[[bytes], Sequence[bytes]]
"""Asks the configured time-stamping authorities; returns their tokens."""
Progress = Callable[[str, int, int], None]
"""Is told (stage, done, total)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportJob:
    """Everything besides the request that an export needs."""

    request: ExportRequest
    footage: Path
    out: Path
    key: Ed25519PrivateKey
    vkeys: Sequence[str]
    disclosures: dict[bytes, bytes]
    policy: bytes = b""
    earlier: bytes = b""
    stamp: Stamp = lambda _: ()
    progress: Progress = lambda _stage, _done, _total: None

    @property
    def partial(self) -> Path:
        """Where the unfinished package lies."""
        return self.out.with_name(f"{self.out.name}.partial")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was made."""

    files: int
    footage_bytes: int
    absent: int
    withheld: int
    content_sha256: bytes
    export_index: int
    tree_size: int


async def run_export(client: LedgerClient, job: ExportJob) -> Exported:
    """Makes the package. Raises ExportError, OSError, and what the client raises."""
    if job.out.exists():
        raise ExportError(f"{job.out} exists already and is not replaced", code="export-exists")
    job.partial.mkdir(parents=True, exist_ok=True)
    snapshot = load_plan(job.partial / PLAN, job.request)
    if snapshot is None:
        snapshot, _ = await take_snapshot(client)
        save_plan(job.partial / PLAN, job.request, snapshot)
    folder = job.partial / "package"
    slices = await gather(client, job.request, snapshot, lambda chain: job.progress(f"read {chain}", 0, 0))
    rows, absent, footage = _copy(job, folder, slices)
    gathered = Gathered(
        request=job.request, snapshot=snapshot, slices=slices, files=rows, absent=absent, disclosures=job.disclosures
    )
    payload = _clear(folder) or build_content(gathered)
    digests = footage | {name: sha256(data).digest() for name, data in payload.items()}
    content = content_digest(digests)
    recorded = await _record(client, job.request, snapshot, content, len(rows))
    closing = await take_snapshot(client)
    for chain in whole_chains(job.request.streams, closing[0].heads):
        slices[chain] = await read_whole(client, chain, closing[0].heads[chain])
    log_part, seen = await build_log_part(
        client, slices, closing, vkeys=job.vkeys, policy=job.policy, earlier=job.earlier
    )
    if job.request.proof_files:
        leaves = {one.index: one.leaf for found in slices.values() for one in found}
        log_part |= await build_proof_files(client, rows, leaves, seen)
    log_part |= {f"{STAMPS}checkpoint-{n}.tsr": one for n, one in enumerate(job.stamp(seen.note), 1)}
    payload |= log_part
    digests |= {name: sha256(data).digest() for name, data in log_part.items()}
    _finish(job, folder, payload, digests, closing[0].at_us)
    return Exported(
        files=len(rows),
        footage_bytes=sum(row.size_bytes for row in rows),
        absent=len(absent),
        withheld=payload["data/withheld.json"].count(b'"commitment"'),
        content_sha256=content,
        export_index=recorded.index,
        tree_size=seen.checkpoint.size,
    )


def _copy(
    job: ExportJob, folder: Path, slices: dict[str, list[ProvenEntry]]
) -> tuple[list[FileRow], list[AbsentRow], dict[str, bytes]]:
    """Copies the footage; returns the manifest's rows and the digests by name."""
    segments: list[Segment] = []
    for stream in job.request.streams:
        segments += segments_of(slices[f"footage/{stream}"], job.request)
    total, done = sum(one.body.size_bytes for one in segments), 0
    rows: list[FileRow] = []
    absent: list[AbsentRow] = []
    digests: dict[str, bytes] = {}

    def copied(count: int) -> None:
        nonlocal done
        done += count
        job.progress("copy", min(done, total), total)

    for segment in segments:
        name = f"data/{segment.path}"
        reason = copy_segment(segment, job.footage, folder / name, copied)
        if reason:
            absent.append(absent_row(segment, reason))
        else:
            rows.append(row_of(segment, job.request.zone))
            digests[name] = segment.body.file_sha256
    return rows, absent, digests


def _clear(folder: Path) -> dict[str, bytes]:
    """Takes away what an interrupted run left besides footage, so that nothing stale is packed."""
    folder.mkdir(exist_ok=True)
    for path in (*folder.glob("*"), *folder.glob("data/*")):
        if path.name in {"data", "footage"}:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    return {}


async def _record(
    client: LedgerClient, request: ExportRequest, snapshot: Snapshot, content: bytes, files: int
) -> ProvenEntry:
    """Appends PackageExported and returns its entry; the same content again gives the same record."""
    spans = [record_pb2.Span(stream=one, from_us=request.from_us, to_us=request.to_us) for one in request.streams]
    exported = record_pb2.PackageExported(
        spans=spans,
        manifest_sha256=content,
        case_number=request.case_number,
        recipient=request.recipient,
        files=files,
        tree_size=snapshot.index + 1,
    )
    if request.unit:
        exported.by.unit = request.unit
    record = record_pb2.Record(
        record_id=make_record_id(snapshot.at_us, content[:RANDOM_BYTES]),
        at_us=snapshot.at_us,
        package_exported=exported,
    )
    encode_record(record)
    await client.append([record])
    found = await client.read_record(record.record_id)
    if found is None:
        raise ExportError("the ledger does not show the export that it receipted", code="export-incomplete")
    return found


def _finish(job: ExportJob, folder: Path, payload: dict[str, bytes], digests: dict[str, bytes], at_us: int) -> None:
    for name, data in payload.items():
        write(folder, name, data)
    total = sum((folder / name).stat().st_size for name in digests)
    tags = close_bag(folder, job.request, digests, total, at_us)
    sign(folder, job.request, tags, digests, job.key)
    for number, token in enumerate(job.stamp(tags["manifest-sha256.txt"]), 1):
        write(folder, f"timestamps/manifest-{number}.tsr", token)
    # Crash here: the package is whole under the partial name; the next run makes its end again.
    if job.out.suffix == ".zip":
        job.progress("pack", 0, 0)
        write_zip(folder, job.out, digests)
    else:
        folder.replace(job.out)
    shutil.rmtree(job.partial)
