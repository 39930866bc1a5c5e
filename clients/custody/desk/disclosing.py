"""Disclosures that leave the store: shown to somebody who is entitled, or written into a file. Recorded before, always."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

from custody.desk.disclosures import DisclosureStore


def shown(store: DisclosureStore, commitments: Sequence[bytes]) -> list[dict[str, str]]:
    """Name and value of each, with its commitment. Raises DisclosureUnknown."""
    return [
        {"commitment": commitment.hex(), "name": one.name, "value": one.value}
        for commitment, one in store.find(commitments)
    ]


def export(store: DisclosureStore, commitments: Sequence[bytes], target: Path) -> None:
    """Writes disclosures with their salts, so that whoever gets the file can hold them against the log.

    The file is new and its owner's alone; durable on return. Raises DisclosureUnknown, FileExistsError, OSError.
    """
    rows = [
        {"commitment": commitment.hex(), "disclosure": one.encode().hex(), "name": one.name, "value": one.value}
        for commitment, one in store.find(commitments)
    ]
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({"disclosures": rows}, file, ensure_ascii=False, indent=1)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
