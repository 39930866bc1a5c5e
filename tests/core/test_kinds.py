from __future__ import annotations

from operator import attrgetter

import pytest

from custody.core.errors import MalformedError
from custody.core.fields import check_fields, compiled
from custody.core.kinds import KINDS
from custody.v1 import record_pb2

BODIES = {field.name: field.message_type for field in record_pb2.Record.DESCRIPTOR.oneofs_by_name["kind"].fields}


@pytest.mark.parametrize("name", sorted(KINDS))
def test_every_required_field_and_digest_exists_and_every_field_has_a_form(name: str) -> None:
    kind, body = KINDS[name], record_pb2.Record()
    message = getattr(body, name)
    for path in kind.required:
        attrgetter(path)(message)
    if kind.digests is not None:
        getattr(message, kind.digests)
    compiled(BODIES[name])


@pytest.mark.parametrize("name", sorted(KINDS))
def test_an_empty_record_of_any_kind_says_nothing(name: str) -> None:
    with pytest.raises(MalformedError) as caught:
        compiled(BODIES[name], KINDS[name].required)(getattr(record_pb2.Record(), name))
    assert caught.value.code == "record-field-missing"


def test_a_field_without_a_known_form_is_a_mistake_in_the_proto() -> None:
    with pytest.raises(TypeError, match="no form is known"):
        check_fields(record_pb2.Record())  # record_id has its own check, in read_record
