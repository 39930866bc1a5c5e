-- What `custody record check` shows of a stream: its gaps of today, and which of its records wait.

-- Gaps that were told and are over, for two days (forgetting.py). One that goes on stands in stream.open_gap_us.
CREATE TABLE gap (
    stream TEXT NOT NULL,           -- its name; a hook may tell of a camera that has no footage yet
    from_us INTEGER NOT NULL,
    to_us INTEGER NOT NULL,
    reason INTEGER NOT NULL,
    PRIMARY KEY (stream, from_us, to_us, reason)
) STRICT, WITHOUT ROWID;
CREATE INDEX gap_end ON gap (to_us);

ALTER TABLE stream ADD COLUMN open_gap_reason INTEGER; -- as it was told; NULL while no gap is open
UPDATE stream SET open_gap_reason = 15 WHERE open_gap_us IS NOT NULL; -- GAP_REASON_UNKNOWN: it was not remembered

-- Names of the record's chains, one a line. Empty for what waited when this column came; it leaves with the first step.
ALTER TABLE pending ADD COLUMN chains TEXT NOT NULL DEFAULT '';

DELETE FROM note WHERE key = 'outbox'; -- became the note 'ledger'
