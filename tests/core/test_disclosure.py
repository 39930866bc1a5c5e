from __future__ import annotations

from contextlib import suppress
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from record_strategies import mutated

from custody.core.disclosure import (
    MAX_DISCLOSURE_BYTES,
    Disclosure,
    DisclosureError,
    check_disclosure,
    decode_disclosure,
)
from custody.core.errors import MalformedError

NAME = Disclosure(salt=bytes(range(16)), name="access.officers.name", value="王小明")
disclosures = st.builds(
    Disclosure,
    salt=st.binary(min_size=16, max_size=16),
    name=st.from_regex(r"[a-z][a-z0-9_]{0,9}(\.[a-z][a-z0-9_]{0,9}){0,3}", fullmatch=True),
    value=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=50),
)


@given(disclosure=disclosures)
def test_a_disclosure_opens_its_commitment(disclosure: Disclosure) -> None:
    raw = disclosure.encode()
    assert decode_disclosure(raw) == disclosure
    assert check_disclosure(raw, disclosure.commitment()) == disclosure
    assert disclosure.commitment() == sha256(raw).digest()


@settings(max_examples=400, deadline=None)
@given(raw=st.binary(max_size=80) | mutated(disclosures.map(Disclosure.encode)))
def test_fuzz_disclosures(raw: bytes) -> None:
    with suppress(MalformedError):
        assert decode_disclosure(raw).encode() == raw


def test_another_value_does_not_open_the_commitment_and_no_error_names_the_value() -> None:
    other = Disclosure(salt=NAME.salt, name=NAME.name, value="李四")
    with pytest.raises(DisclosureError) as caught:
        check_disclosure(other.encode(), NAME.commitment())
    assert caught.value.code == "disclosure-mismatch"
    assert "李" not in str(caught.value)


@pytest.mark.parametrize(
    "disclosure",
    [
        Disclosure(salt=bytes(15), name="a", value="x"),
        Disclosure(salt=bytes(16), name="", value="x"),
        Disclosure(salt=bytes(16), name="A b", value="x"),
        Disclosure(salt=bytes(16), name="a", value=""),
        Disclosure(salt=bytes(16), name="a", value="x" * MAX_DISCLOSURE_BYTES),
    ],
)
def test_disclosures_that_are_refused(disclosure: Disclosure) -> None:
    with pytest.raises(MalformedError) as caught:
        disclosure.encode()
    assert caught.value.code == "disclosure-malformed"
