"""slices.json, inclusion.json, indexes and consistency: what says how the entries of a package are proven."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from custody.core import limits
from custody.core.codec import encode_base64, parse_base64, parse_decimal
from custody.core.errors import MalformedError
from custody.core.hashing import HASH_BYTES
from custody.core.names import check_chain
from custody.core.proof import MAX_PROOF_HASHES
from custody.core.tree import MAX_TREE_SIZE
from custody.verifier.package.layout import MAX_ENTRIES, MAX_PROOF_LIST, decode_json, encode_json

SLICES_SCHEMA: Final = "custody.package-slices/1"
INCLUSION_SCHEMA: Final = "custody.package-inclusion/1"
_CODE: Final = "package-log-part"


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Entries `first` to `last` of a chain, both included."""

    chain: str
    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Slices:
    """All slices, sorted by chain, and the leaf index of the closing snapshot."""

    snapshot: int
    slices: tuple[Slice, ...]

    def encode(self) -> bytes:
        """slices.json."""
        rows = [{"chain": one.chain, "first": one.first, "last": one.last} for one in self.slices]
        return encode_json({"schema": SLICES_SCHEMA, "snapshot": self.snapshot, "slices": rows})


def parse_slices(data: bytes) -> Slices:
    """Reads slices.json. Raises MalformedError ('package-log-part', 'name-malformed')."""
    value = decode_json(data, _CODE)
    try:
        rows = tuple(
            Slice(chain=check_chain(row["chain"]), first=_count(row["first"]), last=_count(row["last"]))
            for row in value["slices"]
        )
        found = Slices(snapshot=_index(value["snapshot"]), slices=rows)
    except (TypeError, KeyError, AttributeError) as error:
        raise MalformedError("slices.json has another form", code=_CODE) from error
    chains = [one.chain for one in rows]
    if found.encode() != data or chains != sorted(set(chains)) or any(one.last < one.first for one in rows):
        raise MalformedError("the slices are not sorted, or one is empty or twice", code=_CODE)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Inclusion:
    """Inclusion proofs by leaf index, in the tree of `size` entries."""

    size: int
    proofs: Mapping[int, tuple[bytes, ...]]

    def encode(self) -> bytes:
        """inclusion.json."""
        rows = [
            {"index": index, "hashes": [encode_base64(one) for one in self.proofs[index]]}
            for index in sorted(self.proofs)
        ]
        return encode_json({"schema": INCLUSION_SCHEMA, "size": self.size, "proofs": rows})


def parse_inclusion(data: bytes) -> Inclusion:
    """Reads inclusion.json. Raises MalformedError ('package-log-part')."""
    value = decode_json(data, _CODE)
    try:
        rows = value["proofs"]
        if len(rows) > MAX_PROOF_LIST:
            raise MalformedError(f"more than {MAX_PROOF_LIST} proofs", code=_CODE)
        proofs = {_index(row["index"]): _hashes(row["hashes"]) for row in rows}
        found = Inclusion(size=_index(value["size"]), proofs=proofs)
    except (TypeError, KeyError, AttributeError) as error:
        raise MalformedError("inclusion.json has another form", code=_CODE) from error
    if found.encode() != data:
        raise MalformedError("inclusion.json has another form", code=_CODE)
    return found


def encode_indexes(indexes: Sequence[int]) -> bytes:
    """One decimal a line."""
    return "".join([f"{index}\n" for index in indexes]).encode()


def parse_indexes(data: bytes) -> list[int]:
    """Reads leaf indexes, ascending. Raises MalformedError ('package-log-part')."""
    lines = _lines(data)
    if len(lines) > MAX_ENTRIES:
        raise MalformedError(f"more than {MAX_ENTRIES} entries", code=_CODE)
    found = [parse_decimal(line, maximum=MAX_TREE_SIZE - 1, code=_CODE) for line in lines]
    if any(later <= earlier for earlier, later in pairwise(found)):
        raise MalformedError("the indexes do not ascend", code=_CODE)
    return found


def encode_hashes(hashes: Sequence[bytes]) -> bytes:
    """One base64 hash a line."""
    return "".join([f"{encode_base64(one)}\n" for one in hashes]).encode()


def parse_hashes(data: bytes) -> tuple[bytes, ...]:
    """Reads a consistency proof. Raises MalformedError ('package-log-part')."""
    return _hashes(_lines(data))


def _lines(data: bytes) -> list[str]:
    try:
        lines = data.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise MalformedError("not ASCII", code=_CODE) from error
    if lines.pop():
        raise MalformedError("the last line has no newline", code=_CODE)
    return lines


def _hashes(texts: Any) -> tuple[bytes, ...]:
    if not isinstance(texts, list) or len(texts) > MAX_PROOF_HASHES + 1:
        raise MalformedError("a proof has too many hashes", code=_CODE)
    found = tuple(parse_base64(text, code=_CODE) for text in texts)
    if any(len(one) != HASH_BYTES for one in found):
        raise MalformedError("a hash of a proof has 32 bytes", code=_CODE)
    return found


def _count(value: Any) -> int:
    if type(value) is not int or not 1 <= value <= limits.MAX_COUNT:
        raise TypeError
    return value


def _index(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= MAX_TREE_SIZE:
        raise TypeError
    return value
