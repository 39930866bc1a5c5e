-- Any number of logs in one database. Rules that keep the schema distributable by log (docs/ops/postgresql.md):
-- every primary and unique key begins with the log; no foreign keys; no sequences, triggers or functions.
-- Text compares by its bytes (COLLATE "C"): fast, and no update of a locale library can put an index out of order.
-- Columns stand widest first, so that no row carries padding: bytes per entry are counted here.
--
-- Evidence: entry_run, tile, edge, checkpoint, log. Index, derived from the entries and checked against them by the log
-- verifier: batch, record, submission, chain, tail, chain_page, digest_page.
--
-- While a log grows only the row of `log` is updated, and only `edge` and `tail`, which stay small, lose rows: the big
-- tables are written once and have nothing to vacuum.

CREATE TABLE log (
    created_us   bigint NOT NULL,
    size         bigint NOT NULL,            -- sequenced entries: the unsigned tree head, compared and swapped
    sequenced_us bigint NOT NULL,            -- stamp of the last entry; never decreases
    published    bigint NOT NULL,            -- size of the last published checkpoint
    epoch        bigint NOT NULL,            -- fencing number of the writer
    term         bigint NOT NULL DEFAULT 0,  -- number of the lease that was granted last
    lease_until  timestamptz NOT NULL DEFAULT '-infinity',  -- by this server's clock
    log          integer NOT NULL,           -- derived from the origin (number.py)
    root         bytea NOT NULL,
    leader       text NOT NULL DEFAULT '',   -- address of the holder of the lease
    origin       text COLLATE "C" NOT NULL,
    vkeys        text NOT NULL,              -- C2SP vkeys, one a line
    CONSTRAINT log_pkey PRIMARY KEY (log),
    CONSTRAINT log_root CHECK (length(root) = 32),
    CONSTRAINT log_published CHECK (published <= size)
) WITH (fillfactor = 20);                    -- the row is rewritten by every batch: leave room for that on its page

-- Entries in the framing of a C2SP entry bundle, at most 16 in a row (commit.py says why). A run never crosses a multiple of 16, so a
-- bundle is the concatenation of the runs in it. Each partition holds one range of one log (partition.py) and can be detached: no proof needs it.
CREATE TABLE entry_run (
    first_index  bigint NOT NULL,
    log          integer NOT NULL,
    count        smallint NOT NULL,
    data         bytea NOT NULL,
    CONSTRAINT entry_run_pkey PRIMARY KEY (log, first_index),
    CONSTRAINT entry_run_count CHECK (count BETWEEN 1 AND 16)
) PARTITION BY RANGE (log, first_index);
ALTER TABLE entry_run ALTER data SET STORAGE MAIN;  -- compressed, in the row

-- Full C2SP tiles: 256 hashes of 32 bytes, which no compression shortens. Never updated.
CREATE TABLE tile (
    tile_index   bigint NOT NULL,
    log          integer NOT NULL,
    level        smallint NOT NULL,
    hashes       bytea NOT NULL,
    CONSTRAINT tile_pkey PRIMARY KEY (log, level, tile_index),
    CONSTRAINT tile_hashes CHECK (length(hashes) = 8192)
);
ALTER TABLE tile ALTER hashes SET STORAGE EXTERNAL;

-- The partial tile at the right edge of each level, in the pieces in which it grew; removed when the tile is full.
CREATE TABLE edge (
    first_hash   bigint NOT NULL,            -- 256 * index of the tile + offset in it
    log          integer NOT NULL,
    level        smallint NOT NULL,
    hashes       bytea NOT NULL,
    CONSTRAINT edge_pkey PRIMARY KEY (log, level, first_hash),
    CONSTRAINT edge_hashes CHECK (length(hashes) % 32 = 0 AND length(hashes) BETWEEN 32 AND 8160)
) WITH (toast_tuple_target = 8160);
ALTER TABLE edge ALTER hashes SET STORAGE EXTERNAL;

-- Every checkpoint that was published: signed notes, byte for byte.
CREATE TABLE checkpoint (
    size         bigint NOT NULL,
    log          integer NOT NULL,
    note         bytea NOT NULL,
    CONSTRAINT checkpoint_pkey PRIMARY KEY (log, size)
);

-- When entries were sequenced: one row for each commit.
CREATE TABLE batch (
    sequenced_us bigint NOT NULL,
    first_index  bigint NOT NULL,
    log          integer NOT NULL,
    CONSTRAINT batch_pkey PRIMARY KEY (log, sequenced_us, first_index)
);

-- Every record id, once: what makes sending again safe.
CREATE TABLE record (
    leaf_index   bigint NOT NULL,
    record_id    uuid NOT NULL,
    log          integer NOT NULL,
    CONSTRAINT record_pkey PRIMARY KEY (log, record_id)
);

-- Neighbouring entries of one submitter.
CREATE TABLE submission (
    first_index  bigint NOT NULL,
    log          integer NOT NULL,
    count        integer NOT NULL,
    submitter    text COLLATE "C" NOT NULL,
    CONSTRAINT submission_pkey PRIMARY KEY (log, submitter, first_index)
);

CREATE TABLE chain (
    longest_us   bigint NOT NULL,            -- longest to_us - from_us among its pages; bounds the search by time
    log          integer NOT NULL,
    chain        integer NOT NULL,           -- number, in the order of first appearance
    name         text COLLATE "C" NOT NULL,
    CONSTRAINT chain_pkey PRIMARY KEY (log, chain),
    CONSTRAINT chain_name UNIQUE (log, name)
);

-- The index of chains and of digests is gathered in pages (pages.py): the newest items are in the tail, one row for each
-- commit; a page takes them over when it is full or they have waited for long enough. Both are packed big-endian.
CREATE TABLE tail (
    first_index  bigint NOT NULL,
    log          integer NOT NULL,
    runs         bytea NOT NULL,             -- (chain, first_seq, first_index, count, from_us, to_us), 40 bytes each
    digests      bytea NOT NULL,             -- (first 8 bytes of a SHA-256, leaf index), 16 bytes each
    CONSTRAINT tail_pkey PRIMARY KEY (log, first_index),
    CONSTRAINT tail_runs CHECK (length(runs) % 40 = 0),
    CONSTRAINT tail_digests CHECK (length(digests) % 16 = 0)
);
ALTER TABLE tail ALTER runs SET STORAGE MAIN, ALTER digests SET STORAGE MAIN;

-- Neighbouring numbers of a chain: runs of them that stand at neighbouring leaf indexes.
CREATE TABLE chain_page (
    first_seq    bigint NOT NULL,
    last_seq     bigint NOT NULL,
    first_index  bigint NOT NULL,
    from_us      bigint NOT NULL,            -- smallest period that holds all that the runs tell of
    to_us        bigint NOT NULL,
    log          integer NOT NULL,
    chain        integer NOT NULL,
    runs         bytea NOT NULL,             -- (first_seq, first_index, count, from_us, to_us), 36 bytes each
    CONSTRAINT chain_page_pkey PRIMARY KEY (log, chain, first_seq),
    CONSTRAINT chain_page_runs CHECK (length(runs) % 36 = 0)
);
ALTER TABLE chain_page ALTER runs SET STORAGE MAIN;
CREATE INDEX chain_page_time ON chain_page (log, chain, from_us);

-- Digests that share 10 bits; the entry decides whether a digest is the one.
CREATE TABLE digest_page (
    first_index  bigint NOT NULL,
    last_index   bigint NOT NULL,
    log          integer NOT NULL,
    bucket       smallint NOT NULL,
    digests      bytea NOT NULL,             -- as in tail
    CONSTRAINT digest_page_pkey PRIMARY KEY (log, bucket, first_index),
    CONSTRAINT digest_page_digests CHECK (length(digests) % 16 = 0)
);
ALTER TABLE digest_page ALTER digests SET STORAGE EXTERNAL;
