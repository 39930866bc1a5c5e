"""Logs in PostgreSQL, any number in a database: the store for everything larger than one site.

The schema is `store/schema/postgres`; how to run it is `docs/ops/postgresql.md`. No object-relational mapper, no
sequences, triggers, temporary tables, LISTEN, LOCK TABLE or advisory locks: what is used here works on the distributed
engines that speak this protocol, and behind a connection pooler.
"""
