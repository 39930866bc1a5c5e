"""The shared vectors give the same verdicts in the browser as in Python (which tests/core runs)."""

from __future__ import annotations

from pathlib import Path

from engine_page import Engine
from engine_schema import schema

import custody.verifier

VECTORS = Path(__file__).parent.parent / "vectors"
ENGINE = Path(custody.verifier.__file__).parent / "web/engine"


def expected(path: Path) -> str:
    for line in path.read_bytes().split(b"\n"):
        if line.startswith(b"expect: "):
            return line.removeprefix(b"expect: ").decode()
    raise AssertionError(path)


def test_every_vector_ends_in_the_browser_as_it_must(engine: Engine) -> None:
    cases = sorted(VECTORS.glob("*/*.txt"))
    found = engine.vectors(cases)
    names = [f"{path.parent.name}/{path.stem}" for path in cases]
    wanted = {name: expected(path) for name, path in zip(names, cases, strict=True)}
    assert len(cases) > 250
    assert {name: one for name, one in zip(names, found, strict=True) if one != wanted[name]} == {}


def test_the_table_of_messages_is_that_of_the_proto_files() -> None:
    assert (ENGINE / "schema.ts").read_text() == schema()
