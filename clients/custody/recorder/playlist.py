"""Segment lists: which files a recorder says are finished. Text in, names out; read leniently, because a list is a hint.

HLS media playlists (RFC 8216 section 4), ffmpeg's `-segment_list` as csv, ffconcat and flat names.
"""

from collections.abc import Iterator
from typing import Final

MAX_LIST_BYTES: Final = 16 * 1024 * 1024
"""A list that is not truncated by its writer: three months of ten-second segments are 800,000 lines of 20 bytes."""


def listed_names(text: str) -> Iterator[str]:
    """File names in the order of the list, without folder."""
    for line in text.splitlines():
        entry = line.strip()
        if not entry or entry.startswith(("#", "ffconcat ", "duration ", "inpoint ", "outpoint ")):
            continue
        if entry.startswith("file "):
            entry = entry[5:].strip().strip("'\"")
        elif entry.count(",") == 2:  # name,start,end
            entry = entry.split(",")[0].strip('"')
        name = entry.partition("?")[0].rpartition("/")[2]
        if name and "\x00" not in name:
            yield name
