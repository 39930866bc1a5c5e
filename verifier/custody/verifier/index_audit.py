"""Check 8 on one range: the derived index says what the entries say, no more and no less.

The index proves nothing and is not evidence; but whoever searches the log finds through it, so that a wrong row hides an
entry as well as a removed one would. Every row that touches the range is held against the entries of the range; that no
row is left over follows from the totals, which `log_audit` compares.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from custody.verifier.chain_column import ChainColumn
from custody.verifier.finding import Finding
from custody.verifier.log_reader import IndexReader, StoredChainRun
from custody.verifier.range_audit import OpenRun, RangeAudit

CHECK: Final = 8
_SPARE: Final = 4
"""A source that was cut off sends old record ids late. Up to so many foreign ids for each own are skimmed over; beyond
that each id is looked up by itself."""


def check_index(audit: RangeAudit, index: IndexReader, numbers: Mapping[str, int]) -> list[OpenRun]:
    """Compares the index rows of a range; `numbers` are the chains' numbers by name.

    Returns the runs that cross an edge of the range, for their periods can be judged only by both sides.
    """
    _check_records(audit, index)
    _check_submissions(audit, index)
    open_runs: list[OpenRun] = []
    for chain, column in audit.columns.items():
        number = numbers.get(chain)
        if number is None:
            _find(audit, "index-chain", f"the chain {chain} is not in the index", column.at[0], chain)
        elif column.unbroken():  # a broken chain is found by check 5; numbers that jump have no place in an index
            rows = index.chain_runs(number, column.seqs[0], column.seqs[-1] + 1)
            _check_chain(audit, chain, column, rows, open_runs)
    return open_runs


def check_digests(audit: RangeAudit, index: IndexReader) -> None:
    """Looks every file digest of the range up; done only when the fingerprints differ."""
    for prefix, leaf_index in audit.digest_pairs:
        if not index.has_digest(prefix, leaf_index):
            _find(
                audit,
                "index-digest",
                f"a file digest of entry {leaf_index} is not in the index",
                leaf_index - audit.first,
            )


def _find(audit: RangeAudit, code: str, message: str, position: int, chain: str | None = None) -> None:
    audit.findings.add(Finding(code, CHECK, message, index=audit.first + position, chain=chain))


def _check_records(audit: RangeAudit, index: IndexReader) -> None:
    places = [
        (record.record_id, leaf_index)
        for leaf_index, record in enumerate(audit.records, audit.first)
        if record is not None
    ]
    if not places:
        return
    ids = [record_id for record_id, _ in places]
    room = _SPARE * len(ids)
    rows = index.records_between(min(ids), max(ids), room + 1)
    found = dict(rows if len(rows) <= room else index.record_places(ids))
    # Each id leads to its own entry, so no id is there twice.
    if list(map(found.get, ids)) == [leaf_index for _, leaf_index in places]:
        return
    _name_records(audit, places, found)


def _name_records(audit: RangeAudit, places: Sequence[tuple[bytes, int]], found: Mapping[bytes, int]) -> None:
    first: dict[bytes, int] = {}
    for record_id, leaf_index in places:
        position = leaf_index - audit.first
        if record_id in first:
            message = f"entries {first[record_id]} and {leaf_index} have the same record id"
            audit.findings.add(Finding("record-repeated", 7, message, index=leaf_index))
        elif record_id not in found:
            _find(audit, "index-record", f"the record of entry {leaf_index} is not in the index", position)
        elif found[record_id] != leaf_index:
            message = f"the index looks for the record of entry {leaf_index} at {found[record_id]}"
            _find(audit, "index-record", message, position)
        first.setdefault(record_id, leaf_index)


def _check_submissions(audit: RangeAudit, index: IndexReader) -> None:
    for submitter, positions in audit.submitters.items():
        told: list[int] = []
        rows = index.submissions(submitter, audit.first, audit.end)
        for first_index, count, sequenced_us in rows:
            begin = max(first_index, audit.first) - audit.first
            end = min(first_index + count, audit.end) - audit.first
            told += range(begin, end)
            if {audit.stamps[at] for at in range(begin, end)} - {sequenced_us}:
                _find(audit, "index-submission", f"a run of {submitter} is indexed under another time", begin)
        if told != positions:
            wrong = sorted(set(told) ^ set(positions))
            _find(
                audit,
                "index-submission",
                f"the entries of {submitter} are not the ones that the index names",
                wrong[0] if wrong else positions[0],
            )


def _check_chain(
    audit: RangeAudit,
    chain: str,
    column: ChainColumn,
    rows: list[tuple[int, int, int, int, int]],
    open_runs: list[OpenRun],
) -> None:
    begin, total = column.seqs[0], len(column.seqs)
    first, records = audit.first, audit.records
    if len(rows) == total and rows == [
        (seq, first + at, 1, *record.period_us)
        for seq, at in enumerate(column.at, begin)
        if (record := records[at]) is not None
    ]:
        return  # cameras that take turns: a run for every entry
    following = begin
    for row in map(StoredChainRun._make, rows):
        low = max(row.first_seq, begin) - begin
        high = min(row.first_seq + row.count - begin, total)
        # A row must begin where the one before it ended; only the first may reach back into the range before.
        if low != following - begin or high <= low:
            _find(
                audit, "index-run", f"{chain}: a run of the index begins at number {row.first_seq}", column.at[0], chain
            )
            return
        following = begin + high
        place = row.first_index + begin + low - row.first_seq - audit.first
        if column.at[low:high] != list(range(place, place + high - low)):
            message = f"{chain}: the index looks for number {begin + low} at entry {audit.first + place}"
            _find(audit, "index-run", message, column.at[low], chain)
            continue
        _check_period(audit, chain, column, row, (low, high), open_runs)
    if following != begin + total:
        _find(
            audit, "index-run", f"{chain}: number {following} is not in the index", column.at[following - begin], chain
        )


def _check_period(
    audit: RangeAudit,
    chain: str,
    column: ChainColumn,
    row: StoredChainRun,
    part: tuple[int, int],
    open_runs: list[OpenRun],
) -> None:
    low, high = part
    told = [record.period_us for at in column.at[low:high] if (record := audit.records[at]) is not None]
    from_us = min([period[0] for period in told])
    to_us = max([period[1] for period in told])
    begins = row.first_seq >= column.seqs[0]
    ends = row.first_seq + row.count <= column.seqs[0] + len(column.seqs)
    if not begins or not ends:
        stored = (row.from_us, row.to_us)
        open_runs.append(OpenRun(chain, row.first_seq, from_us, to_us, stored, begins, ends))
    elif (row.from_us, row.to_us) != (from_us, to_us):
        message = f"{chain}: the run at number {row.first_seq} is indexed under another period"
        _find(audit, "index-period", message, column.at[low], chain)
