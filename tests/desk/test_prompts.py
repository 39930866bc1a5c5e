"""A person at a terminal: the questions, and what becomes of the answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.desk.desk_rig import NOW_US, PAPER, SITE, STREAM

from custody.cli import main as command_line
from custody.core.note import SignatureType, SignerKey
from custody.desk.act import ACTS
from custody.desk.composing import compose
from custody.desk.disclosures import Draft
from custody.desk.environment import DeskEnvironment
from custody.desk.prompt import ask_form
from custody.desk.scalar import read_moment
from custody.v1 import record_pb2

ENVIRONMENT = DeskEnvironment(now_us=lambda: NOW_US)
ID = "01a20a2c-3e2a-7c0b-9d0f-3591cf87233a"


class Person:
    """Answers by the key that stands in the question, each answer once and in order; everything else with Enter."""

    def __init__(self, **answers: list[str]) -> None:
        self.answers = {key: iter(values) for key, values in answers.items()}
        self.questions: list[str] = []

    def __call__(self, question: str) -> str:
        self.questions.append(question)
        for key, values in self.answers.items():
            if any(f"[{key}{after}" in question for after in "]; ") or (key in question and question.endswith("[y/N]")):
                return next(values, "")
        return ""


def asked(act: str, person: Person, lang: str = "en") -> Any:
    form = ask_form(ACTS[act], lang, SITE, person)
    draft = Draft(SITE, (), ENVIRONMENT.random)
    compose(ACTS[act], form, draft, record_pb2.ClockQuality(), ENVIRONMENT)
    return form


def test_an_access_is_told_field_by_field(tmp_path: Path) -> None:
    paper = tmp_path / "letter.pdf"
    paper.write_bytes(b"letter")
    person = Person(
        stream=[STREAM],
        **{"from": ["yesterday", "2026-11-23 08:00"], "to": ["2026-11-24T23:00:00+08:00"]},
        purpose=["nonsense", "2"],
        accessor=["public security"],
        officers=["y", "n"],
        name=["Li"],
        work_id=["1"],
        documents=["y"],
        kind=["certifying"],
        document_sha256=["nowhere", str(paper)],
        duration=["half an hour", "30 min"],
        consent=["perhaps", "n"],
        copies_sha256=[PAPER],
    )
    form = asked("access copy", person)
    assert read_moment(form["spans"][0].pop("from"), "") % 60_000_000 == 0
    assert form == {
        "spans": [{"stream": STREAM, "to": "2026-11-24T23:00:00+08:00"}],
        "purpose": "criminal_case",
        "accessor": "public_security",
        "officers": [{"name": "Li", "work_id": "1"}],
        "documents": [{"kind": "certifying", "document_file": str(paper)}],
        "duration": "30 min",
        "consent": False,
        "copies_sha256": [PAPER],
    }
    assert not [question for question in person.questions if "observed" in question or "[act" in question]


def test_a_choice_may_be_made_in_chinese(capsys: pytest.CaptureFixture[str]) -> None:
    person = Person(request_id=["r-1"], streams=[STREAM], reason=["无证明文件"], reason_text=["理由"])
    form = asked("refuse", person, "zh")
    assert form == {"request_id": "r-1", "streams": [STREAM], "reason": "no_document", "reason_text": "理由"}
    err = capsys.readouterr().err
    assert "登记拒绝请求及理由。" in err
    assert "2 无证明文件" in err


def test_what_must_be_said_is_asked_for_again(capsys: pytest.CaptureFixture[str]) -> None:
    person = Person(hold_id=["", "h-1"], streams=[STREAM], authority=["Court"])
    assert asked("hold release", person)["hold_id"] == "h-1"
    assert "This must be said." in capsys.readouterr().err


def test_the_desk_knows_its_own_site() -> None:
    assert asked("done", Person(order_id=["o-1"])) == {"order_id": "o-1", "site": SITE}


def test_records_are_chosen_by_their_ids() -> None:
    form = ask_form(ACTS["erase"], "en", SITE, Person(records=["x", ID], basis=["PIPL Art. 47"]))
    assert form == {"records": [ID], "basis": "PIPL Art. 47", "site": SITE}
    person = Person(work_id=["w-1"])
    person.answers["every disclosure that is kept"] = iter(["y"])
    assert ask_form(ACTS["erase"], "en", SITE, person) == {"persons": [{"work_id": "w-1"}], "site": SITE}
    form = ask_form(ACTS["correction"], "en", SITE, Person(corrects=["x", ID]))
    assert form == {"corrects": ID}


@pytest.mark.parametrize("name", ACTS)
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_command_asks_in_both_languages(name: str, lang: str) -> None:
    """One item of every group is filled in, so that every question is asked."""
    answers = iter(range(10_000))
    texts = {
        "site-12/gate": STREAM,
        "y/n": "y",
        "2026-11-23 08:00": "2026-11-23 08:00",
        "30 d": "30 d",
        "sha256": PAPER,
        "commitments": PAPER,
        "_root": PAPER,
        "bytes": "1",
        "first": "1",
        "last": "1",
        "watched": "1",
        "tree_size": "1",
        "number or word": "1",
        "填序号": "1",
        "_id]": ID,
        "records]": "",
        "corrects]": ID,
        "work_id": "w",
    }
    seen: set[str] = set()

    def ask(question: str) -> str:
        assert next(answers) < 400
        if question.endswith("[y/N]"):
            again = question in seen or " 2" in question or "more?" in question or "还有" in question
            seen.add(question)
            return "n" if again else "y"
        if " 2;" in question or " 2]" in question:
            return ""
        if lang == "zh":
            assert not question.split("[", maxsplit=1)[0].isascii()
        return next((answer for part, answer in texts.items() if part in question), "words")

    form = ask_form(ACTS[name], lang, SITE, ask)
    assert form


def test_a_script_is_told_to_bring_a_form(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    key = SignerKey.from_seed("ledger.example/x", SignatureType.ED25519, bytes(32)).vkey.encode()
    (tmp_path / "keys").write_text(key + "\n")
    (tmp_path / "desk.toml").write_text(
        'site = "site-12"\n[ledger]\ntargets = ["unix:/nowhere"]\nlog = "ledger.example/x"\nvkeys = "keys"\n'
    )
    assert command_line.run(["desk", "--config", str(tmp_path / "desk.toml"), "done"]) == 2
    assert "give the form with --from" in capsys.readouterr().err


def test_schemas_are_listed_and_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert command_line.run(["desk", "schema"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in ACTS)
    assert command_line.run(["desk", "--lang", "zh", "schema", "access", "copy"]) == 0
    assert '"x-personal": true' in capsys.readouterr().out
    assert command_line.run(["desk", "schema", "nothing"]) == 2
