"""A witness behind its real HTTP server over its real memory, and a log that can also lie."""

from __future__ import annotations

import asyncio
import http.client
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest

from custody.asgi.serving import HttpAddress, HttpServer
from custody.core import pkcs8
from custody.core.add_checkpoint import AddCheckpoint
from custody.core.checkpoint import Checkpoint, sign_checkpoint
from custody.core.note import SignatureType, SignerKey, VerifierKey
from custody.core.proof import consistency_plan
from custody.core.tree import EMPTY_FRONTIER, Node, extend
from custody.private import key as private_key
from custody.witness.app import WitnessApp
from custody.witness.decide import Held
from custody.witness.folder import create_witness, open_witness
from custody.witness.witness import Witness

LOG = "ledger.example/watched"
NOW_S = 1_770_000_000


class Answer(NamedTuple):
    status: int
    content_type: str
    body: bytes


class Log:
    """A log of up to `size` entries, and another one with the same first `common` entries."""

    def __init__(self, origin: str = LOG, *, seed: int = 1, common: int = 10, size: int = 40) -> None:
        self.origin = origin
        self.key = SignerKey.from_seed(origin, SignatureType.ED25519, bytes([seed]) * 32)
        honest = [sha256(b"leaf%d" % number).digest() for number in range(size)]
        self.leaves = {
            "honest": honest,
            "other": [*honest[:common], *(sha256(leaf).digest() for leaf in honest[common:])],
        }

    def checkpoint(self, size: int, tree: str = "honest") -> Checkpoint:
        root = extend(EMPTY_FRONTIER, self.leaves[tree][:size]).root
        return Checkpoint(origin=self.origin, size=size, root=root)

    def note(self, size: int, tree: str = "honest", key: SignerKey | None = None) -> bytes:
        return sign_checkpoint(self.checkpoint(size, tree), [key or self.key]).note.encode()

    def proof(self, old: int, size: int, tree: str = "honest") -> tuple[bytes, ...]:
        def node(place: Node) -> bytes:
            first = place.index << place.level
            return extend(EMPTY_FRONTIER, self.leaves[tree][first : first + (1 << place.level)]).root

        return consistency_plan(old, size).assemble(node) if old <= size else ()

    def offer(self, old: int, size: int, tree: str = "honest") -> bytes:
        return AddCheckpoint(old_size=old, proof=self.proof(old, size, tree), checkpoint=self.note(size, tree)).encode()


class Served:
    """A witness that listens; `restart` ends it and opens what it left on disk."""

    def __init__(self, folder: Path, vkeys: tuple[str, ...]) -> None:
        self.folder = folder
        self.keys = tuple(VerifierKey.parse(vkey) for vkey in vkeys)
        self.now_us = NOW_S * 1_000_000
        self.url = ""
        self.witness: Witness
        self._server: HttpServer
        self._open: AbstractContextManager[Witness]

    async def start(self, port: int = 0) -> None:
        self._open = open_witness(self.folder, lambda: b"throw-away", clock_us=lambda: self.now_us)
        self.witness = self._open.__enter__()
        self._server = HttpServer(WitnessApp(self.witness), HttpAddress(host="127.0.0.1", port=port))
        self.url = await self._server.start()

    async def stop(self) -> None:
        await self._server.stop()
        self._open.__exit__(None, None, None)

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    def watch(self, log: Log) -> None:
        self.witness.memory.add_log(Held(origin=log.origin, keys=(log.key.vkey,)))

    def held(self, log: Log) -> Held:
        held = self.witness.memory.held(log.origin)
        assert held is not None
        return held

    def held_size(self, origin: str) -> int:
        held = self.witness.memory.held(origin)
        return held.size if held is not None else -1

    async def post(self, body: bytes, path: str = "/add-checkpoint", method: str = "POST") -> Answer:
        return await asyncio.to_thread(self._post, body, path, method)

    def _post(self, body: bytes, path: str, method: str) -> Answer:
        place = urlsplit(self.url)
        connection = http.client.HTTPConnection(place.hostname or "", place.port or 0, timeout=30)
        connection.request(method, path, body)
        response = connection.getresponse()
        answer = Answer(response.status, response.headers["content-type"], response.read())
        connection.close()
        return answer


@pytest.fixture(autouse=True)
def cheap_scrypt(monkeypatch: pytest.MonkeyPatch) -> None:
    """A work factor that no test notices; what is tested is not the key file."""
    cost = pkcs8.ScryptCost(n=2, r=1, p=1)

    def encrypt(key: pkcs8.PrivateKey, passphrase: bytes, *, salt: bytes, iv: bytes) -> bytes:
        return pkcs8.encrypt_key(key, passphrase, salt=salt, iv=iv, cost=cost)

    monkeypatch.setattr(private_key, "encrypt_key", encrypt)


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
async def served(tmp_path: Path, log: Log) -> AsyncIterator[Served]:
    """A witness with both kinds of keys that watches `log`."""
    folder = tmp_path / "witness"
    vkeys = create_witness(folder, "witness.example/w1", lambda: b"throw-away", ml_dsa=True)
    made = Served(folder, vkeys)
    await made.start()
    made.watch(log)
    yield made
    await made.stop()
