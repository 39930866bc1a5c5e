"""A footage file as its coded pictures: container, codec, times, and the digests that its media root stands on."""

from collections.abc import Sequence
from typing import NamedTuple

from custody.core.digest import media_root
from custody.v1 import record_pb2


class Clip(NamedTuple):
    """What one footage file holds. `unit_digests` is empty exactly when `absence` says why."""

    container: int
    """record_pb2.CONTAINER_*."""
    codec: int = record_pb2.CODEC_UNSPECIFIED
    """record_pb2.CODEC_* of the first video track."""
    absence: int = record_pb2.MEDIA_ABSENCE_UNSPECIFIED
    """record_pb2.MEDIA_ABSENCE_*: why there are no units."""
    unit_digests: Sequence[bytes] = ()
    """SHA-256 of every VCL NAL unit in decoding order."""
    keys: Sequence[int] = ()
    """Index of the first unit of every key picture: where a player can begin and an export is cut."""
    pictures: int = 0
    duration_us: int = 0
    """Length of the video track in microseconds; 0 when the container does not say."""
    start_us: int | None = None
    """Time of the first picture, microseconds UTC, when the container says."""

    def media(self) -> record_pb2.Media | None:
        """The media root as it stands in a record, or None."""
        if not self.unit_digests:
            return None
        return record_pb2.Media(media_root=media_root(self.unit_digests), units=len(self.unit_digests))
