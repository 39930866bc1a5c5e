-- When autovacuum visits a table: after a fixed number of rows, however large the table has become. By PostgreSQL's default it
-- waits for a fifth of the table, so at 20 million entries one visit is a fifth of the log: thousands of pages that left the cache long ago are
-- read and written again beside the appends. The last fifth of a full partition was never visited at all, and then its first
-- reader wrote a page of WAL for every page that it read (hint bits, with checksums on).
-- Partitions of entry_run are made with the same (partition.py). These settings change no answer; without them the ledger is only slower.

ALTER TABLE record SET (autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 200000,
    autovacuum_analyze_scale_factor = 0.5);
ALTER TABLE submission SET (autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 50000,
    autovacuum_analyze_scale_factor = 0.5);
ALTER TABLE chain_page SET (autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 10000,
    autovacuum_analyze_scale_factor = 0.5);
ALTER TABLE digest_page SET (autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 10000,
    autovacuum_analyze_scale_factor = 0.5);
ALTER TABLE tile SET (autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 10000,
    toast.autovacuum_vacuum_insert_scale_factor = 0, toast.autovacuum_vacuum_insert_threshold = 20000,
    autovacuum_analyze_scale_factor = 0.5);

-- These two lose rows with every commit: a search passes over what is dead until it is vacuumed.
ALTER TABLE tail SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE edge SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0);
