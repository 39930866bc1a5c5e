"""What an export has to do, and what it did."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from custody.core.seal import PrivateKey
from custody.export.request import ExportRequest
from custody.verifier.package.dsse import key_id
from custody.verifier.package.exporter_key import public_half
from custody.verifier.package.layout import encode_json

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
    key: PrivateKey
    vkeys: Sequence[str]
    disclosures: dict[bytes, bytes]
    policy: bytes = b""
    earlier: bytes = b""
    derived: Path | None = None
    """Where redacted copies lie."""
    withhold_sources: bool = False
    """Give no footage of which a redacted copy is given."""
    certificates: bytes = b""
    """The signing key's certificate and its issuers, PEM."""
    lists: Sequence[bytes] = ()
    """Revocation lists of those issuers, PEM."""
    stamp: Stamp = lambda _: ()
    progress: Progress = lambda _stage, _done, _total: None

    @property
    def zipped(self) -> bool:
        """True when the package becomes one file."""
        return self.out.suffix == ".zip"

    @property
    def partial(self) -> Path:
        """Where the unfinished package lies."""
        return self.out.with_name(f"{self.out.name}.partial")

    @property
    def folder(self) -> Path:
        """Where the package itself is made: all of it, or for a zip all but the footage."""
        return self.partial / "package"

    def digest(self) -> str:
        """Names all that the package is made of besides the log and the authorities' answers."""
        places = [str(self.footage.absolute()), str(self.derived.absolute()) if self.derived is not None else ""]
        given = [self.policy, self.earlier, self.certificates, *self.lists, *sorted(self.disclosures)]
        told = [self.request.digest(), key_id(public_half(self.key)), *self.vkeys, str(self.withhold_sources), *places]
        return sha256(encode_json([told, [sha256(one).hexdigest() for one in given]])).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was made."""

    files: int
    footage_bytes: int
    absent: int
    derived: int
    withheld: int
    content_sha256: str
    """Hex."""
    export_index: int
    tree_size: int
