"""One pass over a file: planned from its index by the reference, then carried out by the compiled library."""

import ctypes
import functools
from array import array
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, overload

from custody.core.errors import MalformedError
from custody.core.media.clip import Clip
from custody.core.media.container import open_container
from custody.core.media.elementary import duration_us
from custody.core.media.limits import MAX_PICTURE_BYTES, MAX_UNITS
from custody.core.media.mp4 import Movie
from custody.core.media.reading import Read, Source
from custody.core.media.transport import Program, transport_clip
from custody.core.media.units import unit_classes
from custody.recorder.onepass.library import CodecForm, ProgramForm, ResultForm, library
from custody.v1 import record_pb2

PIECE_BYTES: Final = 240_640
"""A file is read and fed in pieces of this many bytes (the last may be shorter): whole packets of a transport stream and
whole blocks of SHA-256, and few enough for the second-level cache."""


class _Digests(Sequence[bytes]):
    """Digests that lie one behind the other; an object for each only when somebody asks for it."""

    __slots__ = ("_raw",)

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def __len__(self) -> int:
        return len(self._raw) // 32

    @overload
    def __getitem__(self, at: int) -> bytes: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[bytes]: ...
    def __getitem__(self, at: int | slice) -> bytes | Sequence[bytes]:
        place = range(len(self))[at]
        if isinstance(place, range):
            return [self._raw[32 * one : 32 * one + 32] for one in place]
        return self._raw[32 * place : 32 * place + 32]


class _Found(NamedTuple):
    digests: Sequence[bytes]
    keys: Sequence[int]
    pictures: int
    ticks: int
    steps: int


class Pass:
    """Takes a file's bytes in order, as hashlib's sha256 does, and knows its pictures at the end; mutable, one owner."""

    def __init__(self, loaded: ctypes.CDLL, handle: int, clip: Callable[[_Found], Clip]) -> None:
        self._library = loaded
        self._handle = handle
        self._clip = clip
        self._result: ResultForm | None = None

    def __del__(self) -> None:
        self._library.onepass_free(self._handle)

    def update(self, data: bytes | memoryview) -> None:
        """Takes the next piece; all but the last of a multiple of PIECE_BYTES."""
        view = memoryview(data)
        if view.readonly:
            self._library.onepass_feed(self._handle, bytes(view), len(view))
        elif view:
            self._library.onepass_feed(self._handle, ctypes.byref(ctypes.c_char.from_buffer(view)), len(view))

    def digest(self) -> bytes:
        """SHA-256 of all pieces, 32 bytes; after it no more pieces."""
        return ctypes.string_at(ctypes.addressof(self._finished()), 32)

    def clip(self) -> tuple[Clip, record_pb2.Media] | None:
        """The clip and its media root, or None when the file is left to the reference. After it no more pieces."""
        result = self._finished()
        if result.declined:
            return None
        found = _Found(
            digests=_Digests(ctypes.string_at(result.digests, 32 * result.units)),
            keys=array("I", ctypes.string_at(result.keys, 4 * result.key_count)) if result.key_count else (),
            pictures=result.pictures,
            ticks=result.ticks,
            steps=result.steps,
        )
        root = ctypes.string_at(ctypes.addressof(result) + ResultForm.media_root.offset, 32)
        try:
            clip = self._clip(found)
        except MalformedError:  # a table of the index that is looked at last
            return None
        return clip, record_pb2.Media(media_root=root, units=result.units)

    def _finished(self) -> ResultForm:
        if self._result is None:
            result = ResultForm()
            self._library.onepass_finish(self._handle, ctypes.byref(result))
            self._result = result
        return self._result


def begin_pass(read: Read, size_bytes: int, *, init: bytes = b"") -> Pass | None:
    """A pass over the file of `size_bytes`, whose index is read through `read`; `init` as in `read_clip`.

    None where there is no library, or no picture to be hashed, or the index is damaged: what to say of that file is the
    reference's business.
    """
    loaded = library()
    if loaded is None:
        return None
    try:
        opened = open_container(Source(read=read, size_bytes=size_bytes), init)
        if isinstance(opened, Movie):
            return _through_movie(loaded, opened)
        if isinstance(opened, Program):
            return _through_program(loaded, opened)
    except MalformedError:
        pass
    return None


@functools.cache
def _codec(codec: int) -> CodecForm:
    classes, header_bytes = unit_classes(codec)
    return CodecForm(classes, header_bytes, MAX_UNITS)


def _through_movie(loaded: ctypes.CDLL, movie: Movie) -> Pass | None:
    if not movie.track.length_bytes:
        return None
    places, sizes = array("Q"), array("I")
    for run in movie.runs():
        if run.offset < 0:
            return None
        places.append(run.offset)
        places.append(len(run.sizes))
        sizes += array("I", run.sizes)
    if not sizes or max(sizes) > MAX_PICTURE_BYTES:
        return None
    handle = loaded.onepass_samples(
        ctypes.byref(_codec(movie.track.codec)),
        places.buffer_info()[0],
        len(places) // 2,
        sizes.buffer_info()[0],
        len(sizes),
        movie.track.length_bytes,
    )
    return Pass(loaded, handle, movie.clip) if handle else None


def _through_program(loaded: ctypes.CDLL, program: Program) -> Pass | None:
    form = ProgramForm(program.pid, program.pmt_pid, program.pat, program.pmt, program.packets, MAX_PICTURE_BYTES)
    handle = loaded.onepass_transport(ctypes.byref(_codec(program.codec)), ctypes.byref(form))
    if not handle:
        return None

    def clip(found: _Found) -> Clip:
        return transport_clip(program.codec, found, duration_us(found.ticks, found.steps))

    return Pass(loaded, handle, clip)
