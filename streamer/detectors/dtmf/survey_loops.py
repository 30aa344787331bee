"""Which of thousands of channels have anything that could become a digit, compiled."""

# numba infers types:
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

from streamer.detectors.dtmf.loops import find_leaders
from streamer.detectors.hearing.spectra_loops import loop


@loop
def survey(stored, first_row, n_frames, limits, is_wanted, frame, pair, found):
    """found: the channels in which a pair leads any of the frames, ascending; how many there are.

    stored: (channels, rows, 8) complex64, the frames in n_frames rows from first_row on, the first row after the last
    frame, pair: scratch, (1, 8) complex64 and (1,) int64   limits, is_wanted: as find_leaders has them
    """
    n_found = 0
    for channel in range(stored.shape[0]):
        row = first_row
        for _ in range(n_frames):
            for band in range(8):
                frame[0, band] = stored[channel, row, band]
            row += 1
            if row == stored.shape[1]:
                row = 0
            find_leaders(frame, limits, is_wanted, pair)
            if pair[0] >= 0:
                found[n_found] = channel
                n_found += 1
                break
    return n_found
