"""What readers may see: the last published checkpoint of a log, and a way to wait for the next.

Written by the sequencer, read by everyone on the same event loop.
"""

import asyncio


class Publication:
    """Size and signed note of the last published checkpoint; size 0 and no note before the first."""

    def __init__(self) -> None:
        self.size = 0
        self.note = b""
        self._moved = asyncio.Event()

    def publish(self, size: int, note: bytes) -> None:
        """Moves on to a checkpoint that is stored; wakes everyone who waits."""
        self.size, self.note = size, note
        self._moved.set()
        self._moved = asyncio.Event()

    async def beyond(self, size: int) -> None:
        """Returns when something larger than `size` is published. The caller brings the deadline."""
        while self.size <= size:
            await self._moved.wait()
