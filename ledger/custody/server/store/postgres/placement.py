"""Where each log lives: on the main server, or on one of its own (docs/ops/postgresql.md).

The table is a TOML file that names origins and DSNs:

    [logs]
    "ledger.example.gov.cn/haidian" = "postgresql://db2.example.gov.cn/custody"

A log that is not named lives on the main server.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from custody.server.store.protocol import StoreError

Placement = Mapping[str, str]
"""Origin to DSN."""

ALL_ON_ONE: Placement = MappingProxyType({})


class PlacementMalformed(StoreError):
    """The file does not say where logs live."""

    code = "placement-malformed"


def read_placement(text: str) -> Placement:
    """The table in a TOML text. Raises PlacementMalformed."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PlacementMalformed(f"not TOML: {error}") from error
    logs = document.get("logs")
    if set(document) != {"logs"} or not isinstance(logs, dict):
        raise PlacementMalformed("the file has one table, [logs], of origins and DSNs")
    for origin, dsn in logs.items():
        if not isinstance(dsn, str) or not dsn.startswith(("postgresql://", "postgres://")):
            raise PlacementMalformed(f"{origin} is not placed at a postgresql:// address")
    return MappingProxyType(logs)


def read_placement_file(path: Path) -> Placement:
    """As `read_placement`, from a file."""
    try:
        return read_placement(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise PlacementMalformed(f"cannot read {path}: {error}") from error
