from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from record_strategies import mutated, streams

from custody.core.chain import Head
from custody.core.errors import MalformedError
from custody.core.hashing import EMPTY_ROOT
from custody.core.heads import HeadsError, chain_heads, check_heads, decode_heads, encode_head, heads_root

HEADS = {"site/a": Head(3, b"\x01" * 32), "custody/a/b": Head(1, b"\x02" * 32), "log/keys": Head(7, b"\x03" * 32)}
heads = st.dictionaries(
    st.builds("footage/{}".format, streams),
    st.builds(Head, st.integers(1, (1 << 63) - 1), st.binary(min_size=32, max_size=32)),
    max_size=6,
)


def leaf(data: bytes) -> bytes:
    return sha256(b"\x00" + data).digest()


def test_the_root_is_the_merkle_root_of_the_heads_sorted_by_name() -> None:
    first, second, third = (leaf(encode_head(chain, HEADS[chain])) for chain in ("custody/a/b", "log/keys", "site/a"))
    left = sha256(b"\x01" + first + second).digest()
    assert heads_root(HEADS) == sha256(b"\x01" + left + third).digest()
    assert heads_root({}) == EMPTY_ROOT


@given(found=heads)
def test_heads_are_read_as_they_were_written(found: dict[str, Head]) -> None:
    assert decode_heads([encode_head(chain, found[chain]) for chain in sorted(found)]) == found


@settings(max_examples=400, deadline=None)
@given(raw=st.lists(st.binary(max_size=60) | mutated(st.just(encode_head("site/a", HEADS["site/a"]))), max_size=3))
def test_fuzz_heads(raw: list[bytes]) -> None:
    try:
        found = decode_heads(raw)
    except MalformedError:
        return
    assert [encode_head(chain, found[chain]) for chain in sorted(found)] == raw


@pytest.mark.parametrize(
    "raw",
    [
        [encode_head("site/b", Head(1, bytes(32))), encode_head("site/a", Head(1, bytes(32)))],
        [encode_head("site/a", Head(1, bytes(32)))] * 2,
        [encode_head("site/a", Head(0, bytes(32)))],
        [encode_head("site/a", Head(1 << 63, bytes(32)))],
        [encode_head("site/a", Head(1, bytes(31)))],
        [encode_head("site/A", Head(1, bytes(32)))],
        [encode_head("site/a", Head(1, bytes(32))) + b"\x20\x01"],
    ],
)
def test_heads_that_are_refused(raw: list[bytes]) -> None:
    with pytest.raises(MalformedError):
        decode_heads(raw)


def test_a_snapshot_is_held_against_the_log() -> None:
    snapshot = chain_heads(10, HEADS)
    check_heads(snapshot, 10, HEADS)
    fewer = {chain: head for chain, head in HEADS.items() if chain != "site/a"}
    for index, other in ((11, HEADS), (10, fewer), (10, HEADS | {"site/a": Head(2, b"\x01" * 32)})):
        with pytest.raises(HeadsError):
            check_heads(snapshot, index, other)
    with pytest.raises(ValueError, match="no heads"):
        chain_heads(0, {})
