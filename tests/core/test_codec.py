"""Decimals and base64 have one spelling each."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custody.core.codec import encode_base64, parse_base64, parse_decimal
from custody.core.errors import MalformedError


@given(st.integers(0, (1 << 63) - 1))
def test_a_decimal_is_read_as_written(value: int) -> None:
    assert parse_decimal(str(value), maximum=(1 << 63) - 1) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00",
        "01",
        "+1",
        "-1",
        " 1",
        "1 ",
        "1\n",
        "4_2",
        "0x1",
        "1e3",
        "1.0",
        "\u0661",
        "\uff11",
        "\u00b2",
        "9" * 21,
        "11",
    ],
)
def test_other_spellings_of_decimals_are_refused(text: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_decimal(text, maximum=10, code="given-code")
    assert caught.value.code == "given-code"


@given(st.binary(max_size=200))
def test_base64_is_read_as_written(data: bytes) -> None:
    text = encode_base64(data)
    assert parse_base64(text) == data == base64.b64decode(text)


@pytest.mark.parametrize(
    "text",
    [
        "QQ",
        "QQ=",
        "QR==",
        "QQ==\n",
        " QQ==",
        "Q Q==",
        "QQ==QQ==",
        "Q===",
        "=",
        "QUI",
        "QUJ=",
        "-_==",
        "QQ\u00e9=",
        "QUJD=",
        "QUJD====",
    ],
)
def test_other_spellings_of_base64_are_refused(text: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parse_base64(text, code="given-code")
    assert caught.value.code == "given-code"
