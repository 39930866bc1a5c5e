"""The state that the desk keeps between two commands: a cache that may be lost, old, damaged or another's."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.desk.desk_rig import ACCESS, HOLD, NOW_US, OFFICERS, SITE_FORM, SPAN, STREAM, STREAM_FORM, DeskRig, moment
from tests.desk.test_stories import codes, wait_list

from custody.client.errors import ReadError, RefusedError
from custody.client.sync import SyncLedgerClient
from custody.core.chain import Head
from custody.desk import replay
from custody.desk.disclosures import DisclosureStore
from custody.desk.replay import Replay
from custody.rules import load_library, save

OTHER = "site-12/yard"
ONE = ACCESS | {"officers": OFFICERS[:1]}


def state_file(place: DeskRig) -> Path:
    return place.folder / "desk" / "custody.state"


async def foretold(place: DeskRig, name: str, form: Any) -> list[str]:
    said = await place.act(name, form, "--dry-run", "--json")
    assert said.status == 0, said
    return codes(said.json)


async def test_whatever_became_of_the_kept_state_the_forecast_is_the_same(place: DeskRig) -> None:
    await place.open()
    await place.footage()
    await place.record("hold place", HOLD)
    wanted = await foretold(place, "access consult", ONE)
    assert sorted(wanted) == ["access-during-hold", "under-two-officers"]
    path = state_file(place)
    good = path.read_bytes()
    for bad in (b"", good[:100], good[:-1] + bytes([good[-1] ^ 1]), b"custody-desk-2\n" + good[15:]):
        path.write_bytes(bad)
        assert await foretold(place, "access consult", ONE) == wanted
        assert path.read_bytes() == good
    path.unlink()
    assert await foretold(place, "access consult", ONE) == wanted
    library = load_library()
    loaded = Replay.load(path, library, ("default",), "ledger.example/rig")
    assert STREAM in loaded.state.streams
    assert not Replay.load(path, library, ("default",), "ledger.example/other").heads
    assert not Replay.load(path, library, ("default", "bj185"), "ledger.example/rig").heads


async def test_a_state_of_another_history_is_read_anew(place: DeskRig) -> None:
    await place.open()
    wanted = await foretold(place, "access consult", ONE)
    path = state_file(place)
    loaded = Replay.load(path, load_library(), ("default",), "ledger.example/rig")
    good = save(loaded.state)
    chain = f"custody/{STREAM}"
    loaded.heads[chain] = Head(loaded.heads[chain].seq, b"x" * 32)
    loaded.keep(path)
    await place.record("check", {"streams": [STREAM]})
    await place.record("retention", {"streams": [STREAM], "minimum": "30 d", "effective_from": moment(NOW_US)})
    assert await foretold(place, "access consult", ONE) == wanted
    again = Replay.load(path, load_library(), ("default",), "ledger.example/rig")
    assert save(again.state) != good
    assert again.heads[chain].leaf != b"x" * 32


async def test_a_camera_whose_past_was_not_read_yet(place: DeskRig) -> None:
    """Its footage lies before what was applied already, so that everything is read again."""
    await place.open()
    await place.footage()
    await place.record("hold place", HOLD)
    description = STREAM_FORM["description"] | {"stream": OTHER}
    await place.record("stream register", STREAM_FORM | {"description": description})
    await place.record("check", {"streams": [OTHER]})
    disposal = {"ranges": [{**SPAN, "first": 1, "last": 1}], "knowledge": "announced"}
    state_file(place).unlink()
    assert await foretold(place, "check", {"streams": [OTHER]}) == []
    assert "footage/" not in "".join(
        Replay.load(state_file(place), load_library(), ("default",), "ledger.example/rig").heads
    )
    assert "disposed-under-hold" in await foretold(place, "disposal manual", disposal)


async def test_rules_that_begin_to_bind_are_judged_on_every_camera(place: DeskRig) -> None:
    await place.record("stream register", STREAM_FORM | {"in_use_from": SPAN["from"]})
    await place.footage()
    caused = await foretold(place, "site register", SITE_FORM)
    # The hour that was recorded is known, though the record names no camera.
    assert "missing" not in caused
    loaded = Replay.load(state_file(place), load_library(), ("default",), "ledger.example/rig")
    assert f"footage/{STREAM}" in loaded.heads


async def test_a_ledger_that_stops_before_the_end_of_a_chain(place: DeskRig, monkeypatch: pytest.MonkeyPatch) -> None:
    await place.open()
    longer = {f"custody/{STREAM}": Head(99, b"h" * 32)}
    monkeypatch.setattr(replay, "_ends", lambda _: longer)
    said = await place.act("access consult", ACCESS)
    assert (said.status, ReadError.code) == (2, "read-mismatch")
    assert "[read-incomplete]" in said.err


async def test_a_waiting_record_that_is_refused_for_good_waits_no_more(
    place: DeskRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    await place.open()
    with monkeypatch.context() as patch:
        patch.setattr(DisclosureStore, "sent", lambda *_: None)
        await place.record("check", {"streams": [STREAM]})

    def refuse(*_: Any, **__: Any) -> Any:
        raise RefusedError("no", code="record-conflict", status="ALREADY_EXISTS", retryable=False, position=0)

    with monkeypatch.context() as patch:
        patch.setattr(SyncLedgerClient, "append", refuse)
        assert "[record-conflict]" in (await place.run("send")).err
    assert not wait_list(place)


@pytest.mark.parametrize(("answer", "status", "said"), [("y", 0, "Recorded."), ("n", 1, "Nothing was recorded.")])
async def test_a_person_at_a_terminal_is_asked(place: DeskRig, answer: str, status: int, said: str) -> None:
    await place.open()
    form = place.folder / "form.json"
    form.write_text(json.dumps(ONE), encoding="utf-8")
    person, desk = pty.openpty()
    os.write(person, answer.encode() + b"\n")
    command = [Path(sys.executable).with_name("custody"), "desk", "--config", place.folder / "desk.toml"]
    process = await asyncio.create_subprocess_exec(
        *map(str, command), "access", "consult", "--from", str(form),
        stdin=desk, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    os.close(desk)
    os.close(person)
    assert process.returncode == status
    shown = output.decode()
    assert "Record it all the same? [y/N]" in shown
    assert said in shown
    assert ("access" in [one.kind.name for one in await place.records()]) == (status == 0)
