"""Published is what a quorum cosigned, or it is said that none did."""

from __future__ import annotations

import asyncio
import threading

import pytest
from prometheus_client import REGISTRY
from tests.server.ledger_rig import ORIGIN, Rig, segment
from tests.server.witnessing.conftest import Three
from tests.verifier.hostile_server import HostileServer

from custody.core.checkpoint import Checkpoint, sign_checkpoint
from custody.core.cosignature import verify_cosignatures
from custody.core.errors import MalformedError
from custody.core.hashing import EMPTY_ROOT
from custody.core.note import SignatureType, SignerKey, parse_note
from custody.core.policy import parse_policy
from custody.server.witnessing import quorum
from custody.server.witnessing.cadence import show
from custody.server.witnessing.options import read_settings
from custody.server.witnessing.quorum import Mode, WitnessAhead, Witnesses, WitnessSettings, addresses


@pytest.fixture(autouse=True)
def _no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quorum, "FIRST_REST_S", 0.0)
    monkeypatch.setattr(quorum, "RETRY_S", 0.0)
    monkeypatch.setattr(quorum, "LONGEST_REST_S", 0.0)


def cosigners(three: Three, note: bytes) -> set[str]:
    keys = [key for one in three.witnesses for key in one.keys]
    return {one.key.name for one in verify_cosignatures(parse_note(note), keys)}


def metric(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, {"log": ORIGIN, **labels}) or 0.0


async def test_a_published_checkpoint_carries_the_quorum(three: Three) -> None:
    three.start_ledger()
    for number in range(5):
        await three.rig.submit([segment(number)])
        assert len(cosigners(three, three.rig.publication.note)) >= 2
    state = await three.rig.raw_store.state()
    assert state.checkpoint == three.rig.publication.note
    assert metric("custody_witness_quorum") == 1.0
    three.rig.audit()


async def test_receipts_of_a_cosigned_log_satisfy_the_policy_offline(three: Three) -> None:
    three.start_ledger()
    await three.rig.submit([segment(1)])
    vkey = three.rig.signer.signing.vkey
    lines = three.policy.encode().decode().replace("\nquorum", f"\nlog {vkey}\nquorum")
    verified = parse_policy(lines.encode()).verify(three.rig.publication.note)
    assert verified.checkpoint.size == 1


async def test_one_dead_witness_of_three_is_not_waited_for(three: Three) -> None:
    await three.witnesses[0].stop()
    three.start_ledger()
    await three.rig.submit([segment(1)])
    assert cosigners(three, three.rig.publication.note) == {"witness.example/1", "witness.example/2"}
    await three.witnesses[0].start()


async def test_without_a_quorum_nothing_is_published_until_it_comes(three: Three) -> None:
    three.start_ledger()
    await three.rig.submit([segment(1)])
    await three.settled()
    urls = [one.url for one in three.witnesses]
    for one in three.witnesses[:2]:
        await one.stop()
    waiting = asyncio.create_task(three.rig.submit([segment(2)]))
    done, _ = await asyncio.wait({waiting}, timeout=0.3)
    assert not done
    assert three.rig.publication.size == 1
    assert metric("custody_witness_quorum") == 0.0
    assert (await three.rig.raw_store.state()).published == 1
    for one, url in zip(three.witnesses[:2], urls, strict=False):
        await one.start(int(url.rpartition(":")[2]))
    await waiting
    assert len(cosigners(three, three.rig.publication.note)) >= 2
    assert three.rig.publication.size == 2


async def test_or_it_is_published_and_said(three: Three) -> None:
    for one in three.witnesses[:2]:
        await one.stop()
    before = metric("custody_checkpoints_published_without_quorum_total")
    three.start_ledger(Mode.REPORT)
    await three.rig.submit([segment(1)])
    assert cosigners(three, three.rig.publication.note) <= {"witness.example/2"}
    assert metric("custody_checkpoints_published_without_quorum_total") > before
    assert metric("custody_witness_quorum") == 0.0
    for one in three.witnesses[:2]:
        await one.start()


async def test_later_means_that_publication_never_waits(three: Three) -> None:
    three.start_ledger(Mode.LATER)
    await three.rig.submit([segment(1)])
    assert not cosigners(three, three.rig.publication.note)
    assert three.made is not None
    await show(three.made, three.rig.raw_store, three.rig.publication)
    assert len(cosigners(three, three.rig.publication.note)) == 3
    assert [one.held_size(ORIGIN) for one in three.witnesses] == [1, 1, 1]
    for one in three.witnesses:
        one.now_us += 1_000_000
    await show(three.made, three.rig.raw_store, three.rig.publication)
    note = parse_note(three.rig.publication.note)
    assert len(note.signatures) == 4, "a newer cosignature takes the place of the older one"


async def test_a_witness_that_was_away_catches_up(three: Three) -> None:
    three.start_ledger()
    url = three.witnesses[2].url
    await three.settled()
    await three.witnesses[2].stop()
    for number in range(3):
        await three.rig.submit([segment(number)])
    await three.witnesses[2].start(int(url.rpartition(":")[2]))
    assert three.made is not None
    await show(three.made, three.rig.raw_store, three.rig.publication)
    assert three.witnesses[2].held_size(ORIGIN) == 3


async def test_a_crash_between_cosignature_and_publication_is_finished(three: Three) -> None:
    rig = three.rig
    three.start_ledger()
    await rig.submit([segment(1)])
    await rig.crash()
    # Sequenced, signed and cosigned, and then the process died before the checkpoint was stored.
    rig.start()
    rig.sequencer._witnesses = Witnesses(ORIGIN, three.settings())
    store = rig.sequencer._store
    crashed = asyncio.Event()

    async def die(*_: object) -> None:
        crashed.set()
        await asyncio.Event().wait()

    class Dying:
        publish = staticmethod(die)

        def __getattr__(self, name: str) -> object:
            return getattr(store, name)

    rig.sequencer._store = Dying()  # type: ignore[assignment]
    lost = asyncio.create_task(rig.submit([segment(2)]))
    await crashed.wait()
    await rig.sequencer._witnesses.close()
    await rig.crash()
    await asyncio.gather(lost, return_exceptions=True)
    assert max(one.held_size(ORIGIN) for one in three.witnesses) == 2
    assert (await rig.raw_store.state()).published == 1
    three.start_ledger()
    await rig.sequencer.ready.wait()
    assert rig.publication.size == 2
    assert len(cosigners(three, rig.publication.note)) >= 2


async def test_a_restored_backup_is_met_at_the_start(three: Three, rig: Rig) -> None:
    """The signer's memory was restored too: only the witnesses know better."""
    three.start_ledger()
    for number in range(4):
        await rig.submit([segment(number)])
    assert three.made is not None
    await show(three.made, rig.raw_store, rig.publication)
    note = await rig.raw_store.checkpoint(2)
    assert note is not None

    async def prove(old: int) -> tuple[bytes, ...]:
        return ()

    for mode in Mode:
        again = Witnesses(ORIGIN, three.settings(mode))
        if mode is Mode.REQUIRE:
            with pytest.raises(WitnessAhead):
                await again.check_start(note, 2, 2, prove)
        else:
            await again.check_start(note, 2, 2, prove)
        assert metric("custody_witness_ahead", witness="witness.example/0") == 1.0
        await again.close()


def test_a_policy_for_a_ledger_names_where_its_witnesses_are(three: Three, tmp_path: object) -> None:
    bare = parse_policy(f"witness w {three.witnesses[0].keys[0]}\nquorum w\n".encode())
    with pytest.raises(ValueError, match="no URL"):
        addresses(bare)
    for text in (
        "quorum none\n",
        f"witness w {three.witnesses[0].keys[0]} ftp://x\nquorum w\n",
        bare.encode().decode(),
    ):
        path = three.rig.folder / "policy"
        path.write_text(text)
        with pytest.raises(MalformedError):
            read_settings(path, "require", 1.0, 1.0)


async def test_a_witness_that_drips_does_not_hold_up_the_end() -> None:
    """No single wait is long, the answer never ends: the deadline is kept, and so is the end of the ledger."""
    key = SignerKey.from_seed("witness.example/slow", SignatureType.COSIGNATURE_ED25519, bytes(32))
    log = SignerKey.from_seed(ORIGIN, SignatureType.ED25519, bytes([1]) * 32)
    note = sign_checkpoint(Checkpoint(origin=ORIGIN, size=0, root=EMPTY_ROOT), [log]).note.encode()

    async def prove(_: int) -> tuple[bytes, ...]:
        return ()

    with HostileServer(lambda connection, _: server.drip(connection, b"H")) as server:
        policy = parse_policy(f"witness w {key.vkey} {server.url}\nquorum w\n".encode())
        witnesses = Witnesses(ORIGIN, WitnessSettings(policy=policy, mode=Mode.REPORT, deadline_s=0.2))
        assert await witnesses.cosign(note, 0, prove) == note
        await asyncio.wait_for(witnesses.close(), 20)
        assert server.paths == ["/log/add-checkpoint"]


async def test_witnesses_are_asked_side_by_side() -> None:
    """None of three answers before all three were asked; one after the other, the first would wait in vain."""
    met: list[str] = []
    everybody = threading.Barrier(3, timeout=20)
    log = SignerKey.from_seed(ORIGIN, SignatureType.ED25519, bytes([1]) * 32)
    note = sign_checkpoint(Checkpoint(origin=ORIGIN, size=0, root=EMPTY_ROOT), [log]).note.encode()

    def answer(_: object, path: str) -> None:
        everybody.wait()
        met.append(path)

    async def prove(_: int) -> tuple[bytes, ...]:
        return ()

    with HostileServer(answer) as one, HostileServer(answer) as two, HostileServer(answer) as three:
        lines = []
        for at, server in enumerate((one, two, three)):
            key = SignerKey.from_seed(f"witness.example/{at}", SignatureType.COSIGNATURE_ED25519, bytes([at]) * 32)
            lines.append(f"witness w{at} {key.vkey} {server.url}\n")
        policy = parse_policy(f"{''.join(lines)}group g 2 w0 w1 w2\nquorum g\n".encode())
        witnesses = Witnesses(ORIGIN, WitnessSettings(policy=policy, mode=Mode.REPORT, deadline_s=10.0))
        assert await witnesses.cosign(note, 0, prove) == note
        await witnesses.close()
    assert met[:3] == ["add-checkpoint"] * 3
