"""The rig's log over HTTP, and a monitor beside it."""

from __future__ import annotations

from tests.server.conftest import no_pauses, rig
from tests.server.http.conftest import site

__all__ = ["no_pauses", "rig", "site"]
