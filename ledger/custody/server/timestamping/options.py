"""What `custody serve` is told about time stamps, read and checked."""

from collections.abc import Sequence
from pathlib import Path

import click
from cryptography.x509 import Certificate, load_pem_x509_certificates

from custody.core.errors import MalformedError
from custody.server.timestamping.settings import DAY_S, TimestampSettings
from custody.timestamping.authorities import Stamper


def read_settings(
    folder: Path | None, urls: Sequence[str], roots: Sequence[Path], hash_name: str, every_s: float, renew_days: float
) -> TimestampSettings | None:
    """Settings, or None when nothing was said. Raises click.UsageError, MalformedError, StampingError."""
    if folder is None:
        if urls or roots:
            raise click.UsageError("--tsa and --tsa-root need --timestamps, where the tokens are kept")
        return None
    if urls and not roots:
        raise click.UsageError("--tsa needs --tsa-root: a token is kept only when a pinned root vouches for it")
    pinned = [certificate for path in roots for certificate in _certificates(path)]
    return TimestampSettings(
        folder=folder.absolute(),
        stamp=Stamper(urls, roots=pinned, hash_name=hash_name) if urls else None,
        hash_name=hash_name,
        roots=pinned,
        every_s=every_s,
        renew_before_s=renew_days * DAY_S,
    )


def _certificates(path: Path) -> list[Certificate]:
    try:
        return load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError) as error:
        raise MalformedError(f"{path} has no certificates in PEM", code="tsa-root") from error
