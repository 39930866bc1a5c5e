"""The agent's configuration: one TOML file, read strictly, every value with its unit in its name.

A preset gives the values that follow from the recording system; the file overrides them.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from custody.core.errors import CustodyError
from custody.core.names import check_site
from custody.recorder.measure import Wish
from custody.recorder.template import PathTemplate
from custody.v1 import record_pb2

PRESETS: Final = ("ffmpeg-hls", "ffmpeg-segment", "folder", "frigate", "mediamtx", "motion", "viseron", "zoneminder")
FORMS: Final = ("", "mediamtx", "frigate")
"""How recorders' configurations are read; observe.py."""
SECOND_US: Final = 1_000_000
DAY_US: Final = 86_400 * SECOND_US


class ConfigError(CustodyError):
    """The configuration does not say what it must, or says something unknown."""

    code = "recorder-config"


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """A folder of footage; a recorder that moves footage between disks has several."""

    name: str
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorder:
    """One recording system and what is known of its ways."""

    name: str
    product: str
    storages: tuple[Storage, ...]
    zone: ZoneInfo
    """Where the recorder is: its file names are in this time, and its day begins at midnight there."""
    templates: tuple[PathTemplate, ...]
    settle_us: int
    """A file that nobody told of is finished when it was not written to for so long."""
    segment_us: int
    """Expected length of a segment; 0: not fixed."""
    gap_tolerance_us: int
    """Two segments that are farther apart have a gap between them."""
    motion_only: bool
    playlists: tuple[str, ...]
    """Names of segment lists and HLS playlists, as glob patterns below a storage."""
    names_reused: bool
    """The recorder writes new footage under old names (a ring of files)."""
    configuration: Path | None
    """The recorder's own configuration file, read to observe its retention."""
    configuration_form: str
    """How to read it: mediamtx, frigate or empty."""
    database: Path | None
    """The recorder's own database, read-only; Frigate's is understood."""
    retention_us: int
    """Retention as declared where it cannot be read; 0: the recorder does not delete by age."""
    capacity_bytes: int
    """Capacity at which the recorder deletes; 0: the disk's own."""
    wish: Wish


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything an agent needs."""

    site: str
    state: Path
    """Folder of the agent: its database, its spool and the outbox."""
    recorders: tuple[Recorder, ...]
    streams: Mapping[str, str] = field(default_factory=dict)
    heartbeat_us: int = 60 * SECOND_US
    scan_us: int = 60 * SECOND_US
    deep_scan_us: int = 3_600 * SECOND_US
    """Every so often, files are compared by size and time, not only by name."""
    move_grace_us: int = 30 * SECOND_US
    """How long a file that vanished may reappear elsewhere before its disposal is recorded."""
    remember_us: int = DAY_US
    """How long a disposed segment is remembered, so that its file is recognized when it comes back."""
    integrity_bytes_per_s: int = 20_000_000
    integrity_every_us: int = 7 * DAY_US
    """How long a segment may go without being hashed again; 0: no integrity scans."""
    required_retention_us: int = 30 * DAY_US
    """What the law or contract asks for; D185 Art. 13(3): 30 days. Only for the forecast, the ledger's rules judge."""
    workers: int = 2
    listen: str = ""
    """`host:port` of the local endpoint (metrics, access feed); empty: none."""
    auth_upstream: str = ""
    """URL that decides who may view, when MediaMTX asks through the local endpoint; empty: nobody may."""
    ledger: Mapping[str, Any] = field(default_factory=dict)
    """Passed to the client library."""


def read_config(path: Path) -> Config:
    """Reads a configuration file. Raises ConfigError, MalformedError ('name-malformed'), OSError."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from None
    return make_config(table, path.parent)


def make_config(table: Mapping[str, Any], base: Path) -> Config:
    """A configuration from a parsed table; relative paths are below `base`. Raises as `read_config`."""
    top = _Table(table, "the file")
    recorders = tuple(_recorder(_Table(item, "[[recorder]]"), base) for item in top.tables("recorder"))
    if not recorders:
        raise ConfigError("no [[recorder]] is configured")
    streams = top.table("streams")
    agent = _Table(top.table("agent"), "[agent]")
    config = Config(
        site=check_site(top.text("site")),
        state=base / top.text("state"),
        recorders=recorders,
        streams={str(key): str(value) for key, value in streams.items()},
        heartbeat_us=agent.seconds("heartbeat_s", 60, least=0.1),
        scan_us=agent.seconds("scan_s", 60),
        deep_scan_us=agent.seconds("deep_scan_s", 3_600),
        move_grace_us=agent.seconds("move_grace_s", 30),
        remember_us=agent.seconds("remember_s", 86_400),
        integrity_bytes_per_s=agent.number("integrity_bytes_per_s", 20_000_000, least=1),
        integrity_every_us=agent.number("integrity_every_days", 7) * DAY_US,
        required_retention_us=agent.number("required_retention_days", 30) * DAY_US,
        workers=agent.number("workers", 2, least=1),
        listen=agent.text("listen", ""),
        auth_upstream=agent.text("auth_upstream", ""),
        ledger=dict(top.table("ledger")),
    )
    agent.finish()
    top.finish()
    names = [storage.name for recorder in recorders for storage in recorder.storages]
    if len(names) != len(set(names)):
        raise ConfigError("two storages have one name")
    return config


def read_preset(name: str) -> dict[str, Any]:
    """The values of a preset. Raises ConfigError when there is none of that name."""
    if name not in PRESETS:
        raise ConfigError(f"there is no preset {name!r}; there are {', '.join(PRESETS)}")
    return tomllib.loads(files("custody.recorder").joinpath("presets", f"{name}.toml").read_text(encoding="utf-8"))


def _recorder(own: "_Table", base: Path) -> Recorder:
    preset = read_preset(own.text("preset", "folder"))
    values = _Table({**preset, **own.left()}, "[[recorder]]")
    values.text("about", "")
    zone_name = values.text("zone", "UTC")
    try:
        zone = ZoneInfo(zone_name)
    except (ValueError, KeyError, OSError):
        raise ConfigError(f"[[recorder]]: there is no time zone {zone_name!r}; Asia/Shanghai is one") from None
    try:
        templates = tuple(PathTemplate(text, zone) for text in values.texts("templates"))
    except ValueError as error:
        raise ConfigError(f"[[recorder]]: {error}") from None
    configuration = values.text("configuration", "")
    form = values.text("configuration_form", "")
    if form not in FORMS:
        raise ConfigError(f"[[recorder]]: 'configuration_form' is one of {', '.join(filter(None, FORMS))}, or left out")
    database = values.text("database", "")
    product = values.text("product", "recorder")
    recorder = Recorder(
        name=values.text("name", product),
        product=product,
        storages=tuple(_storages(values, base)),
        zone=zone,
        templates=templates,
        settle_us=values.seconds("settle_s", 30),
        segment_us=values.seconds("segment_s", 0),
        gap_tolerance_us=values.seconds("gap_tolerance_s", 2),
        motion_only=values.flag("motion_only"),
        playlists=values.texts("playlists"),
        names_reused=values.flag("names_reused"),
        configuration=base / configuration if configuration else None,
        configuration_form=form,
        database=base / database if database else None,
        retention_us=int(values.number("retention_days", 0) * DAY_US),
        capacity_bytes=values.number("capacity_bytes", 0),
        wish=Wish(
            algorithms=tuple(_algorithm(name) for name in values.texts("digests")),
            media=values.flag("media_root", default=True),
            chunks=values.flag("chunk_root"),
            init_name=values.text("init_name", ""),
        ),
    )
    values.finish()
    return recorder


def _storages(values: "_Table", base: Path) -> list[Storage]:
    found = []
    for item in values.tables("storage"):
        table = _Table(item, "[[recorder.storage]]")
        found.append(Storage(name=table.text("name"), path=(base / table.text("path")).absolute()))
        table.finish()
    if not found:
        raise ConfigError("[[recorder]] names no [[recorder.storage]]")
    return found


def _algorithm(name: str) -> int:
    try:
        return record_pb2.DigestAlgorithm.Value(f"DIGEST_ALGORITHM_{name.upper().replace('-', '_')}")
    except ValueError:
        raise ConfigError(f"unknown digest {name!r}") from None


class _Table:
    """A TOML table that wants every key to be asked for."""

    def __init__(self, values: Mapping[str, Any], where: str) -> None:
        self._values = dict(values)
        self._where = where

    def left(self) -> dict[str, Any]:
        return dict(self._values)

    def _take(self, key: str, form: type | tuple[type, ...], default: Any) -> Any:
        value = self._values.pop(key, default)
        if value is None:
            raise ConfigError(f"{self._where} lacks {key!r}")
        if not isinstance(value, form) or (isinstance(value, bool) and form is not bool):
            raise ConfigError(f"{self._where}: {key!r} has the wrong type")
        return value

    def text(self, key: str, default: str | None = None) -> str:
        return str(self._take(key, str, default))

    def texts(self, key: str) -> tuple[str, ...]:
        return tuple(str(item) for item in self._take(key, list, []))

    def number(self, key: str, default: int, least: int = 0) -> int:
        value = int(self._take(key, int, default))
        if not least <= value <= 1 << 50:
            raise ConfigError(f"{self._where}: {key!r} is a number from {least} on, and not larger than a disk")
        return value

    def seconds(self, key: str, default: float, least: float = 0) -> int:
        value = float(self._take(key, (int, float), default))
        if not least <= value <= 10**9:
            raise ConfigError(f"{self._where}: {key!r} is a number of seconds from {least} on")
        return int(value * SECOND_US)

    def flag(self, key: str, *, default: bool = False) -> bool:
        return bool(self._take(key, bool, default))

    def table(self, key: str) -> dict[str, Any]:
        return dict(self._take(key, dict, {}))

    def tables(self, key: str) -> list[dict[str, Any]]:
        items = self._take(key, (list, dict), [])
        if isinstance(items, dict) or not all(isinstance(item, dict) for item in items):
            raise ConfigError(
                f"{self._where}: {key!r} may come several times, so its heading has two brackets: [[...]]"
            )
        return [dict(item) for item in items]

    def finish(self) -> None:
        if self._values:
            raise ConfigError(f"{self._where}: unknown {', '.join(sorted(map(repr, self._values)))}")
