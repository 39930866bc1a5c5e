"""One export from beginning to end, in the order of docs/spec/package.md ("Which manifest the export record names").

Everything is written below `<out>.partial`. What if we crash, step by step: the plan holds request and snapshot, so the
same command goes on from it; footage that was copied is hashed and kept; the content is a function of both and is written
again; the record's id follows from the content, so the ledger answers a repeated append with the first receipt; what
comes behind it is made anew. A zip whose package is finished is only packed on (`finished`, `archive`). Only a whole package
gets its name.
"""

import os
import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

from custody.client import LedgerClient, ProvenEntry
from custody.core.record import ReadRecord, encode_record
from custody.core.record_id import RANDOM_BYTES, make_record_id
from custody.export.archive import write_zip
from custody.export.bagging import close_bag, sign, write
from custody.export.content import build_content
from custody.export.derived import find_derived, pack_derived, row_of_derived
from custody.export.errors import ExportError
from custody.export.finished import FINISHED, Finished, load_finished, save_finished
from custody.export.footage import Segment, absent_row, copy_segment, find_segment, row_of, segments_of
from custody.export.gather import Snapshot, close_slices, gather, take_snapshot
from custody.export.gathered import Gathered
from custody.export.job import Exported, ExportJob
from custody.export.log_part import build_early, build_log_part, build_proof_files
from custody.export.plan import PLAN, load_plan, save_plan
from custody.export.request import ExportRequest
from custody.v1 import record_pb2
from custody.verifier.package.bag import content_digest
from custody.verifier.package.dsse import key_id
from custody.verifier.package.exporter_key import public_half
from custody.verifier.package.layout import DISCLOSURES, STAMPS
from custody.verifier.package.manifest import WITHHELD_SOURCE, AbsentRow, DerivedRow, FileRow

MAX_ATTEMPTS: Final = 4
"""Who exports what is being recorded this moment could be overtaken for ever."""
GIVEN_AT_ONCE: Final = 500
"""Disclosures in one record, so that it stays far below the largest record."""


async def run_export(client: LedgerClient, job: ExportJob) -> Exported:
    """Makes the package. Raises ExportError, OSError, and what the client raises."""
    if job.out.exists():
        raise ExportError(f"{job.out} exists already and is not replaced", code="export-exists")
    job.partial.mkdir(parents=True, exist_ok=True)
    snapshot = load_plan(job.partial / PLAN, job.request)
    if snapshot is None:
        snapshot, _ = await take_snapshot(client)
        save_plan(job.partial / PLAN, job.request, snapshot)
    if job.zipped and (finished := load_finished(job)) is not None:
        _pack(job, finished)
        return finished.exported
    (job.partial / FINISHED).unlink(missing_ok=True)
    made = await _make_content(client, job, snapshot)
    slices, packed, payload, digests = made.slices, made.packed, made.payload, made.digests
    log_part, seen = await build_log_part(
        client, slices, made.closing, vkeys=job.vkeys, policy=job.policy, earlier=job.earlier
    )
    if job.request.proof_files:
        leaves = {one.index: one.leaf for found in slices.values() for one in found}
        log_part |= await build_proof_files(client, packed.rows, leaves, seen)
    log_part |= await build_early(client, packed.rows, seen)
    log_part |= {f"{STAMPS}checkpoint-{n}.tsr": one for n, one in enumerate(job.stamp(seen.note), 1)}
    payload |= log_part
    digests |= {name: sha256(data).digest() for name, data in log_part.items()}
    exported = Exported(
        files=len(packed.rows),
        footage_bytes=sum(row.size_bytes for row in packed.rows),
        absent=sum(row.reason != WITHHELD_SOURCE for row in packed.absent),
        derived=len(packed.derived),
        withheld=payload["data/withheld.json"].count(b'"commitment"'),
        content_sha256=content_digest(digests).hex(),
        export_index=made.recorded.index,
        tree_size=seen.checkpoint.size,
    )
    copied = exported.footage_bytes + sum(row.size_bytes for row in packed.derived)
    finished = Finished(exported=exported, digests=digests, elsewhere=packed.elsewhere)
    _finish(job, payload, finished, copied, made.closing[0].at_us)
    return exported


@dataclass(frozen=True, slots=True, kw_only=True)
class _Content:
    """What was recorded, with the slices up to the closing snapshot."""

    slices: dict[str, list[ProvenEntry]]
    packed: "_Packed"
    payload: dict[str, bytes]
    digests: dict[str, bytes]
    recorded: ProvenEntry
    closing: tuple[Snapshot, ProvenEntry]


async def _make_content(client: LedgerClient, job: ExportJob, snapshot: Snapshot) -> _Content:
    """Gathers, copies and records; anew on a later snapshot when something came in between that the content had to tell.

    The record of an attempt that was overtaken stays in the log: it was prepared, and given to nobody. Raises ExportError
    ('export-overtaken').
    """
    for _ in range(MAX_ATTEMPTS):
        slices = await gather(client, job.request, snapshot, lambda chain: job.progress(f"read {chain}", 0, 0))
        packed = _copy(job, job.folder, slices, snapshot)
        gathered = Gathered(
            request=job.request, snapshot=snapshot, slices=slices, files=packed.rows, absent=packed.absent,
            derived=packed.derived, disclosures=job.disclosures, read=packed.records,
        )  # fmt: skip
        _clear(job.folder, packed.digests.keys())
        payload = build_content(gathered)
        digests = packed.digests | {name: sha256(data).digest() for name, data in payload.items()}
        given = [
            bytes.fromhex(name.removeprefix(DISCLOSURES)) for name in sorted(payload) if name.startswith(DISCLOSURES)
        ]
        recorded = await _record(client, job.request, snapshot, content_digest(digests), len(packed.rows), given)
        closing = await take_snapshot(client)
        if await close_slices(client, job.request, slices, (snapshot, closing[0]), recorded.index):
            return _Content(
                slices=slices, packed=packed, payload=payload, digests=digests, recorded=recorded, closing=closing
            )
        snapshot = closing[0]
        save_plan(job.partial / PLAN, job.request, snapshot)
    raise ExportError(
        "the period is still being recorded, or the register written all the time: end the period earlier, or export later",
        code="export-overtaken",
    )


@dataclass(slots=True)
class _Packed:
    """Files that are not made here but copied, and what the manifest says of them."""

    rows: list[FileRow] = field(default_factory=list)
    absent: list[AbsentRow] = field(default_factory=list)
    derived: list[DerivedRow] = field(default_factory=list)
    digests: dict[str, bytes] = field(default_factory=dict)
    records: dict[int, ReadRecord] = field(default_factory=dict)
    """What was read on the way, by leaf index."""
    elsewhere: dict[str, Path] = field(default_factory=dict)
    """Where a zip takes a file from; empty for a folder, which holds them already."""


def _copy(job: ExportJob, folder: Path, slices: dict[str, list[ProvenEntry]], snapshot: Snapshot) -> _Packed:
    """Copies footage and derived copies into the folder; for a zip it only hashes them where they are."""
    packed = _Packed()
    segments: list[Segment] = []
    for stream in job.request.streams:
        segments += segments_of(slices[f"footage/{stream}"], job.request, packed.records)
    copies = find_derived(slices, job.request, snapshot.index, job.derived)
    total, done = sum(one.body.size_bytes for one in segments), 0

    def copied(count: int) -> None:
        nonlocal done
        done += count
        job.progress("read" if job.zipped else "copy", min(done, total), total)

    packed.derived = [row_of_derived(one) for one in copies]
    packed.digests |= pack_derived(copies, None if job.zipped else folder, copied)
    if job.zipped:
        packed.elsewhere |= {f"data/{one.path}": one.source for one in copies}
    for segment in segments:
        name = f"data/{segment.path}"
        if job.withhold_sources and any(one.holds(segment.body.stream, segment.body.number) for one in copies):
            packed.absent.append(absent_row(segment, WITHHELD_SOURCE))
            continue
        if job.zipped:
            source, reason = find_segment(segment, job.footage, copied)
            if source is not None:
                packed.elsewhere[name] = source
        else:
            reason = copy_segment(segment, job.footage, f"{folder}/{name}", copied)
        if reason:
            packed.absent.append(absent_row(segment, reason))
        else:
            packed.rows.append(row_of(segment, job.request.zone))
            packed.digests[name] = segment.body.file_sha256
    return packed


def _clear(folder: Path, keep: Collection[str]) -> None:
    """Takes away what an interrupted run left besides what was just copied, so that nothing stale is packed."""
    folder.mkdir(exist_ok=True)
    begin = len(f"{folder}/")
    for below, _, names in os.walk(folder):
        for name in names:
            if f"{below}/{name}"[begin:] not in keep:
                Path(below, name).unlink()


async def _record(
    client: LedgerClient, request: ExportRequest, snapshot: Snapshot, content: bytes, files: int, given: list[bytes]
) -> ProvenEntry:
    """Appends PackageExported, and which disclosures were given, in one batch; returns the first one's entry.

    The same content again gives the same records.
    """
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
    records = [record, *_giving(request, snapshot, content, given)]
    for one in records:
        encode_record(one)
    await client.append(records)
    found = await client.read_record(record.record_id)
    if found is None:
        raise ExportError("the ledger does not show the export that it receipted", code="export-incomplete")
    return found


def _giving(
    request: ExportRequest, snapshot: Snapshot, content: bytes, given: list[bytes]
) -> Iterator[record_pb2.Record]:
    """Who gets a package with disclosures was given them: DisclosureAccess, as the access desk would write it."""
    for place, at in enumerate(range(0, len(given), GIVEN_AT_ONCE), 1):
        told = record_pb2.DisclosureAccess(
            streams=request.streams,
            opened_commitments=given[at : at + GIVEN_AT_ONCE],
            act=record_pb2.DISCLOSURE_ACT_EXPORTED,
            basis=request.case_number,
        )
        if request.unit:
            told.by.unit = request.unit
        random = sha256(content + b"disclosures" + place.to_bytes(4, "big")).digest()[:RANDOM_BYTES]
        yield record_pb2.Record(
            record_id=make_record_id(snapshot.at_us, random), at_us=snapshot.at_us, disclosure_access=told
        )


def _finish(job: ExportJob, payload: dict[str, bytes], finished: Finished, copied: int, at_us: int) -> None:
    """`copied`: bytes of the files that are not made here; each has the digest, so the size, of its record."""
    folder, digests = job.folder, finished.digests
    for name, data in payload.items():
        write(folder, name, data)
    tags = close_bag(folder, job.request, digests, copied + sum(map(len, payload.values())), at_us)
    sign(folder, job.request, tags, digests, job.key)
    if job.certificates:
        write(folder, f"signatures/{key_id(public_half(job.key))}.chain.pem", job.certificates)
    for number, pem in enumerate(job.lists, 1):
        write(folder, f"signatures/{number}.crl.pem", pem)
    for number, token in enumerate(job.stamp(tags["manifest-sha256.txt"]), 1):
        write(folder, f"timestamps/manifest-{number}.tsr", token)
    if job.zipped:
        save_finished(job, finished)
        _pack(job, finished)
        return
    # Crash here: the package is whole under the partial name; the next run makes its end again.
    folder.replace(job.out)
    shutil.rmtree(job.partial)


def _pack(job: ExportJob, finished: Finished) -> None:
    """The zip, from its first member or from where an interrupted run stopped.

    Crash before its end: `finished` is read again, and what stands in the zip is kept. Crash behind it: the zip has its name,
    and a folder that nobody needs is left beside it.
    """
    done, total = 0, finished.exported.footage_bytes

    def packed(count: int) -> None:
        nonlocal done
        done += count
        job.progress("pack", min(done, total), total)

    write_zip(job.folder, job.out, finished.digests, finished.elsewhere, packed)
    shutil.rmtree(job.partial)
