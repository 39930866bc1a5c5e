"""What the server is set to, as far as evidence depends on it.

Refused: whatever makes "durable" a lie (`fsync`, `synchronous_commit` off), an old server, an encoding that changes
text. Warned of: whatever an operator may have a reason for, but has to know: above all asynchronous replication, under
which a failover can lose checkpoints that were handed out already. That would be a fork in the eyes of every client.
"""

from collections.abc import Mapping
from typing import Any, Final

from custody.server.store.protocol import StoreError

OLDEST_VERSION: Final = 140_000
"""PostgreSQL 14: detaching partitions without a stop, lz4 in the tables."""

NAMES: Final = (
    *("fsync", "full_page_writes", "synchronous_commit", "synchronous_standby_names", "server_version_num"),
    *("server_encoding", "data_checksums", "transaction_read_only"),
)


class StoreUnfit(StoreError):
    """The server is set up so that it cannot keep what it acknowledges."""

    code = "store-unfit"


async def check_settings(connection: Any) -> list[str]:
    """Warnings for the operator. Raises StoreUnfit."""
    rows = await connection.fetch("SELECT name, current_setting(name) AS value FROM unnest($1::text[]) AS name", NAMES)
    return judge({row["name"]: row["value"] for row in rows})


def judge(settings: Mapping[str, str]) -> list[str]:
    """Warnings about the values of `NAMES`. Raises StoreUnfit."""
    if int(settings["server_version_num"]) < OLDEST_VERSION:
        raise StoreUnfit("this PostgreSQL is older than version 14", code="store-too-old")
    if settings["fsync"] != "on":
        raise StoreUnfit("fsync is off: a crash of the machine would lose and mix up what was acknowledged")
    if settings["synchronous_commit"] == "off":
        raise StoreUnfit("synchronous_commit is off: commits would be acknowledged before they are on the disk")
    if settings["server_encoding"] != "UTF8":
        raise StoreUnfit("the database is not in UTF8")
    warnings = []
    if not settings["synchronous_standby_names"]:
        warnings.append(
            "synchronous_standby_names is empty: a failover to a standby can lose acknowledged records; signer and "
            "clients would then refuse the log"
        )
    elif settings["synchronous_commit"] in {"local", "remote_write"}:
        warnings.append(
            f"synchronous_commit is {settings['synchronous_commit']}: a failover can lose acknowledged records; set it to on"
        )
    if settings["full_page_writes"] != "on":
        warnings.append("full_page_writes is off: a power failure can tear pages, unless the file system forbids that")
    if settings["data_checksums"] != "on":
        warnings.append("the database has no checksums: damage on the disk is found by the log verifier only")
    return warnings
