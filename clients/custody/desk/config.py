"""`desk.toml`: where the ledger is, who we are, and where the desk keeps its files. Read strictly; it holds no secret."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from custody.client.credentials import Credentials, CredentialsUnusable
from custody.core.names import check_site, check_stream
from custody.core.policy import Policy
from custody.desk.errors import DeskConfigError
from custody.v1 import record_pb2
from custody.verifier.trust import TrustError, load_trust

LANGUAGES: Final = ("en", "zh")
_MS_US: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskConfig:
    """Everything that a desk needs to know."""

    site: str
    lang: str
    folder: Path
    """Folder of the desk's own files: last checkpoint, custody state."""
    disclosures: Path
    targets: tuple[str, ...]
    log: str
    trust: Policy
    submitter: str
    credentials: Credentials
    profiles: tuple[str, ...]
    """Profiles that bind besides those that site and cameras name."""
    streams: tuple[str, ...]
    """Cameras that are known before the ledger's next heads snapshot tells of them."""
    clock: record_pb2.ClockQuality
    timeout_s: float


def read_config(path: Path) -> DeskConfig:
    """Reads a configuration; relative paths are below its folder. Raises DeskConfigError, MalformedError, OSError."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DeskConfigError(
            f"there is no {path}; name the desk's configuration with --config or $CUSTODY_DESK"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DeskConfigError(f"{path}: {error}") from None
    top = _Table(table, str(path))
    ledger, clock = top.table("ledger"), top.table("clock", {})
    base = path.parent
    try:
        credentials = Credentials.take(ledger.left, base)
    except CredentialsUnusable as error:
        raise DeskConfigError(f"{path}: {error}") from error
    folder = base / top.text("folder", "desk")
    disclosures = top.text("disclosures", "")
    config = DeskConfig(
        site=check_site(top.text("site")),
        lang=_language(top.text("lang", "en")),
        folder=folder,
        disclosures=base / disclosures if disclosures else folder / "disclosures.db",
        targets=tuple(ledger.texts("targets")),
        log=ledger.text("log"),
        trust=_trust(base / ledger.text("vkeys")),
        submitter=ledger.text("submitter", ""),
        credentials=credentials,
        profiles=tuple(top.texts("profiles", [])),
        streams=tuple(check_stream(name) for name in top.texts("streams", [])),
        clock=_clock(clock),
        timeout_s=float(ledger.number("timeout_s", 10)),
    )
    if not config.targets:
        raise DeskConfigError(f"{path}: [ledger] names no targets")
    for read in (ledger, clock, top):
        read.finish()
    return config


def _language(lang: str) -> str:
    if lang not in LANGUAGES:
        raise DeskConfigError("lang is neither 'en' nor 'zh'")
    return lang


def _trust(path: Path) -> Policy:
    try:
        return load_trust([str(path)])
    except TrustError as error:
        raise DeskConfigError(str(error)) from error


def _clock(table: "_Table") -> record_pb2.ClockQuality:
    source = table.text("source", "unspecified")
    number = record_pb2.ClockSource.DESCRIPTOR.values_by_name.get(f"CLOCK_SOURCE_{source.upper()}")
    if number is None or source != source.lower():
        raise DeskConfigError("[clock] source is not one of ntp, ptp, gnss, manual, free_running")
    return record_pb2.ClockQuality(
        source=record_pb2.ClockSource.ValueType(number.number),
        uncertainty_us=table.number("uncertainty_ms", 0) * _MS_US,
    )


class _Table:
    """A TOML table that wants every key to be asked for."""

    def __init__(self, values: Mapping[str, Any], where: str) -> None:
        self.left = dict(values)
        self._where = where

    def _take(self, key: str, form: type, default: Any) -> Any:
        value = self.left.pop(key, default)
        if value is None:
            raise DeskConfigError(f"{self._where} lacks {key!r}")
        if type(value) is not form:
            raise DeskConfigError(f"{self._where}: {key!r} has the wrong type")
        return value

    def text(self, key: str, default: str | None = None) -> str:
        return str(self._take(key, str, default))

    def texts(self, key: str, default: list[str] | None = None) -> list[str]:
        values = self._take(key, list, default)
        if not all(isinstance(value, str) for value in values):
            raise DeskConfigError(f"{self._where}: {key!r} is not a list of texts")
        return list(values)

    def number(self, key: str, default: int) -> int:
        value = int(self._take(key, int, default))
        if value < 0:
            raise DeskConfigError(f"{self._where}: {key!r} is negative")
        return value

    def table(self, key: str, default: dict[str, Any] | None = None) -> "_Table":
        return _Table(self._take(key, dict, default), f"[{key}]")

    def finish(self) -> None:
        if self.left:
            raise DeskConfigError(f"{self._where}: unknown {', '.join(sorted(map(repr, self.left)))}")
