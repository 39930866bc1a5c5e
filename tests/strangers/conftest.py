"""A log of 100,000 entries served over HTTP by the ledger's own HTTP side."""

from __future__ import annotations

from tests.server.conftest import no_pauses, rig
from tests.server.http.conftest import site

__all__ = ["no_pauses", "rig", "site"]
