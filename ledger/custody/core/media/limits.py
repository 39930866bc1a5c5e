"""Caps on what a container may claim, each with its reason."""

from typing import Final

MAX_SAMPLES: Final = 1 << 22
"""Pictures in one file: 19 hours at 60 a second. A segment has some thousands; the index of a file is held in memory."""

MAX_UNITS: Final = 1 << 24
"""NAL units in one file: four slices for each of MAX_SAMPLES."""

MAX_HEADER_BYTES: Final = 128 * 1024 * 1024
"""A `moov` or `moof` box, which is held in memory whole: room for the index of MAX_SAMPLES."""

MAX_BOXES: Final = 1 << 20
"""Boxes at the top of one file: a `moof` and an `mdat` ten times a second for half a day."""

MAX_PICTURE_BYTES: Final = 64 * 1024 * 1024
"""One sample or PES packet: an uncompressed picture of 4096x2160 is smaller."""
