"""The compiled library: found, checked and described to ctypes (clients/native/onepass.h)."""

import ctypes
import functools
import logging
from pathlib import Path
from typing import Final

LIBRARY: Final = Path(__file__).with_name("onepass.so")
"""Where the build puts it (clients/native/build.py)."""
VERSION: Final = 1
"""Of the functions and structures below; one that was built from other sources is not used."""

_LOG: Final = logging.getLogger("custody.recorder")


class CodecForm(ctypes.Structure):
    """`struct onepass_codec`."""

    _fields_ = (
        ("classes", ctypes.c_char_p),
        ("header_bytes", ctypes.c_uint32),
        ("units_at_most", ctypes.c_uint64),
    )


class ProgramForm(ctypes.Structure):
    """`struct onepass_program`."""

    _fields_ = (
        ("pid", ctypes.c_uint32),
        ("pmt_pid", ctypes.c_uint32),
        ("pat", ctypes.c_char_p),
        ("pmt", ctypes.c_char_p),
        ("skip_packets", ctypes.c_uint64),
        ("packet_bytes_at_most", ctypes.c_uint64),
    )


class ResultForm(ctypes.Structure):
    """`struct onepass_result`."""

    _fields_ = (
        ("sha256", ctypes.c_char * 32),
        ("media_root", ctypes.c_char * 32),
        ("declined", ctypes.c_uint32),
        ("digests", ctypes.c_void_p),
        ("units", ctypes.c_uint64),
        ("keys", ctypes.c_void_p),
        ("key_count", ctypes.c_uint64),
        ("pictures", ctypes.c_uint64),
        ("ticks", ctypes.c_uint64),
        ("steps", ctypes.c_uint64),
    )


@functools.cache
def library() -> ctypes.CDLL | None:
    """The library, or None where it was not built or the processor has no instructions for SHA-256.

    Its functions release the interpreter's lock, as all that ctypes calls.
    """
    try:
        loaded = ctypes.CDLL(str(LIBRARY))
        version, available = loaded.onepass_version(), loaded.onepass_available()
    except (OSError, AttributeError):
        _LOG.debug("no compiled library %s", LIBRARY)
        return None
    if version != VERSION:
        _LOG.warning("%s is of version %d, wanted is %d: it is not used; install again", LIBRARY, version, VERSION)
        return None
    if not available:
        return None
    size, pointer = ctypes.c_size_t, ctypes.c_void_p
    loaded.onepass_samples.argtypes = (ctypes.POINTER(CodecForm), pointer, size, pointer, size, ctypes.c_uint32)
    loaded.onepass_samples.restype = pointer
    loaded.onepass_transport.argtypes = (ctypes.POINTER(CodecForm), ctypes.POINTER(ProgramForm))
    loaded.onepass_transport.restype = pointer
    loaded.onepass_feed.argtypes = (pointer, pointer, size)
    loaded.onepass_feed.restype = None
    loaded.onepass_finish.argtypes = (pointer, ctypes.POINTER(ResultForm))
    loaded.onepass_finish.restype = None
    loaded.onepass_free.argtypes = (pointer,)
    loaded.onepass_free.restype = None
    return loaded
