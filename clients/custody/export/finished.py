"""A package that is made but not packed yet: a zip that is interrupted goes on from here, asks the ledger for nothing and
makes nothing anew, so its bytes are those that it would have had (docs/spec/package.md, "An interrupted export").

The note beside the folder says for which job it was made and where the footage lies. It is believed only where the exporter's
own signature stands over the manifest and each file of the folder is what the manifest or the note says. Footage is not read
here: packing hashes it.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from custody.core.errors import CustodyError, MalformedError
from custody.export.archive import files_below
from custody.export.footage import file_digest
from custody.export.job import Exported, ExportJob
from custody.verifier.package import layout
from custody.verifier.package.bag import parse_manifest_lines
from custody.verifier.package.dsse import key_id, parse_envelope
from custody.verifier.package.exporter_key import public_half
from custody.verifier.package.layout import decode_json, encode_json

FINISHED: Final = "finished.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """What there is to pack."""

    exported: Exported
    digests: Mapping[str, bytes]
    """Of the payload, by name, as the signed manifest has them."""
    elsewhere: Mapping[str, Path]


def save_finished(job: ExportJob, finished: Finished) -> None:
    """Puts the note in place in one step, when the folder is whole: a crash leaves none or a whole one."""
    note = {
        "job": job.digest(),
        "exported": asdict(finished.exported),
        "elsewhere": {name: str(path) for name, path in finished.elsewhere.items()},
        "tags": {
            name: file_digest(path).hex()
            for name, path in files_below(job.folder).items()
            if name not in finished.digests
        },
    }
    fresh = job.partial / f"{FINISHED}.new"
    fresh.write_bytes(encode_json(note))
    fresh.replace(job.partial / FINISHED)


def load_finished(job: ExportJob) -> Finished | None:
    """What an interrupted run had finished; None where there is nothing or it is not what it was: then all is made again."""
    try:
        note = decode_json((job.partial / FINISHED).read_bytes(), "export-other")
        if note["job"] != job.digest():
            return None
        elsewhere = {name: Path(path) for name, path in note["elsewhere"].items()}
        return Finished(
            exported=Exported(**note["exported"]), digests=_check(job, note["tags"], elsewhere), elsewhere=elsewhere
        )
    except (OSError, CustodyError, KeyError, TypeError, ValueError, AttributeError):
        return None  # safe: nothing of it is used, and `_clear` takes away what is not made again


def _check(job: ExportJob, tags: Mapping[str, str], elsewhere: Mapping[str, Path]) -> dict[str, bytes]:
    """Digests by the manifest that the exporter signed. Raises CustodyError, OSError."""
    public = public_half(job.key)
    envelope = parse_envelope((job.folder / layout.ENVELOPE).read_bytes())
    ((keyid, signature),) = envelope.signatures
    if keyid != key_id(public):
        raise MalformedError("it is signed with another key", code="export-other")
    envelope.verify(keyid, signature, public)
    signed: list[dict[str, Any]] = decode_json(envelope.payload, "export-other")["subject"]
    for one in signed:
        _hold((job.folder / one["name"]).read_bytes(), one["digest"]["sha256"])
    digests = parse_manifest_lines((job.folder / layout.MANIFEST).read_bytes())
    files = files_below(job.folder)
    for name, path in files.items():
        if file_digest(path).hex() != (digests[name].hex() if name in digests else tags[name]):
            raise MalformedError(f"{name} is not what it was", code="export-other")
    if digests.keys() - files.keys() != elsewhere.keys() or not tags.keys() <= files.keys():
        raise MalformedError("a file is missing", code="export-other")
    return digests


def _hold(data: bytes, digest: str) -> None:
    if sha256(data).hexdigest() != digest:
        raise MalformedError("what was signed is not here", code="export-other")
