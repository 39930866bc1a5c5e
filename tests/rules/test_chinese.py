"""Chinese findings: no space between two Han characters where a text is filled in."""

import re

from custody.rules.case import span
from custody.rules.catalogue import CODES
from custody.rules.field_words import fields_in_words

_LENGTHS = ("late", "length", "limit")
_HAN = "[\u4e00-\u9fff]"


def test_no_space_between_han_where_a_length_or_fields_are_filled_in() -> None:
    assert len(CODES) > 50
    filled = 0
    for code, row in CODES.items():
        text = row.zh.replace("{fields}", fields_in_words(["officers", "case_number"])[1])
        for name in _LENGTHS:
            text = text.replace(f"{{{name}}}", span(19_000_000).zh)
        filled += text != row.zh
        assert not re.search(f"{_HAN} {_HAN}", text), code
    assert filled >= 16
