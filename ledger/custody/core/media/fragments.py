"""Where the samples of a fragmented mp4 file lie (ISO/IEC 14496-12 section 8.8: `trex`, `moof`, `traf`, `tfhd`, `trun`)."""

import struct
from typing import Final, NamedTuple

from custody.core.errors import MalformedError
from custody.core.media.boxes import Box, Boxes, inner_boxes, unpack
from custody.core.media.limits import MAX_SAMPLES
from custody.core.media.runs import Run

_U32: Final = struct.Struct(">I")
_TREX: Final = struct.Struct(">4xI4xII")  # track, default duration, default size

_BASE_OFFSET, _DESCRIPTION, _DURATION, _SIZE, _FLAGS = 0x01, 0x02, 0x08, 0x10, 0x20
_BASE_IS_MOOF = 0x020000
_DATA_OFFSET, _FIRST_FLAGS = 0x001, 0x004
_SAMPLE_DURATION, _SAMPLE_SIZE, _SAMPLE_FLAGS, _SAMPLE_TIME = 0x100, 0x200, 0x400, 0x800


class Defaults(NamedTuple):
    """What a sample has when its run does not say (`trex`)."""

    duration: int = 0
    size: int = 0


NO_DEFAULTS: Final = Defaults()


def read_defaults(moov: Boxes, track: int) -> Defaults | None:
    """Defaults of `track`, or None when the file is not fragmented."""
    extends = moov.find(b"mvex")
    if extends is None:
        return None
    for kind, content in inner_boxes(extends):
        if kind == b"trex":
            number, duration, size = unpack(_TREX, content)
            if number == track:
                return Defaults(duration=duration, size=size)
    return NO_DEFAULTS


class Fragments:
    """Follows the fragments of one track through a file; mutable, one owner."""

    def __init__(self, track: int, defaults: Defaults) -> None:
        self._track = track
        self._defaults = defaults
        self._samples = 0
        self.duration = 0
        """Sum of the samples' durations so far, in the track's timescale."""

    def read(self, box: Box, moof: memoryview) -> list[Run]:
        """The track's samples of one `moof` box. Raises MalformedError ('media-box', 'media-oversize')."""
        runs: list[Run] = []
        end_of_previous = box.offset
        for kind, traf in inner_boxes(moof):
            if kind != b"traf":
                continue
            header = Boxes(traf).find(b"tfhd")
            if header is None:
                raise MalformedError("a fragment without header", code="media-box")
            found, end_of_previous = self._read_traf(traf, header, box.offset, end_of_previous)
            if unpack(_U32, header, 4)[0] == self._track:
                runs.extend(found)
        return runs

    def _read_traf(self, traf: memoryview, header: memoryview, moof: int, previous: int) -> tuple[list[Run], int]:
        flags, number = unpack(struct.Struct(">II"), header)
        flags &= 0xFFFFFF
        at = 8
        base = moof if flags & _BASE_IS_MOOF else previous
        if flags & _BASE_OFFSET:
            (base,) = unpack(struct.Struct(">Q"), header, at)
            at += 8
        at += 4 if flags & _DESCRIPTION else 0
        duration, size = self._defaults.duration, self._defaults.size
        if flags & _DURATION:
            (duration,) = unpack(_U32, header, at)
            at += 4
        if flags & _SIZE:
            (size,) = unpack(_U32, header, at)
        ours = number == self._track
        runs: list[Run] = []
        next_offset = base
        for kind, trun in inner_boxes(traf):
            if kind == b"trun":
                run, run_duration = self._read_trun(trun, base, next_offset, Defaults(duration=duration, size=size))
                next_offset = run.offset + sum(run.sizes)
                runs.append(run)
                if ours:
                    self.duration += run_duration
        return runs, next_offset

    def _read_trun(self, trun: memoryview, base: int, next_offset: int, defaults: Defaults) -> tuple[Run, int]:
        flags, count = unpack(struct.Struct(">II"), trun)
        flags &= 0xFFFFFF
        at = 8
        offset = next_offset
        if flags & _DATA_OFFSET:
            offset = base + unpack(struct.Struct(">i"), trun, at)[0]
            at += 4
        at += 4 if flags & _FIRST_FLAGS else 0
        self._samples += count
        if self._samples > MAX_SAMPLES:
            raise MalformedError(f"more than {MAX_SAMPLES} samples in one file", code="media-oversize")
        columns = [bit for bit in (_SAMPLE_DURATION, _SAMPLE_SIZE, _SAMPLE_FLAGS, _SAMPLE_TIME) if flags & bit]
        numbers = unpack(struct.Struct(f">{count * len(columns)}I"), trun, at)

        def column(bit: int, default: int) -> tuple[int, ...]:
            return numbers[columns.index(bit) :: len(columns)] if bit in columns else (default,) * count

        sizes = column(_SAMPLE_SIZE, defaults.size)
        return Run(offset, sizes), sum(column(_SAMPLE_DURATION, defaults.duration))
