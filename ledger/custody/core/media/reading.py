"""How a parser gets at a file that may be larger than memory: one function, and bounds around it."""

from collections.abc import Callable
from typing import NamedTuple

from custody.core.errors import MalformedError

Read = Callable[[int, int], bytes | memoryview]
"""`read(offset, length)` gives the bytes there, fewer only at the end of the file. A view stays valid until the next
call, no longer, so that the caller may serve every call from one buffer."""


class Source(NamedTuple):
    """A file of `size_bytes`, read through `read`."""

    read: Read
    size_bytes: int

    def take(self, offset: int, length: int) -> memoryview:
        """Exactly the bytes [offset, offset + length); raises MalformedError ('media-truncated') when they are not there."""
        if offset < 0 or length < 0 or offset + length > self.size_bytes:
            raise MalformedError(
                f"the container points to {length} bytes at {offset} of a file of {self.size_bytes}",
                code="media-truncated",
            )
        view = memoryview(self.read(offset, length))
        if len(view) != length:
            raise MalformedError(
                f"the file ends before {offset + length}; it shrank while it was read", code="media-truncated"
            )
        return view
