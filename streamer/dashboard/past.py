"""The past that memory does not hold: a history on disk, read by this process as it is asked for, a piece at a time."""

from __future__ import annotations

import math
from collections import OrderedDict
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from streamer.base.units import db_from_powers
from streamer.history.lines import find_offsets_db
from streamer.history.read import MINUTE_S, find_extent, read_lines

PIECE_LINES = 600  # read at once
KEPT_PIECES = 12
LOWEST_CODE, HIGHEST_CODE = 1, 255
Codes = NDArray[np.uint8]


class Past:
    """Lines of the bands that are shown. ahead_s: what is added to stream time for unix time; None: not known"""

    def __init__(self, folder: str, freqs_hz: list[float], *, offset_db: float, code_of_0_dbfs: int) -> None:
        """offset_db: added to what is shown, and so no part of it"""
        self._folder, self._freqs_hz = Path(folder), list(freqs_hz)
        self._offset_db, self._code_of_0 = offset_db, code_of_0_dbfs
        self.ahead_s: float | None = None
        self._pieces: OrderedDict[tuple[int, int, int], Codes] = OrderedDict()

    def __deepcopy__(self, _memo: dict[int, Any]) -> Self:
        return self  # what is on disk is the same for a picture that is frozen

    def forget(self) -> None:
        """What was read: there may be more by now."""
        self._pieces.clear()

    def find_begin_s(self) -> float | None:
        """Stream time of the oldest line, below 0 for what was before this run; None where there is none."""
        if self.ahead_s is None:
            return None
        try:
            extent = find_extent(self._folder)
        except OSError:
            return None
        return None if extent is None else extent[0] - self.ahead_s

    def read(self, line_s: float, first: int, lines: int, channel: int) -> Codes | None:
        """(lines, bands) from this line of stream time on, 0 where nothing was measured; None without a clock."""
        if self.ahead_s is None:
            return None
        step_s = MINUTE_S if line_s >= MINUTE_S else 1
        middles_s = self.ahead_s + (np.arange(first, first + lines) + 0.5) * line_s
        numbers = np.floor(middles_s / step_s).astype(np.int64)
        found = np.zeros((lines, len(self._freqs_hz)), np.uint8)
        for piece in range(int(numbers[0]) // PIECE_LINES, int(numbers[-1]) // PIECE_LINES + 1):
            here = numbers // PIECE_LINES == piece
            found[here] = self._find_piece(step_s, piece, channel)[numbers[here] % PIECE_LINES]
        return found

    def _find_piece(self, step_s: int, piece: int, channel: int) -> Codes:
        key = step_s, piece, channel
        if key not in self._pieces:
            self._pieces[key] = self._read_piece(step_s, piece, channel)
            while len(self._pieces) > KEPT_PIECES:
                self._pieces.popitem(last=False)
        self._pieces.move_to_end(key)
        return self._pieces[key]

    def _read_piece(self, step_s: int, piece: int, channel: int) -> Codes:
        """Of the lines whose bands are those that are shown; the loudest where several are of one time."""
        codes = np.zeros((PIECE_LINES, len(self._freqs_hz)), np.uint8)
        begin_s = piece * PIECE_LINES * step_s
        try:
            for stretch in read_lines(
                self._folder,
                since_s=begin_s,
                until_s=begin_s + PIECE_LINES * step_s,
                is_coarse=step_s == MINUTE_S,
            ):
                header = stretch.header
                if header.freqs_hz != self._freqs_hz or channel >= header.channels:
                    continue
                beside_db = np.array(find_offsets_db(header)[channel]) - self._offset_db
                levels = db_from_powers(2.0 * stretch.max_power[:, channel].astype(np.float64)) + beside_db
                rows = (stretch.starts_s - begin_s) // step_s
                is_here = (rows >= 0) & (rows < PIECE_LINES)
                told = np.clip(np.rint(levels) + self._code_of_0, LOWEST_CODE, HIGHEST_CODE).astype(np.uint8)
                np.maximum.at(codes, rows[is_here], told[is_here])
        except (OSError, ValueError):  # a disk that has gone: then the past ends where memory does
            pass
        return codes


def count_lines(begin_s: float, line_s: float) -> int:
    """Lines before stream time 0."""
    return max(0, math.ceil(-begin_s / line_s))
