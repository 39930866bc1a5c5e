"""One fuzz target per parser of the tree's and C2SP's forms.

Whatever the bytes: a parser returns a value or raises our error, nothing else; and what it returns is spelled in exactly
the way that was read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from custody.core.add_checkpoint import AddCheckpoint, encode_size, parse_add_checkpoint, parse_size
from custody.core.bundle import decode_bundle, encode_bundle
from custody.core.checkpoint import Checkpoint, encode_body, parse_body, parse_checkpoint, sign_checkpoint
from custody.core.codec import encode_base64, parse_base64, parse_decimal
from custody.core.cosignature import cosign
from custody.core.cosigned_message import TimestampedSignature
from custody.core.errors import CustodyError
from custody.core.note import (
    SignatureType,
    SignerKey,
    VerifierKey,
    encode_note,
    encode_signatures,
    parse_note,
    parse_signatures,
    sign_note,
    verify_note,
)
from custody.core.policy import parse_policy
from custody.core.tile import entries_path, parse_entries_path, parse_tile_path, tile_path
from custody.core.tlog_proof import TlogProof, parse_tlog_proof

if TYPE_CHECKING:
    from collections.abc import Callable

LOG = SignerKey.from_seed("log.example/s", SignatureType.ED25519, b"L" * 32)
WITNESS = SignerKey.from_seed("w", SignatureType.COSIGNATURE_ED25519, b"W" * 32)
NOTE = sign_checkpoint(Checkpoint(origin="log.example/s", size=9, root=b"r" * 32), [LOG]).note
COSIGNED = NOTE.with_signatures([cosign(NOTE.text, WITNESS, timestamp_s=7)]).encode()
POLICY = f"# c\nlog {LOG.vkey} u\nwitness A {WITNESS.vkey}\ngroup g 1 A\nquorum g\n".encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A parser over bytes, the encoder that must give the same bytes back, and valid inputs to mutate."""

    parse: Callable[[bytes], object]
    encode: Callable[[Any], bytes]
    seeds: tuple[bytes, ...]


def text(parse: Callable[[str], object]) -> Callable[[bytes], object]:
    """A parser over text, fed with every byte as one character, so beyond ASCII too."""
    return lambda data: parse(data.decode("utf-8", "surrogateescape"))


def back(encode: Callable[..., str]) -> Callable[[Any], bytes]:
    return lambda value: encode(value).encode("utf-8", "surrogateescape")


def same_meaning(data: bytes) -> bytes:
    """A policy has free white space: what must hold is that its plain spelling means the same."""
    policy = parse_policy(data)
    assert parse_policy(policy.encode()) == policy
    return data


TARGETS: dict[str, Target] = {
    "decimal": Target(
        parse=text(lambda word: parse_decimal(word, maximum=1 << 40)), encode=back(str), seeds=(b"0", b"1099511627776")
    ),
    "base64": Target(parse=text(parse_base64), encode=back(encode_base64), seeds=(b"", b"QUJD", b"QQ==", b"+/8=")),
    "tile path": Target(
        parse=text(parse_tile_path),
        encode=back(lambda tile: tile_path(*tile)),
        seeds=(b"tile/0/x001/x234/067", b"tile/63/000.p/1", b"tile/1/x036/x028/x797/x018/x963/967.p/255"),
    ),
    "entries path": Target(
        parse=text(parse_entries_path),
        encode=back(lambda bundle: entries_path(*bundle)),
        seeds=(b"tile/entries/000", b"tile/entries/x001/000.p/9"),
    ),
    "bundle of two": Target(
        parse=lambda data: decode_bundle(data, 2), encode=encode_bundle, seeds=(b"\x00\x01a\x00\x02bc", b"\x00" * 4)
    ),
    "vkey": Target(
        parse=text(VerifierKey.parse),
        encode=back(VerifierKey.encode),
        seeds=(str(LOG.vkey).encode(), str(WITNESS.vkey).encode()),
    ),
    "note": Target(
        parse=parse_note, encode=encode_note, seeds=(COSIGNED, sign_note("\u00e8\n\n".encode(), [LOG]).encode())
    ),
    "signature lines": Target(
        parse=parse_signatures, encode=encode_signatures, seeds=(encode_signatures(NOTE.signatures),)
    ),
    "checkpoint text": Target(
        parse=parse_body, encode=encode_body, seeds=(NOTE.text, b"\xc3\xa8 x\n0\n" + NOTE.text[-45:])
    ),
    "checkpoint": Target(parse=parse_checkpoint, encode=lambda signed: encode_note(signed.note), seeds=(COSIGNED,)),
    "timestamped signature": Target(
        parse=lambda data: TimestampedSignature.parse(data, signature_bytes=2),
        encode=TimestampedSignature.encode,
        seeds=(bytes(10), b"\x7f" + bytes(9), b"\x80" + bytes(9)),
    ),
    "proof file": Target(
        parse=parse_tlog_proof,
        encode=TlogProof.encode,
        seeds=tuple(
            TlogProof(index=3, hashes=(b"h" * 32,) * 2, checkpoint=COSIGNED, extra=extra).encode()
            for extra in (None, b"x")
        ),
    ),
    "witness request": Target(
        parse=parse_add_checkpoint,
        encode=AddCheckpoint.encode,
        seeds=(AddCheckpoint(old_size=3, proof=(b"h" * 32,) * 2, checkpoint=COSIGNED).encode(),),
    ),
    "witness size": Target(parse=parse_size, encode=encode_size, seeds=(b"0\n", b"12345\n")),
    "policy": Target(parse=same_meaning, encode=lambda data: data, seeds=(POLICY, b"quorum none\n")),
}

WORTH_INSERTING = (
    b"\n",
    b"\n\n",
    b" ",
    b"\t",
    b"=",
    b"+",
    b"0",
    b"_",
    b"\x00",
    b"\xff",
    "\u2014 ".encode(),
    b".p/",
    b"x000/",
)


@st.composite
def mutated(draw: st.DrawFn, seeds: tuple[bytes, ...]) -> bytes:
    """A valid input with up to four cuts, insertions, doublings or changed bytes."""
    data = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        end = min(len(data), at + draw(st.integers(0, 8)))
        match draw(st.sampled_from(("cut", "insert", "double", "change", "end"))):
            case "cut":
                del data[at:end]
            case "insert":
                data[at:at] = draw(st.one_of(st.sampled_from(WORTH_INSERTING), st.binary(max_size=4)))
            case "double":
                data[at:at] = data[at:end]
            case "change":
                data[at : at + 1] = bytes([draw(st.integers(0, 255))])
            case _:
                del data[at:]
    return bytes(data)


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_garbage_parses_or_raises_our_error(name: str, data: st.DataObject) -> None:
    target = TARGETS[name]
    given_bytes = data.draw(st.one_of(mutated(target.seeds), st.binary(max_size=200)))
    code, value = "", None
    try:
        value = target.parse(given_bytes)
    except CustodyError as error:
        code = error.code
    if code:
        assert code not in {"custody-error", "malformed"} or name in {
            "decimal",
            "base64",
        }  # those take theirs as argument
    else:
        assert target.encode(value) == given_bytes


@pytest.mark.parametrize("name", TARGETS)
def test_the_seeds_are_valid(name: str) -> None:
    """A target whose seeds all fail would test nothing; the last timestamped signature is meant to fail."""
    target = TARGETS[name]
    for seed in target.seeds:
        if seed != b"\x80" + bytes(9):
            assert target.encode(target.parse(seed)) == seed


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_a_mutated_note_verifies_only_if_its_text_is_unchanged(data: st.DataObject) -> None:
    given_bytes = data.draw(mutated((COSIGNED,)))
    accepted = NOTE.text
    try:
        note = parse_note(given_bytes)
        verify_note(note, [LOG.vkey])
        accepted = note.text
    except CustodyError:
        pass  # refused: what most mutations deserve
    assert accepted == NOTE.text
