"""Sizes that every part agrees on, each with its reason.

A limit here is part of the forms: a record that exceeds one is malformed everywhere, not only at one server.
"""

from typing import Final

MAX_ENTRY_BYTES: Final = 65_535
"""C2SP tlog-tiles: an entry bundle writes the length of an entry in 16 bits."""

MAX_RECORD_BYTES: Final = 60_000
"""Leaves room in the entry for a post-quantum seal (2,420 bytes) and a dozen of links; a record about more streams must
be smaller (`record.read_record`)."""

MAX_BATCH_RECORDS: Final = 1_024
"""Four entry bundles: large enough to make a signature per batch cheap, small enough to answer in milliseconds."""

MAX_BATCH_BYTES: Final = 4 * 1024 * 1024
"""Record bytes in one batch; with stamps and framing the request stays below the 8 MiB of MAX_MESSAGE_BYTES."""

MAX_MESSAGE_BYTES: Final = 8 * 1024 * 1024
"""One gRPC message in either direction."""

MAX_STREAMS_PER_RECORD: Final = 256
"""Every stream costs a link of about 80 bytes in the entry."""

MAX_REPEATED: Final = 1_000
"""Items in any other repeated field of a record."""

MAX_COUNT: Final = (1 << 63) - 1
"""Any count or number: fits the signed 64-bit integers of databases and of other implementations."""

MAX_PUBLIC_KEY_BYTES: Final = 4_096
"""A SubjectPublicKeyInfo of any algorithm that may come (ML-DSA-87 has 2,614 bytes)."""

MAX_SIGNATURE_BYTES: Final = 2_420
"""ML-DSA-44, the longest signature of a seal."""

MAX_KEY_ID_CHARS: Final = 127
"""Characters in the id under which a key is registered."""

STAMP_BYTES: Final = 2_900
"""More than an entry needs beside its record and links: seal (2,570), submitter (258), time (10), framing (4)."""

LINK_BYTES: Final = 50
"""More than a link needs beside the name of its chain."""

MAX_TEXT_CHARS: Final = 512
"""Characters in a text field. Longer texts are documents and are bound by their hash."""

MAX_NAME_CHARS: Final = 64
"""Characters in a site or a camera name."""

MAX_CHAIN_CHARS: Final = 10 + 2 * MAX_NAME_CHARS
"""`footage/` and a stream name."""

MAX_TIME_US: Final = 253_402_300_799_999_999
"""9999-12-31T23:59:59.999999Z, the last moment that every library can print."""
