"""Asking a person at a terminal, field by field, with what each field means.

Questions go to stderr. What is typed is judged by the same readers as a form from a file; a wrong value is asked for
again, and the message does not repeat it. A date may be typed without its offset: then it is local time.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import click
from google.protobuf.descriptor import Descriptor

from custody.core.kinds import KINDS
from custody.desk.act import Act
from custody.desk.choice_words import choice_word
from custody.desk.errors import FormError
from custody.desk.field import FormField, Shape, choices_of, fields_of
from custody.desk.form import Form, body_type
from custody.desk.meanings import meaning
from custody.desk.scalar import read_digest, read_id, read_length, read_moment, read_site, read_stream
from custody.desk.texts import say
from custody.v1 import record_pb2

Ask = Callable[[str], str]
_LOCAL: Final = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d)(:\d\d)?", re.ASCII)
_IN_CLEAR: Final = frozenset({"unit", "class_note", "reason_code", "subject", "scope"})
"""Free texts in which a person's name might be typed."""
_PER_LINE: Final = 5
"""Values to choose from in one line."""

_EXAMPLES: Final = {
    "flag": "y/n", "moment": "2026-11-23 08:00", "length": "30 d, 8 h, 15 min", "stream": "site-12/gate",
}  # fmt: skip
_CHECKS: Final[Mapping[Shape, Callable[[str, str], Any]]] = {
    Shape.LENGTH: read_length,
    Shape.ID: read_id,
    Shape.STREAM: read_stream,
    Shape.SITE: read_site,
}


def ask_line(question: str) -> str:
    """One line from the terminal, without blanks around it. Raises click.Abort at the end of input."""
    return str(click.prompt(question, default="", show_default=False, prompt_suffix=" ", err=True)).strip()


def ask_form(act: Act, lang: str, site: str, ask: Ask = ask_line) -> Form:
    """A whole form, field by field."""
    click.secho(act.summary(lang), err=True, bold=True)
    click.echo(say(lang, "intro"), err=True)
    asking = _Asking(lang, ask)
    form: Form = {}
    at = FormField(key="at", name="at_us", shape=Shape.MOMENT, repeated=False, owner="Record")
    asking.field(at, form, required=False, depth=0)
    if act.kind == "correction":
        form["corrects"] = asking.plain(f"* {meaning('Form', 'corrects', lang)} [corrects]")
        hidden = act.hidden | {"index", "leaf_sha256", "streams", "site"}
    elif act.kind == "disclosure_access":
        records = asking.listed(f"{meaning('Form', 'records', lang)} [records]")
        if records:
            form["records"] = records
        asking.persons(form)
        hidden = act.hidden | ({"opened_commitments"} if form.keys() & {"records", "persons"} else set()) | {"site"}
    else:
        hidden = act.hidden | {"site"}
    required = frozenset(path.partition(".")[0] for path in KINDS[act.kind].required)
    asking.group(body_type(act.kind), form, frozenset(hidden), required, depth=0)
    if act.of_site and "corrects" not in form and not form.get("streams"):
        form["site"] = site
    return form


class _Asking:
    """The questions of one form."""

    def __init__(self, lang: str, ask: Ask) -> None:
        self._lang = lang
        self._ask = ask

    def group(
        self, message: Descriptor, form: Form, hidden: frozenset[str], required: frozenset[str], depth: int
    ) -> None:
        for field in fields_of(message):
            if field.key not in hidden:
                self.field(field, form, required=field.name in required, depth=depth)

    def field(self, field: FormField, form: Form, *, required: bool, depth: int) -> None:
        """Asks for one field and puts the answer into the form, if there is one."""
        if field.shape is Shape.GROUP:
            self._groups(field, form, required=required, depth=depth)
            return
        values: list[Any] = []
        while True:
            value = self._value(field, required=required and not values, depth=depth, number=len(values))
            if value is None:
                break
            values.append(value)
            if not field.repeated:
                break
        if not values:
            return
        key = field.key
        if field.file_key is not None and all(Path(str(value)).is_file() for value in values):
            key = field.file_key
        form[key] = values if field.repeated else values[0]

    def plain(self, question: str) -> str:
        """A record id, which must be said."""
        while True:
            try:
                text = self._ask(f"{question}:")
                read_id(text, "")
            except FormError:
                self._complain(say(self._lang, "bad-id"))
            else:
                return text

    def listed(self, question: str) -> list[str]:
        """Record ids until an empty line."""
        found: list[str] = []
        while text := self._ask(f"{question}:"):
            try:
                read_id(text, "")
            except FormError:
                self._complain(say(self._lang, "bad-id"))
            else:
                found.append(text)
        return found

    def persons(self, form: Form) -> None:
        """Persons whose disclosures are meant; a unit is no mark of a person."""
        person = record_pb2.Person.DESCRIPTOR
        field = FormField(
            key="persons", name="persons", shape=Shape.GROUP, repeated=True, owner="Form", message=person
        )  # fmt: skip
        self._groups(field, form, required=False, depth=0, hidden=frozenset({"unit"}))

    def _groups(
        self, field: FormField, form: Form, *, required: bool, depth: int, hidden: frozenset[str] = frozenset()
    ) -> None:
        assert field.message is not None
        title = meaning(field.owner, field.key, self._lang)
        items: list[Form] = []
        while True:
            must = required and not items
            if not must and not self._yes(say(self._lang, "more" if items else "add", name=title), depth):
                break
            mark = f" {len(items) + 1}" if field.repeated else ""
            click.secho(f"{'  ' * depth}{title}{mark}", err=True, bold=True)
            inner: Form = {}
            needed = (
                frozenset({"stream", "from_us", "to_us"}) if field.message.name == "Span" else frozenset({"stream"})
            )
            self.group(field.message, inner, hidden, needed, depth + 1)
            if inner:
                items.append(inner)
            if not field.repeated:
                break
        if items:
            form[field.key] = items if field.repeated else items[0]

    def _value(self, field: FormField, *, required: bool, depth: int, number: int) -> Any:
        """One value as a form has it; None when it is left out."""
        question = self._question(field, required=required, depth=depth, number=number)
        while True:
            text = self._ask(question)
            if not text:
                if not required:
                    return None
                self._complain(say(self._lang, "wanted"))
                continue
            try:
                return self._read(field, text)
            except FormError:
                self._complain(say(self._lang, f"bad-{field.shape.value}"))

    def _question(self, field: FormField, *, required: bool, depth: int, number: int) -> str:
        """Writes what can be chosen, where there is a choice, and returns the question itself."""
        lang = self._lang
        indent = "  " * depth
        if field.choices is not None and not number:
            words = [choice_word(field.choices.name, name, lang) for name in choices_of(field.choices)]
            numbered = [f"{i} {word}" for i, word in enumerate(words, 1)]
            for begin in range(0, len(numbered), _PER_LINE):
                click.echo(f"{indent}  {' | '.join(numbered[begin : begin + _PER_LINE])}", err=True)
        notes = [field.key + (f" {number + 1}" if field.repeated else "")]
        if field.shape.value in _EXAMPLES:
            notes.append(_EXAMPLES[field.shape.value])
        elif field.choices is not None:
            notes.append(say(lang, "choose"))
        elif field.shape is Shape.PERSONAL:
            notes.append(say(lang, "personal"))
        elif field.key in _IN_CLEAR:
            notes.append(say(lang, "in-clear"))
        star = "* " if required else ""
        return f"{indent}{star}{meaning(field.owner, field.key, lang)} [{'; '.join(notes)}]:"

    def _read(self, field: FormField, text: str) -> Any:
        match field.shape:
            case Shape.FLAG:
                return self._flag(text)
            case Shape.NUMBER:
                if not re.fullmatch(r"0|[1-9]\d{0,18}", text, re.ASCII):
                    raise FormError(f"{field.key}: not a whole number")
                return int(text)
            case Shape.CHOICE:
                return self._choice(field, text)
            case Shape.MOMENT:
                return _moment(text, field.key)
            case Shape.DIGEST:
                if not (field.file_key and Path(text).is_file()):
                    read_digest(text, field.key)
                return text
            case shape:
                if shape in _CHECKS:
                    _CHECKS[shape](text, field.key)
                return text

    def _choice(self, field: FormField, text: str) -> str:
        assert field.choices is not None
        names = list(choices_of(field.choices))
        if text.isascii() and text.isdigit() and 1 <= int(text) <= len(names):
            return names[int(text) - 1]
        word = text.replace(" ", "_")
        if word in names:
            return word
        for name in names:
            if text == choice_word(field.choices.name, name, "zh"):
                return name
        raise FormError(f"{field.key}: not a value that can be chosen")

    def _flag(self, text: str) -> bool:
        if text.lower() in {"y", "yes", "是"}:
            return True
        if text.lower() in {"n", "no", "否"}:
            return False
        raise FormError("neither y nor n")

    def _yes(self, question: str, depth: int) -> bool:
        while True:
            text = self._ask(f"{'  ' * depth}{question} [y/N]")
            if not text:
                return False
            try:
                return self._flag(text)
            except FormError:
                self._complain(say(self._lang, "bad-flag"))

    def _complain(self, text: str) -> None:
        click.secho(f"  ! {text}", err=True, fg="yellow")


def _moment(text: str, where: str) -> str:
    local = _LOCAL.fullmatch(text)
    if local:
        try:
            # Without an offset it is the time of this machine's zone; the form always states one.
            text = datetime.fromisoformat(f"{local[1]}T{local[2]}{local[3] or ''}").astimezone().isoformat()
        except (ValueError, OverflowError):
            raise FormError(f"{where}: not a time") from None
    read_moment(text, where)
    return text
