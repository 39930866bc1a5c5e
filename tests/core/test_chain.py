from __future__ import annotations

import pytest

from custody.core.chain import START, ChainError, Chains, Head

A, B = b"\x0a" * 32, b"\x0b" * 32


def test_a_chain_grows_entry_by_entry() -> None:
    chains = Chains()
    chains.follow("site/a", 1, b"", A)
    chains.follow("site/b", 1, b"", B)
    chains.follow("site/a", 2, A, B)
    assert chains.heads == {"site/a": Head(2, B), "site/b": Head(1, B)}


@pytest.mark.parametrize(
    ("seq", "prev", "code"),
    [(1, b"", "chain-number"), (3, A, "chain-number"), (2, B, "chain-broken"), (2, b"", "chain-broken")],
)
def test_an_entry_that_is_not_the_next_breaks_the_chain_and_changes_nothing(seq: int, prev: bytes, code: str) -> None:
    chains = Chains([("site/a", Head(1, A))])
    with pytest.raises(ChainError) as caught:
        chains.follow("site/a", seq, prev, B)
    assert caught.value.code == code
    assert chains.heads == {"site/a": Head(1, A)}


def test_the_first_entry_has_no_predecessor() -> None:
    assert Head(0, b"") == START
    with pytest.raises(ChainError):
        Chains().follow("site/a", 1, A, B)
