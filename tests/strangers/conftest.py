"""A log of 100,000 entries served over HTTP by the ledger's own HTTP side."""

from __future__ import annotations

from tests.server.conftest import no_pauses, rig
from tests.server.http.conftest import site
from tests.server.witnessing.conftest import cheap_scrypt, three

__all__ = ["cheap_scrypt", "no_pauses", "rig", "site", "three"]
