"""What must stand in the database's catalogue before a log is opened.

Somebody who drops a unique index to make a repair faster, and does not put it back, has a ledger that accepts a record
twice. So a missing, changed or invalid constraint or index is a refusal (StoreDamaged), not a warning.
"""

from typing import Any, Final

from custody.server.store.postgres.partition import partition_name
from custody.server.store.protocol import StoreDamaged

CONSTRAINTS: Final = {
    "batch_pkey": "PRIMARY KEY (log, sequenced_us, first_index)",
    "chain_name": "UNIQUE (log, name)",
    "chain_pkey": "PRIMARY KEY (log, chain)",
    "chain_page_runs": "CHECK (((length(runs) % 36) = 0))",
    "chain_page_pkey": "PRIMARY KEY (log, chain, first_seq)",
    "checkpoint_pkey": "PRIMARY KEY (log, size)",
    "digest_page_digests": "CHECK (((length(digests) % 16) = 0))",
    "digest_page_pkey": "PRIMARY KEY (log, bucket, first_index)",
    "edge_hashes": "CHECK ((((length(hashes) % 32) = 0) AND ((length(hashes) >= 32) AND (length(hashes) <= 8160))))",
    "edge_pkey": "PRIMARY KEY (log, level, first_hash)",
    "entry_run_count": "CHECK (((count >= 1) AND (count <= 16)))",
    "entry_run_pkey": "PRIMARY KEY (log, first_index)",
    "log_pkey": "PRIMARY KEY (log)",
    "log_published": "CHECK ((published <= size))",
    "log_root": "CHECK ((length(root) = 32))",
    "migration_pkey": "PRIMARY KEY (number)",
    "record_pkey": "PRIMARY KEY (log, record_id)",
    "submission_pkey": "PRIMARY KEY (log, submitter, first_index)",
    "tail_digests": "CHECK (((length(digests) % 16) = 0))",
    "tail_pkey": "PRIMARY KEY (log, first_index)",
    "tail_runs": "CHECK (((length(runs) % 40) = 0))",
    "tile_hashes": "CHECK ((length(hashes) = 8192))",
    "tile_pkey": "PRIMARY KEY (log, level, tile_index)",
}
"""Definitions as PostgreSQL prints them (pg_get_constraintdef)."""

INDEXES: Final = {
    "chain_page_time": ("chain_page", "(log, chain, from_us)"),
}
"""Indexes beside those of the constraints: table, and the end of their definition. Without them reads would crawl."""

TABLES: Final = (
    *("batch", "chain", "chain_page", "checkpoint", "digest_page", "edge", "entry_run", "log", "migration", "record"),
    *("submission", "tail", "tile"),
)

_CONSTRAINTS: Final = """
SELECT c.conname, pg_get_constraintdef(c.oid) AS definition,
    c.convalidated AND coalesce(i.indisvalid AND i.indisready AND i.indislive, true)
        AND coalesce(i.indisunique AND i.indimmediate, true) AS holds
FROM pg_constraint c LEFT JOIN pg_index i ON i.indexrelid = c.conindid
WHERE c.conrelid = ANY ($1::text[]::regclass[]) AND c.contype IN ('p', 'u', 'c')
"""

_INDEXES: Final = """
SELECT k.relname, pg_get_indexdef(i.indexrelid) AS definition, i.indisvalid AND i.indisready AND i.indislive AS holds
FROM pg_index i JOIN pg_class k ON k.oid = i.indexrelid WHERE i.indrelid = ANY ($1::text[]::regclass[])
"""

_PARTITION: Final = """
SELECT NOT EXISTS (
    SELECT FROM pg_index i WHERE i.indrelid = p.inhrelid AND i.indisprimary AND i.indisvalid AND i.indisready
)
FROM pg_inherits p WHERE p.inhparent = 'entry_run'::regclass AND p.inhrelid::regclass::text LIKE $1
"""


async def check_catalogue(connection: Any) -> None:
    """Raises StoreDamaged unless every constraint and index stands as it was made."""
    missing = [name for name in TABLES if not await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", name)]
    if missing:
        raise StoreDamaged(f"the database has lost the table {missing[0]}")
    rows = await connection.fetch(_CONSTRAINTS, TABLES)
    found = {name: (definition, holds) for name, definition, holds in rows}
    for name, definition in CONSTRAINTS.items():
        if found.get(name) != (definition, True):
            raise StoreDamaged(
                f"the database has lost the constraint {name}: {definition}; restore it before you go on"
            )
    rows = await connection.fetch(_INDEXES, TABLES)
    found = {name: (definition, holds) for name, definition, holds in rows}
    for name, (_, ending) in INDEXES.items():
        definition, holds = found.get(name, ("", False))
        if not holds or not definition.endswith(ending):
            raise StoreDamaged(f"the database has lost the index {name} on {ending}; restore it before you go on")


async def check_partitions(connection: Any, log: int) -> None:
    """Raises StoreDamaged when a partition of this log's entries has lost its primary key."""
    if any(lost for (lost,) in await connection.fetch(_PARTITION, f"%{partition_name(log, 0)[:-1]}%")):
        raise StoreDamaged("a partition of entry_run has lost its primary key; restore it before you go on")
