"""What travels between processes tells the rules exactly what the entries say."""

import pickle
from itertools import pairwise
from random import Random

import pytest
from tests.rules.simulator import DAY, HOUR, MINUTE, SECOND, STREAM, World
from tests.rules.stories import STORIES
from tests.rules.story import Story

from custody.rules import CustodyState, save
from custody.v1 import record_pb2 as pb
from custody.verifier.custody_audit.replay import replay
from custody.verifier.entry_reading import ReadEntries
from custody.verifier.retelling import Teller


def retold(world: World, *cuts: int) -> bytes:
    state = CustodyState(world.library, base=world.state.base)
    bounds = [0, *cuts, len(world.entries)]
    for begin, end in pairwise(bounds):
        part = world.entries[begin:end]
        teller = Teller()
        places = range(len(part))
        teller.take(begin, places, ReadEntries(places, [one[1] for one in part], [one[2] for one in part], ()))
        replay(pickle.loads(pickle.dumps(teller.told())), state, len(world.entries))  # noqa: S301  as the pool does
    return save(state)


@pytest.mark.parametrize("telling", ["lawful", "breaking"])
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.rules.replace(" ", "+"))
def test_every_story_is_retold_exactly(story: Story, telling: str) -> None:
    world = World()
    if not story.bare:
        world.lawful(*story.profiles.split(), **story.site)
    getattr(story, telling)(world)
    assert retold(world) == save(world.state)
    assert retold(world, len(world.entries) // 2) == save(world.state)


def test_strange_clocks_keep_the_bytes_that_the_rules_ask_for(world: World) -> None:
    world.lawful("bj185")
    quality = pb.ClockQuality(source=pb.CLOCK_SOURCE_NTP, offset_us=HOUR, uncertainty_us=SECOND)
    for ahead in (MINUTE, 5 * MINUTE, DAY):
        world.wait(HOUR)
        world.segment(begin=world.now + ahead)
    world.tell(
        world.now + DAY,
        clock=quality,
        segment=pb.Segment(stream=STREAM, number=99, duration_us=SECOND, size_bytes=1, file_sha256=bytes(31) + b"x"),
    )
    world.tell(heartbeat=pb.Heartbeat(stream=STREAM, last_segment=100, interval_us=MINUTE))
    assert world.codes().count("clock-suspect") > 1
    assert retold(world) == save(world.state)


@pytest.mark.parametrize("seed", range(20))
def test_many_cameras_in_many_parts(world: World, seed: int) -> None:
    """Ordinary segments are taken as columns; whatever lies between them, and wherever a part ends, changes nothing."""
    chance = Random(seed)
    streams = [f"north/c{number}" for number in range(6)]
    for _ in range(250):
        world.wait(MINUTE)
        stream = chance.choice(streams)
        match chance.randrange(40):
            case 0:
                world.segment(stream, number=chance.randrange(1, 50))
            case 1:
                world.segment(stream, begin=world.now + chance.randrange(-3, 3) * HOUR)
            case 2:
                world.tell(heartbeat=pb.Heartbeat(stream=stream, last_segment=9, interval_us=MINUTE))
            case 3:
                world.tell(clock_check=pb.ClockCheck(stream=stream, device_us=world.now, reference_us=world.now + DAY))
            case 4:
                world.open_stream(stream)
            case _:
                world.segment(stream, begin=world.ends.get(stream, world.now - HOUR), length=6 * MINUTE)
    for _ in range(3):
        assert retold(world, *sorted(chance.sample(range(1, 250), chance.randrange(4)))) == save(world.state)


def test_a_part_that_ends_beyond_what_is_judged(world: World) -> None:
    for _ in range(20):
        world.wait(HOUR).segment(length=HOUR)
    state, half = CustodyState(world.library, base=world.state.base), len(world.entries) // 2
    whole = CustodyState(world.library, base=world.state.base)
    for index, entry, record in world.entries[:half]:
        whole.apply(index, entry, record)
    for first, end in ((0, 5), (5, 20)):
        teller, part = Teller(), world.entries[first:end]
        places = range(len(part))
        teller.take(first, places, ReadEntries(places, [one[1] for one in part], [one[2] for one in part], ()))
        replay(teller.told(), state, half)
    assert save(state) == save(whole)


@pytest.fixture
def world() -> World:
    return World()
