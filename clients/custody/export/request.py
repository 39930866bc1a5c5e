"""What is asked for: streams, period, case, recipient. Two exports with one request and one snapshot are the same bytes."""

from dataclasses import dataclass
from hashlib import sha256

from custody.verifier.package.layout import encode_json


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRequest:
    """`streams` are sorted; the period is half open, microseconds UTC; `zone` is the offset of local times."""

    log: str
    streams: tuple[str, ...]
    from_us: int
    to_us: int
    case_number: str
    recipient: str
    unit: str = ""
    """The organisation that exports."""
    zone: str = "+08:00"
    proof_files: bool = True

    def digest(self) -> str:
        """Names the request: an unfinished export goes on only for the same one."""
        rows = [self.log, list(self.streams), self.from_us, self.to_us, self.case_number, self.recipient, self.unit]
        return sha256(encode_json([*rows, self.zone, self.proof_files])).hexdigest()
