-- One file holds any number of logs; every key begins with the log.
-- Evidence: entry_run, tile, checkpoint, log. Index, derived from the entries and checked against them by the log
-- verifier: chain, chain_run, record, digest, submission.

CREATE TABLE log (
    log          INTEGER PRIMARY KEY,
    origin       TEXT    NOT NULL UNIQUE,
    vkeys        TEXT    NOT NULL,           -- C2SP vkeys, one a line
    created_us   INTEGER NOT NULL,
    size         INTEGER NOT NULL,           -- sequenced entries: the unsigned tree head, compared and swapped
    root         BLOB    NOT NULL CHECK (length(root) = 32),
    sequenced_us INTEGER NOT NULL,           -- stamp of the last entry; never decreases
    published    INTEGER NOT NULL CHECK (published <= size),  -- size of the last published checkpoint
    epoch        INTEGER NOT NULL            -- fencing number of the writer
) STRICT;

-- Entries in the framing of a C2SP entry bundle. A run never crosses a multiple of 256, so a bundle is the
-- concatenation of the runs in it.
CREATE TABLE entry_run (
    log          INTEGER NOT NULL REFERENCES log,
    first_index  INTEGER NOT NULL,
    count        INTEGER NOT NULL CHECK (count BETWEEN 1 AND 256),
    sequenced_us INTEGER NOT NULL,
    data         BLOB    NOT NULL,
    PRIMARY KEY (log, first_index)
) STRICT, WITHOUT ROWID;

CREATE INDEX entry_run_time ON entry_run (log, sequenced_us, first_index, count);

-- C2SP tiles, the partial ones at the right edge included; hashes of 32 bytes each.
CREATE TABLE tile (
    log          INTEGER NOT NULL REFERENCES log,
    level        INTEGER NOT NULL,
    tile_index   INTEGER NOT NULL,
    hashes       BLOB    NOT NULL CHECK (length(hashes) % 32 = 0 AND length(hashes) BETWEEN 32 AND 8192),
    PRIMARY KEY (log, level, tile_index)
) STRICT;

-- Every checkpoint that was published: signed notes, byte for byte.
CREATE TABLE checkpoint (
    log          INTEGER NOT NULL REFERENCES log,
    size         INTEGER NOT NULL,
    note         BLOB    NOT NULL,
    PRIMARY KEY (log, size)
) STRICT, WITHOUT ROWID;

CREATE TABLE chain (
    log          INTEGER NOT NULL REFERENCES log,
    chain        INTEGER NOT NULL,           -- number, in the order of first appearance
    name         TEXT    NOT NULL,
    longest_us   INTEGER NOT NULL,           -- longest to_us - from_us among its runs; bounds the search by time
    PRIMARY KEY (log, chain),
    UNIQUE (log, name)
) STRICT, WITHOUT ROWID;

-- Neighbouring numbers of a chain that stand at neighbouring leaf indexes.
CREATE TABLE chain_run (
    log          INTEGER NOT NULL,
    chain        INTEGER NOT NULL,
    first_seq    INTEGER NOT NULL,
    first_index  INTEGER NOT NULL,
    count        INTEGER NOT NULL,
    from_us      INTEGER NOT NULL,           -- smallest period that holds all that the run tells of
    to_us        INTEGER NOT NULL,
    PRIMARY KEY (log, chain, first_seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX chain_run_time ON chain_run (log, chain, from_us, to_us);

CREATE TABLE record (
    log          INTEGER NOT NULL,
    record_id    BLOB    NOT NULL CHECK (length(record_id) = 16),
    leaf_index   INTEGER NOT NULL,
    PRIMARY KEY (log, record_id)
) STRICT, WITHOUT ROWID;

-- First 8 bytes of SHA-256 digests that a record names; the entry decides whether it is the one.
CREATE TABLE digest (
    log          INTEGER NOT NULL,
    prefix       BLOB    NOT NULL CHECK (length(prefix) = 8),
    leaf_index   INTEGER NOT NULL,
    PRIMARY KEY (log, prefix, leaf_index)
) STRICT, WITHOUT ROWID;

CREATE TABLE submission (
    log          INTEGER NOT NULL,
    submitter    TEXT    NOT NULL,
    sequenced_us INTEGER NOT NULL,
    first_index  INTEGER NOT NULL,
    count        INTEGER NOT NULL,
    PRIMARY KEY (log, submitter, first_index)
) STRICT, WITHOUT ROWID;
