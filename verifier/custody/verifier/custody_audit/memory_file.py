r"""What an audit remembers between two runs: the checkpoint, where the log audit stood, and the custody state.

    "custody-audit-2\n" | length of head (8 bytes) | head (JSON, sorted) | saved custody state | SHA-256 of all before

The checksum finds a damaged file, not a forged one: the file belongs where only the auditor writes. It is a cache. Thrown
away, the next audit reads the whole log again; only the comparison with the remembered checkpoint is then lost.
"""

import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from custody.core.chain import Head
from custody.core.errors import CustodyError, MalformedError
from custody.core.tree import Frontier
from custody.rules import CustodyState, Library, restore, save
from custody.verifier.log_memory import LogMemory
from custody.verifier.source_facts import KeyRecord
from custody.verifier.trust import remember

_MAGIC: Final = b"custody-audit-2\n"
_BEGIN: Final = len(_MAGIC) + 8
_SUM_BYTES: Final = 32
_ADVICE: Final = "take a copy that is good, or delete it and read the whole log again"


class MemoryUnusable(CustodyError):
    """A file of `--state` that cannot be used; delete it to begin anew."""

    code = "state-malformed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """One remembered audit. `checkpoint` is the signed note of its end; empty where it was interrupted before."""

    origin: str
    keys: tuple[str, ...]
    checkpoint: bytes
    audited_us: int
    log: LogMemory
    state: bytes | memoryview

    def restore(self, library: Library, base: tuple[str, ...]) -> CustodyState | None:
        """The custody state; None when it was made under other rules, so that the log has to be replayed."""
        try:
            state = restore(library, self.state)
        except MalformedError as error:
            if error.code == "state-law":
                return None
            raise MemoryUnusable(f"the remembered custody state ({error}): {_ADVICE}") from error
        return state if state.base == base else None


def write_memory(path: Path, held: Remembered) -> None:
    """Replaces the file in one step, after the new one is on disk: a crash leaves the old one or the new one."""
    head = {
        "audited_us": held.audited_us,
        "bundles": held.log.bundles.size,
        "checkpoint": held.checkpoint.decode(),
        "frontier": [value.hex() for value in held.log.bundles.hashes],
        "heads": {chain: [head.seq, head.leaf.hex()] for chain, head in held.log.heads.items()},
        "key_records": [[index, stamp_us, raw.hex()] for index, stamp_us, raw in held.log.keys],
        "keys": list(held.keys),
        "origin": held.origin,
        "stamp_us": held.log.stamp_us,
    }
    raw = json.dumps(head, sort_keys=True, separators=(",", ":")).encode()
    body = [_MAGIC, len(raw).to_bytes(8, "big"), raw, held.state]
    told = sha256()
    for part in body:
        told.update(part)
    remember(path, b"".join([*body, told.digest()]))


def read_memory(path: Path) -> Remembered | None:
    """The inverse of `write_memory`; None when there is no such file. Raises MemoryUnusable for anything else."""
    try:
        data = memoryview(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise MemoryUnusable(f"{path} cannot be read: {error.strerror}") from error
    body, told = data[:-_SUM_BYTES], data[-_SUM_BYTES:]
    if bytes(data[: len(_MAGIC)]) != _MAGIC or sha256(body).digest() != told:
        raise MemoryUnusable(
            f"{path} is damaged, or of another version of this program, or no remembered audit: {_ADVICE}"
        )
    try:
        return _parse(body)
    except (ValueError, KeyError, TypeError) as error:
        raise MemoryUnusable(f"{path} is no remembered audit: {_ADVICE}") from error


def _parse(body: memoryview) -> Remembered:
    length = int.from_bytes(body[len(_MAGIC) : _BEGIN], "big")
    head: dict[str, Any] = json.loads(bytes(body[_BEGIN : _BEGIN + length]))
    frontier = Frontier(size=head["bundles"], hashes=tuple(bytes.fromhex(value) for value in head["frontier"]))
    heads = {chain: Head(seq, bytes.fromhex(leaf)) for chain, (seq, leaf) in head["heads"].items()}
    told = tuple(KeyRecord(index, stamp_us, bytes.fromhex(raw)) for index, stamp_us, raw in head["key_records"])
    return Remembered(
        origin=head["origin"],
        keys=tuple(head["keys"]),
        checkpoint=head["checkpoint"].encode(),
        audited_us=head["audited_us"],
        log=LogMemory(frontier, heads, head["stamp_us"], told),
        state=body[_BEGIN + length :],
    )


def pack(
    *, origin: str, keys: tuple[str, ...], checkpoint: bytes, audited_us: int, log: LogMemory, state: CustodyState
) -> Remembered:
    """A memory of an audit that stands at `log` with `state`."""
    return Remembered(
        origin=origin, keys=keys, checkpoint=checkpoint, audited_us=audited_us, log=log, state=save(state)
    )
