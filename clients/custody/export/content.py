"""The content of a package: everything that the export record commits to (docs/spec/package.md, "content manifest").

A function of the slices up to the snapshot, the request and the footage: nothing here reads a clock or the ledger.
"""

from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from custody.client import ProvenEntry
from custody.core.disclosure import check_disclosure
from custody.core.record import ReadRecord, read_record
from custody.export.documents import render
from custody.export.gathered import Gathered
from custody.export.request import ExportRequest
from custody.export.story import Story, tell
from custody.verifier.package.commitments import Withheld, commitments_of, encode_withheld
from custody.verifier.package.layout import DISCLOSURES, PACKAGE_CSV, PACKAGE_MANIFEST, WITHHELD, encode_json
from custody.verifier.package.manifest import PackageManifest, StreamRow

WITHHELD_REASON = "not given by the exporter for this recipient"


def entries_of(slices: Mapping[str, Sequence[ProvenEntry]]) -> list[ProvenEntry]:
    """The entries of all slices, each once, in the order of the log."""
    return [entry for _, entry in sorted({one.index: one for rows in slices.values() for one in rows}.items())]


def build_manifest(gathered: Gathered) -> PackageManifest:
    """manifest.json as a value."""
    request, snapshot = gathered.request, gathered.snapshot
    return PackageManifest(
        log=request.log,
        case_number=request.case_number,
        recipient=request.recipient,
        zone=request.zone,
        snapshot=snapshot.index,
        prepared_us=snapshot.at_us,
        streams=tuple(StreamRow(stream=one, from_us=request.from_us, to_us=request.to_us) for one in request.streams),
        files=tuple(sorted(gathered.files, key=lambda row: (row.stream, row.number, row.index))),
        absent=tuple(sorted(gathered.absent, key=lambda row: (row.stream, row.number, row.index))),
        derived=tuple(sorted(gathered.derived, key=lambda row: (row.index, row.path))),
    )


def build_content(gathered: Gathered) -> dict[str, bytes]:
    """Every file of the content besides the footage, by name."""
    manifest = build_manifest(gathered)
    entries = entries_of(gathered.slices)
    records = [gathered.read.get(one.index) or read_record(one.entry.record) for one in entries]
    given, withheld = sort_disclosures(zip(entries, records, strict=True), gathered.disclosures)
    story = tell(gathered.request, gathered.snapshot, entries, records, given)
    files = {
        PACKAGE_MANIFEST: manifest.encode(),
        PACKAGE_CSV: manifest.csv(),
        WITHHELD: encode_withheld(withheld),
        "data/system.json": encode_json(system(gathered.request, records)),
        "data/reports/findings.json": encode_json([one.as_json() for one in story.findings]),
        "data/reports/timeline.json": encode_json(timelines(story)),
    }
    files |= {f"{DISCLOSURES}{commitment.hex()}": raw for commitment, raw in given.items()}
    return files | {f"data/{name}": text for name, text in render(gathered, manifest, story, withheld)}


def sort_disclosures(
    told: Iterable[tuple[ProvenEntry, ReadRecord]], offered: Mapping[bytes, bytes]
) -> tuple[dict[bytes, bytes], list[Withheld]]:
    """The disclosures that open something in the package, and a row for each commitment that stays closed.

    Raises MalformedError or DisclosureError for an offered one that is not what its name says.
    """
    given: dict[bytes, bytes] = {}
    closed: dict[bytes, Withheld] = {}
    for entry, record in told:
        for where, commitment in commitments_of(record):
            if commitment in offered:
                check_disclosure(offered[commitment], commitment)
                given[commitment] = offered[commitment]
            elif commitment not in closed:
                closed[commitment] = Withheld(
                    commitment=commitment.hex(), field=where, index=entry.index, reason=WITHHELD_REASON
                )
    return given, sorted(closed.values(), key=lambda row: (row.index, row.field, row.commitment))


def timelines(story: Story) -> dict[str, Any]:
    """The coverage of each stream in the period and its margins."""
    return {
        stream: [
            {
                "from_us": one.from_us,
                "to_us": one.to_us,
                "kind": one.kind.value,
                "en": one.reason_en,
                "zh": one.reason_zh,
            }
            for one in stretches
        ]
        for stream, stretches in story.timelines.items()
    }


def system(request: ExportRequest, records: Sequence[ReadRecord]) -> dict[str, Any]:
    """What made the records: software, configurations that were observed, registered sites and keys."""
    settings = [record for record in records if record.kind.name == "recorder_configuration"]
    sites = [record.body for record in records if record.kind.name == "site_registered"]
    keys = [record.body for record in records if record.kind.name == "key_registered"]
    return {
        "schema": "custody.package-system/1",
        "software": {"evidence-ledger": version("evidence-ledger")},
        "log": request.log,
        "exported_by": request.unit,
        "how": "Recorder agents hash every finished file and submit it; the ledger orders, links and signs; see README.",
        "recorders": [
            {
                "streams": list(one.body.streams),
                "product": one.body.product,
                "version": one.body.version,
                "configuration_sha256": one.body.configuration_sha256.hex(),
                "observed_us": one.at_us,
            }
            for one in settings
        ],
        "sites": [
            {"site": one.site, "operator": one.operator, "supervising_authority": one.supervising_authority}
            for one in sites
        ],
        "keys": [{"key_id": one.key_id, "use": one.use, "holder": one.holder} for one in keys],
    }


def read_disclosures(folder: Path | None) -> dict[bytes, bytes]:
    """Files of a folder that are named by a commitment in hex; others are left alone."""
    if folder is None:
        return {}
    found = {}
    for path in sorted(folder.iterdir()):
        if len(path.name) == 64 and set(path.name) <= set("0123456789abcdef"):
            found[bytes.fromhex(path.name)] = path.read_bytes()
    return found
