"""`kill -9` of a real desk at every step: nothing in the log lacks its disclosure, and no erasure is half done."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.desk.desk_rig import ACCESS, CLERK, OFFICERS, SITE, STREAM, DeskRig
from tests.desk.killed_desk import POINTS
from tests.desk.test_personal_data import bytes_of, holding

from custody.desk.composing import commitments_of
from custody.desk.disclosures import DisclosureStore

HOUSE = Path(__file__).parents[2]
PERSONS = {"persons": [{"work_id": one["work_id"]} for one in [*OFFICERS, CLERK]], "basis": "PIPL Art. 47"}


async def kill(place: DeskRig, point: str, act: str, form: Any) -> None:
    path = place.folder / "form.json"
    path.write_text(json.dumps(form), encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.desk.killed_desk", point, "desk", "--config", str(place.folder / "desk.toml"),
        *act.split(), "--from", str(path), "--yes",
        cwd=HOUSE, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, said = await process.communicate()
    path.unlink()
    assert process.returncode == -signal.SIGKILL, said.decode()


@pytest.mark.parametrize("point", sorted(POINTS.keys() - {"before-wipe"}))
async def test_an_access_is_recorded_whole_or_not_at_all(place: DeskRig, point: str) -> None:
    await place.open()
    await kill(place, point, "access copy", ACCESS)
    assert (await place.run("send")).status == 0
    records = [one for one in await place.records() if one.kind.name == "access"]
    assert len(records) == (0 if point == "before-store" else 1)
    store = DisclosureStore(place.disclosures)
    assert not store.pending()
    for one in records:
        committed = list(commitments_of(one.body))
        assert len(committed) == 7
        assert store.holds(committed) == committed
    store.close()
    place.rig.audit()


@pytest.mark.parametrize("point", sorted(POINTS))
async def test_an_erasure_is_told_and_done_or_neither(place: DeskRig, tmp_path: Path, point: str) -> None:
    await place.open()
    await place.record("check", {"streams": [STREAM], "by": CLERK})
    await place.record("training", {"people": OFFICERS, "subject": "work"})
    await kill(place, point, "erase", PERSONS)
    assert (await place.run("send")).status == 0
    told = [one for one in await place.records() if one.kind.name == "disclosure_access"]
    store = DisclosureStore(place.disclosures)
    left = store.person(SITE, {"work_id": CLERK["work_id"]})
    store.close()
    assert (len(told), len(left)) == ((0, 2) if point == "before-store" else (1, 0))
    if told:
        assert holding(bytes_of(tmp_path)) == set()
    place.rig.audit()
