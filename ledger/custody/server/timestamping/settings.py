"""What the ledger is told about time stamps."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography.x509 import Certificate

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TimestampSettings:
    """Who stamps, how often, where tokens are kept, and when they are renewed."""

    folder: Path
    stamp: Callable[[bytes], Sequence[bytes]] | None
    """Asks every authority for a token over the same bytes; None: tokens are shown, and none is asked for."""
    hash_name: str = "sha256"
    roots: Sequence[Certificate] = ()
    every_s: float = DAY_S
    renew_before_s: float = 90 * DAY_S
