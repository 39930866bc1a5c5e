"""Plays the dialogues in `dialogue/` against the real server."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.witness.conftest import NOW_S, Answer, Log, Served

from custody.core.add_checkpoint import AddCheckpoint
from custody.core.cosignature import verify_cosignatures
from custody.core.note import SignatureType, SignerKey, parse_note, parse_signatures

FOLDER = Path(__file__).parent / "dialogue"
STRANGER = SignerKey.from_seed("ledger.example/watched", SignatureType.ED25519, bytes([99]) * 32)


class Player:
    def __init__(self, served: Served, log: Log) -> None:
        self.served = served
        self.log = log

    async def step(self, line: str) -> None:
        said, _, expected = line.partition(" -> ")
        match said.split(" "):
            case ["restart"]:
                await self.served.restart()
            case ["holds", sizes]:
                assert self.served.held(self.log).size in map(int, sizes.split("|"))
            case ["raw", *_]:
                body = said.removeprefix("raw ").replace("\\n", "\n").encode()
                self.check(await self.served.post(body), expected, b"")
            case ["offer", *words]:
                note, body = self.request(words)
                self.check(await self.served.post(body), expected, note)
            case ["race", *words]:
                cut = words.index("|")
                offers = [self.request(words[:cut]), self.request(words[cut + 1 :])]
                answers = await asyncio.gather(*(self.served.post(body) for _, body in offers))
                assert sorted(answer.status for answer in answers) == sorted(map(int, expected.split())), answers
                for (note, _), answer in zip(offers, answers, strict=True):
                    if answer.status == 200:
                        self.check(answer, "200", note)
            case _:
                raise AssertionError(f"not a step: {line}")

    def request(self, words: list[str]) -> tuple[bytes, bytes]:
        old, size = int(words[0]), int(words[1])
        tree = "other" if "other" in words else "honest"
        log = Log("ledger.example/unknown", seed=7) if "origin=unknown" in words else self.log
        note = log.note(size, tree, STRANGER if "key=stranger" in words else None)
        if "signature=damaged" in words:  # the log's own key id, and a signature of something else
            note = note[:-20] + (b"A" if note[-20:-19] != b"A" else b"B") + note[-19:]
        proof = log.proof(old, size, tree)
        if "proof=wrong" in words:
            proof = (bytes(32), *proof[1:])
        elif "proof=none" in words:
            proof = ()
        elif "proof=extra" in words:
            proof = (*proof, bytes(32))
        return note, AddCheckpoint(old_size=old, proof=proof, checkpoint=note).encode()

    def check(self, answer: Answer, expected: str, note: bytes) -> None:
        status, _, size = expected.partition(" ")
        assert answer.status == int(status), answer
        if size:
            assert (answer.content_type, answer.body) == ("text/x.tlog.size", f"{size}\n".encode())
        if answer.status == 200:
            signed = parse_note(note).with_signatures(parse_signatures(answer.body))
            cosigned = verify_cosignatures(signed, self.served.keys)
            assert [one.key for one in cosigned] == list(self.served.keys)
            assert {one.timestamp_s for one in cosigned} == {NOW_S}


@pytest.mark.parametrize("script", sorted(FOLDER.glob("*.txt")), ids=lambda path: path.stem)
async def test_dialogue(script: Path, served: Served, log: Log) -> None:
    player = Player(served, log)
    for line in script.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            await player.step(line)


async def test_only_the_one_call_is_there(served: Served, log: Log) -> None:
    offer = log.offer(0, 5)
    assert (await served.post(offer, "/")).status == 404
    assert (await served.post(offer, "/add-checkpoint?x=1")).status == 404
    assert (await served.post(b"", "/add-checkpoint", "GET")).status == 405
    assert (await served.post(b"", "/healthz", "GET")).status == 200
    assert (await served.post(b"x" * 1_100_000)).status == 400
    assert served.held(log).size == 0


async def test_both_checkpoints_of_a_fork_are_kept(served: Served, log: Log) -> None:
    assert (await served.post(log.offer(0, 20))).status == 200
    assert (await served.post(log.offer(20, 20, "other"))).status == 409
    assert served.witness.memory.fork(log.origin) == (log.note(20), log.note(20, "other"))
