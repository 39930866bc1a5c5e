"""The examples of docs/client.md run as they stand, one after the other."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

from tests.client.camera_records import record_id, segment
from tests.client.ledger_simulator import ORIGIN, LedgerSimulator

GUIDE = Path(__file__).parents[2] / "docs" / "client.md"


async def test_the_guide(ledger: LedgerSimulator, sockets: Path, tmp_path: Path) -> None:
    examples = re.findall(r"^```python\n(.*?)^```", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(examples) == 5
    names: dict[str, Any] = {
        "target": f"unix:{sockets / 'ledger'}",
        "log": ORIGIN,
        "vkey": ledger.vkey,
        "folder": tmp_path,
        "record": segment(0),
        "another": segment(1),
    }
    for example in examples:
        await asyncio.to_thread(exec, compile(example, str(GUIDE), "exec"), names)
    assert ledger.check_log()[:2] == [record_id(0), record_id(1)]
