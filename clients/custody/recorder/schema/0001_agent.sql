-- What the agent must remember. One writing connection (the agent); `custody record check` reads.

CREATE TABLE stream (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    recorder TEXT NOT NULL,
    last_number INTEGER NOT NULL DEFAULT 0,
    end_us INTEGER,                 -- end of the newest footage
    seen_us INTEGER NOT NULL,       -- when a segment was last registered
    open_gap_us INTEGER,            -- begin of the gap that was declared and goes on
    heartbeat_us INTEGER NOT NULL DEFAULT 0,
    -- Kept by the triggers below, so that a look at thousands of streams does not count millions of segments.
    stored INTEGER NOT NULL DEFAULT 0,
    stored_bytes INTEGER NOT NULL DEFAULT 0,
    altered INTEGER NOT NULL DEFAULT 0
) STRICT;

-- One row for each registered segment; kept for a while after its disposal, so that a file that comes back is recognized.
CREATE TABLE segment (
    id INTEGER PRIMARY KEY,
    stream INTEGER NOT NULL REFERENCES stream (id),
    number INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    size_bytes INTEGER NOT NULL,
    from_us INTEGER NOT NULL,
    to_us INTEGER NOT NULL,
    registered_us INTEGER NOT NULL,
    verified_us INTEGER NOT NULL,
    altered INTEGER NOT NULL DEFAULT 0,
    gone_us INTEGER,                -- when its last file was found missing
    gone_from TEXT NOT NULL DEFAULT '', -- the storage that it was last in
    disposed INTEGER NOT NULL DEFAULT 0, -- 1: its disposal is recorded; 2: and the row may go (forgetting.py)
    UNIQUE (stream, number)
) STRICT;
CREATE INDEX segment_digest ON segment (sha256, stream, from_us);
CREATE INDEX segment_gone ON segment (gone_us) WHERE gone_us IS NOT NULL AND disposed = 0;
CREATE INDEX segment_verified ON segment (verified_us) WHERE gone_us IS NULL AND disposed = 0;

CREATE INDEX segment_oldest ON segment (stream, from_us) WHERE gone_us IS NULL AND disposed = 0;

CREATE TRIGGER segment_added AFTER INSERT ON segment BEGIN
    UPDATE stream SET stored = stored + 1, stored_bytes = stored_bytes + NEW.size_bytes WHERE id = NEW.stream;
END;
CREATE TRIGGER segment_changed AFTER UPDATE OF gone_us, disposed, altered ON segment BEGIN
    UPDATE stream SET
        stored = stored + (NEW.gone_us IS NULL AND NEW.disposed = 0) - (OLD.gone_us IS NULL AND OLD.disposed = 0),
        stored_bytes = stored_bytes + NEW.size_bytes
            * ((NEW.gone_us IS NULL AND NEW.disposed = 0) - (OLD.gone_us IS NULL AND OLD.disposed = 0)),
        altered = altered + NEW.altered * (NEW.gone_us IS NULL AND NEW.disposed = 0)
            - OLD.altered * (OLD.gone_us IS NULL AND OLD.disposed = 0)
    WHERE id = NEW.stream;
END;

CREATE TABLE folder (
    id INTEGER PRIMARY KEY,
    storage TEXT NOT NULL,
    path TEXT NOT NULL,             -- below the storage, '' for its root
    mtime_ns INTEGER NOT NULL DEFAULT 0,
    UNIQUE (storage, path)
) STRICT;

-- One row for each path that was looked at. segment is NULL for a file that is no footage (empty, of another form).
CREATE TABLE file (
    folder INTEGER NOT NULL REFERENCES folder (id),
    name TEXT NOT NULL,
    segment INTEGER REFERENCES segment (id),
    size_bytes INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    PRIMARY KEY (folder, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX file_segment ON file (segment);

-- Records that are decided and not yet in the outbox.
CREATE TABLE pending (id INTEGER PRIMARY KEY AUTOINCREMENT, record BLOB NOT NULL) STRICT;

-- Why footage may be missing: told by a hook or known by the agent itself. stream '' is every stream.
CREATE TABLE cause (
    id INTEGER PRIMARY KEY,
    stream TEXT NOT NULL,
    reason INTEGER NOT NULL,
    from_us INTEGER NOT NULL,
    to_us INTEGER                   -- NULL while it goes on
) STRICT;

-- Deletions that were announced before they were seen.
CREATE TABLE announcement (
    storage TEXT NOT NULL,
    path TEXT NOT NULL,
    kind INTEGER NOT NULL,
    at_us INTEGER NOT NULL,
    PRIMARY KEY (storage, path)
) STRICT, WITHOUT ROWID;

-- Personal data behind commitments in records; fetched from here by the desk, erased here by law.
CREATE TABLE disclosure (commitment BLOB PRIMARY KEY, disclosure BLOB NOT NULL, at_us INTEGER NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE note (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
