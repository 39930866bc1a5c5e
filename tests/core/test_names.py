from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custody.core.errors import MalformedError
from custody.core.names import check_chain, check_identity, check_key_id, check_site, check_stream, site_of

Check = Callable[[str], str]

GOOD: dict[Check, list[str]] = {
    check_site: ["a", "0", "site-12", "a.b_c-d", "x" * 64],
    check_stream: ["a/b", "site-12/cam-007", "x" * 64 + "/" + "y" * 64],
    check_chain: ["footage/a/b", "custody/a/b", "site/a", "log/keys", "log/heads"],
    check_identity: ["urn:custody:recorder:nvr-3", "urn:custody:desk:A.b@c/d"],
    check_key_id: ["k", "nvr-3/2026", "log.example/a+1a2b3c4d", "x" * 127],
}
BAD: dict[Check, list[str]] = {
    check_site: ["", ".", "..", "-a", "A", "a b", "a/b", "a\n", "é", "x" * 65, "а"],  # the last is Cyrillic
    check_stream: ["", "a", "/", "a/", "/b", "a/b/c", "a//b", "a/b\n", "a/.."],
    check_chain: ["", "footage", "footage/", "footage/a", "footage/a/b/c", "site/a/b", "log", "log/x", "Footage/a/b"],
    check_identity: [
        "",
        "nvr",
        "urn:custody:",
        "urn:custody:r:",
        "urn:custody:R:x",
        "urn:custody:r:x y",
        "urn:custody:r:x\n",
    ],
    check_key_id: ["", " ", "-k", "a b", "k\n", "x" * 128],
}


@pytest.mark.parametrize(("check", "name"), [(check, name) for check, names in GOOD.items() for name in names])
def test_good_names_come_back(check: Check, name: str) -> None:
    assert check(name) == name


@pytest.mark.parametrize(("check", "name"), [(check, name) for check, names in BAD.items() for name in names])
def test_bad_names_are_refused(check: Check, name: str) -> None:
    with pytest.raises(MalformedError, match="not a"):
        check(name)


@given(text=st.text(max_size=40))
def test_fuzz_a_name_passes_unchanged_or_is_malformed(text: str) -> None:
    for check in GOOD:
        with suppress(MalformedError):
            assert check(text) == text


def test_site_of_a_stream() -> None:
    assert site_of("site-12/cam-007") == "site-12"
