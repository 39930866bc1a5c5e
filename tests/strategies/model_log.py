"""A log in memory that makes the commits of a sequencer and knows every answer that a store must then give."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

from custody.core.bundle import encode_bundle
from custody.core.chain import Head
from custody.core.hashing import EMPTY_ROOT, leaf_hash
from custody.core.tile import TILE_WIDTH, extend_tiles, next_edge
from custody.core.tree import EMPTY_FRONTIER, Frontier, extend
from custody.server.store.protocol import ChainRun, Commit, EntryRun, LogHead, LogStore, Submission

START_US = 1_700_000_000_000_000
FIRST_HEAD = LogHead(0, EMPTY_ROOT, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One entry and what the index holds of it."""

    entry: bytes
    record_id: bytes
    chains: tuple[str, ...] = ()
    digests: tuple[bytes, ...] = ()
    submitter: str = "recorder-1"
    from_us: int = START_US
    to_us: int = START_US


@dataclass(slots=True)
class ModelLog:
    """What was committed, and the head that the next commit compares."""

    head: LogHead = FIRST_HEAD
    items: list[Item] = field(default_factory=list)
    stamps: list[int] = field(default_factory=list)
    tiles: dict[tuple[int, int], bytes] = field(default_factory=dict)
    chains: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    frontier: Frontier = EMPTY_FRONTIER
    edge: dict[tuple[int, int], bytes] = field(default_factory=dict)

    def commit(self, items: Sequence[Item], sequenced_us: int | None = None) -> Commit:
        """The commit of one batch. `accept` it when the store has it."""
        old = self.head
        extension = extend(self.frontier, [leaf_hash(item.entry) for item in items])
        return Commit(
            old=old,
            size=old.size + len(items),
            root=extension.root,
            sequenced_us=START_US + len(self.items) if sequenced_us is None else sequenced_us,
            entries=_entry_runs(old.size, items),
            tiles=extend_tiles(self.edge, extension),
            record_ids=[item.record_id for item in items],
            chain_runs=self._chain_runs(items),
            digests=[(digest, old.size + at) for at, item in enumerate(items) for digest in item.digests],
            submissions=_submissions(old.size, items),
        )

    def accept(self, commit: Commit, items: Sequence[Item]) -> Commit:
        """Grows the model by a commit that a store has taken."""
        extension = extend(self.frontier, [leaf_hash(item.entry) for item in items])
        self.edge = next_edge(self.edge, extension, commit.tiles)
        self.frontier = extension.frontier
        self.tiles.update(commit.tiles)
        for index, item in enumerate(items, commit.old.size):
            for chain in item.chains:
                self.chains[chain].append(index)
        self.items += items
        self.stamps += [commit.sequenced_us] * len(items)
        self.head = LogHead(commit.size, commit.root, commit.old.epoch)
        return commit

    def heads(self, size: int | None = None) -> dict[str, Head]:
        """Where every chain ends, or ended when the log had `size` entries."""
        end = len(self.items) if size is None else size
        until = {chain: [index for index in indexes if index < end] for chain, indexes in self.chains.items()}
        return {
            chain: Head(len(indexes), leaf_hash(self.items[indexes[-1]].entry))
            for chain, indexes in until.items()
            if indexes
        }

    def _chain_runs(self, items: Sequence[Item]) -> list[ChainRun]:
        places: dict[str, list[tuple[int, int, Item]]] = defaultdict(list)
        for index, item in enumerate(items, self.head.size):
            for chain in item.chains:
                places[chain].append((len(self.chains.get(chain, ())) + len(places[chain]) + 1, index, item))
        runs = []
        for chain, members in places.items():
            for _, group in groupby(members, key=lambda place: place[1] - place[0]):
                run = list(group)
                runs.append(
                    ChainRun(
                        chain, run[0][0], run[0][1], len(run),
                        min(item.from_us for _, _, item in run), max(item.to_us for _, _, item in run),
                    )
                )  # fmt: skip
        return runs


def _entry_runs(first: int, items: Sequence[Item]) -> list[EntryRun]:
    runs = []
    for _, group in groupby(enumerate(items, first), key=lambda place: place[0] // TILE_WIDTH):
        places = list(group)
        runs.append(EntryRun(places[0][0], len(places), encode_bundle([item.entry for _, item in places])))
    return runs


def _submissions(first: int, items: Sequence[Item]) -> list[Submission]:
    found = []
    for submitter, group in groupby(enumerate(items, first), key=lambda place: place[1].submitter):
        places = list(group)
        found.append(Submission(submitter, places[0][0], len(places)))
    return found


async def grow(store: LogStore, model: ModelLog, items: Sequence[Item], sequenced_us: int | None = None) -> None:
    """One commit of a store, and of its model."""
    commit = model.commit(items, sequenced_us)
    await store.commit(commit)
    model.accept(commit, items)


def random_items(seed: int, count: int, *, streams: int = 3) -> list[Item]:
    """Items such as recorders send: footage of a few streams in order, some custody records on several chains."""
    draw = random.Random(seed)
    items = []
    for at in range(count):
        stream = draw.randrange(streams)
        moment = START_US + 1_000_000 * (at + 1) + draw.randrange(500_000)
        chains: tuple[str, ...] = (f"footage/site-1/camera-{stream}",)
        if draw.random() < 0.1:
            chains = tuple(f"custody/site-1/camera-{other}" for other in range(draw.randrange(1, streams + 1)))
        items.append(
            Item(
                entry=draw.randbytes(draw.choice((1, 40, 150, 300, 900))),
                record_id=draw.randbytes(16),
                chains=chains,
                digests=tuple(draw.randbytes(8) for _ in range(draw.choice((0, 1, 1, 1, 3)))),
                submitter=f"recorder-{draw.randrange(2)}",
                from_us=moment,
                to_us=moment + draw.choice((0, 1_000_000, 10_000_000)),
            )
        )
    return items
