"""Forms are read strictly, and no error repeats a value."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.desk.desk_rig import ACCESS, CLERK, NOW_US, PAPER, SITE, SPAN, STREAM

from custody.core.errors import CustodyError
from custody.core.record import ReadRecord
from custody.desk.act import ACTS
from custody.desk.choice_words import CHINESE, choice_word
from custody.desk.composing import compose, site_of_form
from custody.desk.disclosures import Draft
from custody.desk.environment import DeskEnvironment
from custody.desk.field import FormField, Shape, choices_of, fields_of
from custody.desk.form import MAX_FORM_BYTES, body_type, read_form
from custody.desk.meanings import MEANINGS, meaning
from custody.desk.scalar import read_length, read_moment, show_moment
from custody.desk.schema import schema_of
from custody.v1 import record_pb2

SECRET = "Zhao-Secret"
ENVIRONMENT = DeskEnvironment(now_us=lambda: NOW_US)


def told(act: str, form: Any) -> ReadRecord:
    draft = Draft(SITE, (), ENVIRONMENT.random)
    return compose(ACTS[act], read_form(json.dumps(form).encode()), draft, record_pb2.ClockQuality(), ENVIRONMENT)


BAD: list[tuple[str, Any, str]] = [
    ("access view", ACCESS | {"wrok_id": SECRET}, "form: unknown key 'wrok_id'"),
    ("access view", ACCESS | {SECRET: 1}, "form: unknown key a key that is no field name"),
    ("access view", ACCESS | {"act": "copy"}, "form: act is not said here; the command says it"),
    ("access view", ACCESS | {"observed": True}, "form: observed is not said here"),
    ("access view", ACCESS | {"officers": [{**CLERK, "nmae": SECRET}]}, "form.officers[0]: unknown key 'nmae'"),
    (
        "access view",
        ACCESS | {"officers": [{"name_commitment": PAPER}]},
        "form.officers[0]: unknown key 'name_commitment'",
    ),
    ("access view", ACCESS | {"officers": SECRET}, "form.officers: not a list"),
    ("access view", ACCESS | {"officers": [SECRET]}, "form.officers[0]: not a JSON object"),
    ("access view", ACCESS | {"officers": [{"unit": SECRET}]}, "form.officers[0]: a person has a name"),
    ("access view", ACCESS | {"officers": [{"name": f" {SECRET}"}]}, "form.officers[0].name: begins or ends"),
    ("access view", ACCESS | {"officers": [{"name": 7}]}, "form.officers[0].name: not a text"),
    (
        "access view",
        ACCESS | {"officers": [{"name": SECRET + "\ud800"}]},
        "form.officers[0].name: is not valid Unicode",
    ),
    ("access view", ACCESS | {"case_number": SECRET + "\ud800"}, "form.case_number: is not valid Unicode"),
    ("access view", ACCESS | {"case_number": SECRET + "\n"}, "case_number is not printable text"),
    ("access view", ACCESS | {"reason": SECRET * 5_000}, "form.reason: begins or ends with blanks, or is longer"),
    ("access view", ACCESS | {"purpose": SECRET}, "form.purpose: none of state_security"),
    ("access view", ACCESS | {"purpose": "CRIMINAL_CASE"}, "form.purpose: none of"),
    ("access view", ACCESS | {"duration": SECRET}, "form.duration: not a length of time"),
    ("access view", ACCESS | {"duration": "1_0 d"}, "form.duration: not a length of time"),
    ("access view", ACCESS | {"duration": 30}, "form.duration: not a text"),
    ("access view", ACCESS | {"consent": SECRET}, "form.consent: neither true nor false"),
    ("access view", ACCESS | {"at": SECRET}, "form.at: not a time with offset"),
    ("access view", ACCESS | {"at": "2026-11-23T08:00"}, "form.at: not a time with offset"),
    ("access view", ACCESS | {"at": "2026-13-23T08:00Z"}, "form.at: not a time with offset"),
    ("access view", ACCESS | {"at": 5}, "form.at: not a time with offset"),
    ("access view", ACCESS | {"spans": [{**SPAN, "stream": SECRET}]}, "form.spans[0].stream: not a stream name"),
    ("access view", ACCESS | {"copies_sha256": [SECRET]}, "form.copies_sha256[0]: not a SHA-256"),
    ("access view", ACCESS | {"copies_files": [SECRET]}, "form.copies_files[0]: the file cannot be read"),
    (
        "access view",
        ACCESS | {"copies_files": [], "copies_sha256": []},
        "form: give copies_sha256 or copies_files, not both",
    ),
    ("access view", {}, "a Access lacks spans"),
    ("file", {"site": SECRET, "act": "filed"}, "form.site: not a site name"),
    (
        "shift",
        {"people": [CLERK], "duration": "8 h", "streams_watched": 2**32},
        "form.streams_watched: not a whole number",
    ),
    (
        "shift",
        {"people": [CLERK], "duration": "8 h", "streams_watched": 1.0},
        "form.streams_watched: not a whole number",
    ),
    (
        "correction",
        {"index": 1, "leaf_sha256": PAPER, "replacement_id": SECRET},
        "form.replacement_id: not a record id",
    ),
]


@pytest.mark.parametrize(("act", "form", "message"), BAD, ids=[message for _, _, message in BAD])
def test_what_does_not_fit_is_refused_by_its_place(act: str, form: Any, message: str) -> None:
    with pytest.raises(CustodyError) as refused:
        told(act, form)
    assert message in str(refused.value)
    assert SECRET not in str(refused.value)
    assert SECRET not in str(refused.value.__cause__)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"{", "the form is not JSON: line 1, column 2"),
        (b"[]", "the form is not a JSON object"),
        (b'{"at": NaN}', "a number that JSON does not know"),
        (b'{"name": 1, "name": 2}', "'name' stands twice"),
        (b'{"Zhao-Secret": 1, "Zhao-Secret": 2}', "a key that is no field name stands twice"),
        (b"\xff", "not UTF-8"),
        (b"[" * 100_000, "not JSON"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "not JSON that can be read"),
        (b" " * (MAX_FORM_BYTES + 1), "more than"),
    ],
)
def test_what_is_no_form_is_refused(raw: bytes, message: str) -> None:
    with pytest.raises(CustodyError, match=message):
        read_form(raw)


def test_a_form_says_what_the_record_says() -> None:
    record = told("access copy", ACCESS)
    assert record.body.act == record_pb2.ACCESS_ACT_COPY
    assert record.body.duration_us == 30 * 60 * 1_000_000
    assert [person.unit for person in record.body.officers] == ["Bureau", "Bureau"]
    assert record.at_us == NOW_US == read_moment(SPAN["from"], "") + 3 * 3_600_000_000
    assert all(person.name_commitment and person.work_id_commitment for person in record.body.officers)
    refused = told("refuse", {"request_id": "r", "streams": [STREAM], "reason": "other", "reason_text": "words"})
    assert refused.body.reason == record_pb2.REFUSAL_REASON_OTHER
    assert refused.body.reason_commitment


def test_a_person_of_the_same_name_is_another_person() -> None:
    draft = Draft(SITE, (), ENVIRONMENT.random)
    first = draft.person({"name": "Li", "work_id": "1"})
    second = draft.person({"name": "Li", "work_id": "2"})
    assert first["name"] != second["name"]
    assert draft.person({"name": "Li", "work_id": "1"}) == first


def test_times_and_lengths() -> None:
    assert read_moment("1970-01-01T08:00:00.000001+08:00", "") == 1
    assert read_moment(show_moment(NOW_US), "") == NOW_US // 1_000_000 * 1_000_000
    assert [read_length(text, "") for text in ("1 d", "2 h", "3 min", "4 s")] == [86_400_000_000, 7_200_000_000, 180_000_000, 4_000_000]  # fmt: skip


def test_the_site_of_a_form_is_that_of_its_cameras() -> None:
    assert site_of_form({"spans": [{"stream": "north/gate"}]}, SITE) == "north"
    assert site_of_form({"streams": ["south/gate"]}, SITE) == "south"
    assert site_of_form({"site": "east"}, SITE) == "east"
    assert site_of_form({"people": []}, SITE) == SITE


def every_field() -> list[FormField]:
    found: dict[tuple[str, str], FormField] = {}
    waiting = [body_type(act.kind) for act in ACTS.values()]
    while waiting:
        for field in fields_of(waiting.pop()):
            if (field.owner, field.key) not in found:
                found[field.owner, field.key] = field
                waiting += [field.message] if field.message is not None else []
    return list(found.values())


def test_every_field_and_value_has_words_in_both_languages() -> None:
    used = set()
    said = [field for field in every_field() if field.key != "observed"]  # that is for systems to say
    for field in said:
        english, chinese = (meaning(field.owner, field.key, lang) for lang in ("en", "zh"))
        assert english.isascii(), field
        assert not chinese.isascii(), field
        used.add(f"{field.owner}.{field.key}" if f"{field.owner}.{field.key}" in MEANINGS else f"*.{field.key}")
    assert set(MEANINGS) == used | {"Record.at", "Form.file", "Form.corrects", "Form.records", "Form.persons"}
    values = {(f.choices.name, name) for f in said if f.choices is not None for name in choices_of(f.choices)}
    assert set(CHINESE) == values
    assert choice_word("AccessAct", "copy", "zh") == "复制"


def test_no_two_fields_of_a_message_share_a_key() -> None:
    for field in every_field():
        if field.message is not None:
            keys = [key for one in fields_of(field.message) for key in (one.key, one.file_key) if key]
            assert len(keys) == len(set(keys))


@pytest.mark.parametrize("name", ACTS)
def test_every_command_has_a_schema(name: str) -> None:
    for lang in ("en", "zh"):
        schema = schema_of(ACTS[name], lang)
        assert schema["additionalProperties"] is False
        assert not ACTS[name].hidden & schema["properties"].keys()
        assert set(schema["required"]) <= schema["properties"].keys()
        json.dumps(schema)
        personal = [field.key for field in fields_of(body_type(ACTS[name].kind)) if field.shape is Shape.PERSONAL]
        assert all(schema["properties"][key]["x-personal"] for key in personal if key in schema["properties"])
