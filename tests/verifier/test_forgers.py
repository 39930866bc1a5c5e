"""Stories of forgers: whoever writes a database file may write anything into it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.verifier.conftest import ORIGIN, key_of

from custody.cli.main import run

if TYPE_CHECKING:
    from tests.verifier.conftest import LogWriter

Verify = Callable[..., tuple[int, dict[str, Any]]]
NewWriter = Callable[..., "LogWriter"]
NEIGHBOUR = "example.org/neighbour"


def test_a_neighbour_s_key_cannot_sign_for_this_log(tmp_path: Path, new_writer: NewWriter, verify: Verify) -> None:
    """An inspector trusts the keys of two logs; the operator of one forges the other."""
    keys = tmp_path / "keys"
    keys.write_text(f"{key_of(1).vkey.encode()}\n{key_of(2, NEIGHBOUR).vkey.encode()}\n", encoding="ascii")
    writer = new_writer(key=key_of(2, NEIGHBOUR), origin=ORIGIN)
    writer.story()
    status, report = verify("log", writer.path, "--key", keys)
    assert status == 1
    assert "checkpoint-origin" in {one["code"] for one in report["findings"]}
    assert report["log"]["verified"] == 0


def test_a_small_file_with_computed_columns_is_no_ledger(writer: LogWriter, capsys: pytest.CaptureFixture[str]) -> None:
    """A few bytes of file that SQLite would turn into gigabytes of entries."""
    writer.story()
    with closing(sqlite3.connect(writer.path)) as db:
        db.executescript(
            "DROP TABLE tile; CREATE TABLE tile (log INTEGER, level INTEGER, tile_index INTEGER,"
            " hashes BLOB GENERATED ALWAYS AS (zeroblob(900000000)) VIRTUAL);"
            "INSERT INTO tile VALUES (1, 0, 0)"
        )
    assert run(["verify", "log", str(writer.path), "--key", writer.key.vkey.encode()]) == 2
    assert "computed" in capsys.readouterr().err


def test_names_in_a_file_do_not_write_on_the_terminal(writer: LogWriter, capsys: pytest.CaptureFixture[str]) -> None:
    writer.story()
    with closing(sqlite3.connect(writer.path)) as db:
        db.execute("INSERT INTO log SELECT 9, ?, vkeys, 0, 0, root, 0, 0, 0 FROM log", ("\x1b[2Jverdict: fine",))
        db.commit()
    assert run(["verify", "log", str(writer.path)]) == 2
    told = capsys.readouterr()
    assert "\x1b" not in told.out + told.err
