"""From a recorder's own camera names to stream names, one to one."""

import re
from collections.abc import Mapping
from typing import Final

from custody.core.errors import CustodyError
from custody.core.names import check_stream

_NOT_ALLOWED: Final = re.compile(r"[^a-z0-9._-]+")


class StreamClashError(CustodyError):
    """Two cameras of the recorder would become one stream; map them by hand in [streams]."""

    code = "stream-clash"


class StreamNames:
    """Names as configured in [streams], else made from the recorder's; mutable cache, one owner."""

    def __init__(self, site: str, mapped: Mapping[str, str]) -> None:
        """`mapped`: the recorder's name to `camera` or `site/camera`. Raises MalformedError ('name-malformed')."""
        self._site = site
        self._names: dict[tuple[str, str], str] = {}
        self._owners: dict[str, tuple[str, str]] = {}
        self._mapped = {
            camera: check_stream(stream if "/" in stream else f"{site}/{stream}") for camera, stream in mapped.items()
        }

    def stream(self, camera: str, site: str | None = None) -> str:
        """The stream of a camera. Raises StreamClashError, or MalformedError when no name can be made of it."""
        key = (site or self._site, camera)
        known = self._names.get(key)
        if known is not None:
            return known
        name = self._mapped.get(camera) or check_stream("/".join(_plain(part) for part in key))
        owner = self._owners.setdefault(name, key)
        if owner != key:
            raise StreamClashError(f"the cameras {owner[1]!r} and {camera!r} would both be the stream {name}")
        self._names[key] = name
        return name


def _plain(name: str) -> str:
    return _NOT_ALLOWED.sub("-", name.lower()).strip("-._")[:64]
