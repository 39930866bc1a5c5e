"""The fast reading of a receipt against the plain one of `core`: what either refuses, the fast one refuses."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.client.camera_records import access, raw_segment

from custody.client.batch import read_batch
from custody.client.receipt import check_runs
from custody.core.chain import START, ChainError, Head
from custody.core.checkpoint import Checkpoint
from custody.core.entry import Link, encode_stamp, sealed_record
from custody.core.errors import CustodyError
from custody.core.hashing import leaf_hash
from custody.core.range_proof import range_plan
from custody.core.receipt import Run, Submitted, verify_runs
from custody.core.tree import EMPTY_FRONTIER, extend

SUBMITTER = "urn:custody:recorder:nvr-3"


class Story(NamedTuple):
    batch: list[Submitted]
    stamps: list[bytes]
    checkpoint: Checkpoint
    run: Run


def _told(cameras: list[int], before: int, after: int, change: tuple[int, int, int] | None) -> Story:
    """A batch in a log with entries before and after it; `change` replaces a byte of a stamp *before* it is hashed."""
    raws = [
        access(number, "cam-0", f"cam-{camera}") if camera == 5 else raw_segment(number, camera=f"cam-{camera}")
        for number, camera in enumerate(cameras)
    ]
    batch = read_batch(raws)
    heads = {f"footage/site-1/cam-{camera}": Head(130, bytes([camera]) * 32) for camera in range(3)}
    stamps: list[bytes] = []
    leaves: list[bytes] = []
    for position, sent in enumerate(batch):
        links = []
        for chain in sent.chains:
            head = heads.get(chain, START)
            links.append(Link(chain, head.seq + 1, head.leaf))
        stamp = encode_stamp(SUBMITTER, 1_700_000_000_000_000 + position // 4, links)
        if change is not None and change[0] % len(batch) == position:
            altered = bytearray(stamp)
            altered[change[1] % len(stamp)] = change[2]
            stamp = bytes(altered)
        leaf = leaf_hash(sealed_record(sent.record) + stamp)
        heads.update({link.chain: Head(link.seq, leaf) for link in links})
        stamps.append(stamp)
        leaves.append(leaf)
    old = extend(EMPTY_FRONTIER, [leaf_hash(bytes([number])) for number in range(before)]).frontier
    grown = extend(old, leaves + [leaf_hash(b"after" + bytes([number])) for number in range(after)])
    size = before + len(batch) + after
    proof = range_plan(before, len(batch), size).assemble(grown.node)
    run = Run(before, stamps, (), proof)
    return Story(batch, stamps, Checkpoint(origin="x", size=size, root=grown.root), run)


cameras = st.lists(st.integers(0, 5), min_size=1, max_size=24)


@given(cameras=cameras, before=st.integers(0, 40), after=st.integers(0, 9))
@settings(deadline=None, max_examples=150)
def test_honest_receipts_read_alike(cameras: list[int], before: int, after: int) -> None:
    story = _told(cameras, before, after, None)
    plain = verify_runs(story.batch, [story.run], story.checkpoint)
    found = check_runs(story.batch, [story.run], story.checkpoint)
    assert found.indexes == [one.index for one in plain]
    assert found.leaves == [one.leaf for one in plain]
    assert found.entries == [one.entry.raw for one in plain]


@given(
    cameras=cameras,
    before=st.integers(0, 40),
    change=st.tuples(st.integers(0, 23), st.integers(0, 127), st.integers(0, 255)),
)
@settings(deadline=None, max_examples=600)
def test_a_stamp_with_any_byte_changed_is_read_as_strictly(
    cameras: list[int], before: int, change: tuple[int, int, int]
) -> None:
    """The change is in the tree, so only strict reading can refuse it. The fast one may refuse more: broken chains."""
    story = _told(cameras, before, 0, change)
    try:
        plain: list[bytes] | CustodyError = [
            one.entry.raw for one in verify_runs(story.batch, [story.run], story.checkpoint)
        ]
    except CustodyError as error:
        plain = error
    try:
        found: list[bytes] | CustodyError = check_runs(story.batch, [story.run], story.checkpoint).entries
    except CustodyError as error:
        found = error
    if isinstance(plain, CustodyError):
        assert isinstance(found, CustodyError)
    else:
        assert found == plain or isinstance(found, ChainError)
