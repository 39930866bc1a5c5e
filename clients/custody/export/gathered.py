"""What an export brought together before anything of the package is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from custody.client import ProvenEntry
from custody.core.record import ReadRecord
from custody.export.gather import Snapshot
from custody.export.request import ExportRequest
from custody.verifier.package.manifest import AbsentRow, DerivedRow, FileRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What the content is made of."""

    request: ExportRequest
    snapshot: Snapshot
    slices: Mapping[str, Sequence[ProvenEntry]]
    files: Sequence[FileRow]
    absent: Sequence[AbsentRow]
    derived: Sequence[DerivedRow] = ()
    read: Mapping[int, ReadRecord] = field(default_factory=dict)
    """Records that were read already, by leaf index."""
    disclosures: Mapping[bytes, bytes]
    """Serialized disclosures that may be given, by commitment."""
