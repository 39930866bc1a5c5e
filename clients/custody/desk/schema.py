"""JSON Schema (draft 2020-12) of the forms: what `custody desk schema` prints."""

from collections.abc import Mapping
from typing import Any, Final

from google.protobuf.descriptor import Descriptor

from custody.core.kinds import KINDS
from custody.desk.act import Act
from custody.desk.field import FormField, Shape, choices_of, fields_of
from custody.desk.form import body_type
from custody.desk.meanings import meaning

_TEXT: Final = {"type": "string", "minLength": 1}
_SCALARS: Final[Mapping[Shape, Mapping[str, Any]]] = {
    Shape.TEXT: {**_TEXT, "maxLength": 512},
    Shape.PERSONAL: _TEXT,
    Shape.MOMENT: {"type": "string", "format": "date-time"},
    Shape.LENGTH: {"type": "string", "pattern": "^(0|[1-9][0-9]{0,8}) (d|h|min|s)$"},
    Shape.NUMBER: {"type": "integer", "minimum": 0},
    Shape.FLAG: {"type": "boolean"},
    Shape.DIGEST: {"type": "string", "pattern": "^[0-9a-f]{64}$"},
    Shape.ID: {"type": "string", "format": "uuid"},
    Shape.STREAM: {"type": "string", "pattern": "^[a-z0-9][a-z0-9._-]{0,63}/[a-z0-9][a-z0-9._-]{0,63}$"},
    Shape.SITE: {"type": "string", "pattern": "^[a-z0-9][a-z0-9._-]{0,63}$"},
}


def schema_of(act: Act, lang: str) -> dict[str, Any]:
    """The schema of the form of one command."""
    body = _object(body_type(act.kind), lang, hidden=act.hidden)
    required = [path.partition(".")[0].removesuffix("_us") for path in KINDS[act.kind].required]
    properties = {"at": {**_SCALARS[Shape.MOMENT], "description": meaning("Record", "at", lang)}, **body["properties"]}
    properties |= {key: {**extra, "description": meaning("Form", key, lang)} for key, extra in act.extra_schema.items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"custody desk {act.name}",
        "description": act.summary(lang),
        **body,
        "properties": properties,
        # The site may be left to the desk's configuration.
        "required": [key for key in dict.fromkeys(required) if key in body["properties"] and key not in act.optional],
    }


def _object(message: Descriptor, lang: str, hidden: frozenset[str] = frozenset()) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    for field in fields_of(message):
        if field.key in hidden:
            continue
        properties[field.key] = _property(field, lang)
        if field.file_key is not None:
            path = {**_TEXT, "description": meaning("Form", "file", lang)}
            properties[field.file_key] = {"type": "array", "items": path} if field.repeated else path
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _property(field: FormField, lang: str) -> dict[str, Any]:
    if field.message is not None:
        value = _object(field.message, lang)
    elif field.choices is not None:
        value = {"enum": list(choices_of(field.choices))}
    else:
        value = dict(_SCALARS[field.shape])
    said = {"description": meaning(field.owner, field.key, lang)}
    if field.shape is Shape.PERSONAL:
        said["x-personal"] = True  # type: ignore[assignment]
    return {"type": "array", "items": value, **said} if field.repeated else {**value, **said}
