"""The table of stories: every rule of every shipped profile is kept once and broken once."""

from __future__ import annotations

import pytest
from tests.rules.simulator import LIBRARY, World
from tests.rules.stories import STORIES
from tests.rules.story import Story

from custody.rules import CustodyState, Finding, Observation, findings, restore, save


def _told(story: Story, *, broken: bool) -> tuple[World, Observation | None]:
    world = World()
    if not story.bare:
        world.lawful(*story.profiles.split(), **story.site)
    answer = (story.breaking if broken else story.lawful)(world)
    return world, answer if isinstance(answer, Observation) else None


def _citing(found: tuple[Finding, ...], story: Story) -> list[str]:
    return [rule for finding in found for rule in finding.rules if rule in story.rules.split()]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.rules.split()[0])
def test_lawful(story: Story) -> None:
    world, seen = _told(story, broken=False)
    found = world.findings(seen)
    assert [finding.code for finding in found] == story.listed.split(), [finding.en for finding in found]
    assert not _citing(found, story)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.rules.split()[0])
def test_breaking(story: Story) -> None:
    world, seen = _told(story, broken=True)
    found = world.findings(seen)
    assert [finding.code for finding in found] == story.breaks.split(), [finding.en for finding in found]
    assert set(_citing(found, story)) == set(story.rules.split())
    for finding in found:
        assert "{" not in finding.en + finding.zh
        assert all(article.zh and article.en for article in finding.articles)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.rules.split()[0])
def test_a_saved_state_goes_on_identically(story: Story) -> None:
    world, seen = _told(story, broken=True)
    world.watch(world.now)
    cut = len(world.entries) // 2
    state = CustodyState(LIBRARY)
    for row in world.entries[:cut]:
        state.apply(*row)
    state = restore(LIBRARY, save(state))
    for row in world.entries[cut:]:
        state.apply(*row)
    assert findings(state, world.now, seen) == world.findings(seen)
    assert save(state) == save(world.state)


def test_every_rule_has_a_story() -> None:
    rules = {rule.id for profile in LIBRARY.profiles.values() for rule in profile.rules}
    told = {rule for story in STORIES for rule in story.rules.split()}
    assert told == rules
