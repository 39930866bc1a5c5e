"""Check 7: the chains that must be complete end exactly where the closing snapshot says that they ended."""

from collections.abc import Mapping

from custody.core.chain import Head
from custody.core.errors import CustodyError
from custody.core.heads import check_heads, decode_heads
from custody.core.names import CHAIN_HEADS, CHAIN_KEYS, site_of
from custody.core.record import ReadRecord
from custody.verifier.package import layout
from custody.verifier.package.container import Container
from custody.verifier.package.entry_pass import SliceState
from custody.verifier.package.framing import read_frames
from custody.verifier.package.margins import Margins
from custody.verifier.package.report import CHAINS, HEADS, PackageReport


def check_snapshot(
    report: PackageReport, container: Container, index: int, snapshot: ReadRecord | None
) -> Mapping[str, Head] | None:
    """Recomputes the snapshot's root from the list of heads; None when it is not that list's."""
    report.done.add(HEADS)
    try:
        with container.open(layout.HEADS) as file:
            heads = decode_heads(read_frames(file))
        if snapshot is None or snapshot.kind.name != "chain_heads":
            report.find(HEADS, "snapshot-missing", "the closing snapshot is not among the entries", index=index)
            return None
        check_heads(snapshot.body, index, heads)
    except CustodyError as error:
        report.caught(HEADS, error, path=layout.HEADS)
        return None
    return heads


def check_ends(
    report: PackageReport, margins: Mapping[str, Margins], heads: Mapping[str, Head], states: Mapping[str, SliceState]
) -> None:
    """Every chain that the package owes is there, whole; `margins` are those of its streams."""
    owed = {CHAIN_KEYS} & heads.keys()
    for stream, found in margins.items():
        owed |= {f"custody/{stream}", f"site/{site_of(stream)}"} & heads.keys()
        _footage(report, f"footage/{stream}", found, heads, states)
    for chain in sorted(owed):
        state = states.get(chain)
        if state is None:
            report.find(CHAINS, "slice-missing", f"{chain} is not in the package")
        elif state.first != 1:
            report.find(CHAINS, "slice-incomplete", f"{chain} begins at {state.first}")
        elif (state.seq, state.leaf) != heads[chain]:
            report.find(
                HEADS, "chain-cut", f"{chain} ends at {state.seq} here; the log's own snapshot has {heads[chain].seq}"
            )
    for chain, state in states.items():
        if chain != CHAIN_HEADS and (chain not in heads or state.last > heads[chain].seq):
            report.find(HEADS, "chain-cut", f"{chain} goes beyond the closing snapshot")


def _footage(
    report: PackageReport, chain: str, margins: Margins, heads: Mapping[str, Head], states: Mapping[str, SliceState]
) -> None:
    """A segment bounds the period on both sides, or the chain ends there."""
    state = states.get(chain)
    if state is None or chain not in heads:
        report.find(CHAINS, "slice-missing", f"{chain} is not in the package")
        return
    whole_left = state.first == 1 or margins.left
    whole_right = state.last == heads[chain].seq or margins.right
    if not (whole_left and whole_right):
        report.find(CHAINS, "slice-margin", f"{chain}: no segment bounds the period, so it may be cut")
