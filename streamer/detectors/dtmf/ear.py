"""One channel's frames in, what is told of its digits out: what the detector calls, compiled in one piece.

LEAD      the next frames: keep them, and find which pairs lead; where nothing is to be asked, that is all
FOLLOW    these frames once more, now with samples: ask, decide, tell
FINISH    the signal ends or breaks
"""

# numba infers types:
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

from streamer.detectors.dtmf.figures import write_figures
from streamer.detectors.dtmf.grammar import State, finish, follow_runs
from streamer.detectors.dtmf.leaders import MIN_LEAD_FRAMES
from streamer.detectors.dtmf.loops import find_leaders, find_runs
from streamer.detectors.dtmf.pairs import NO_PAIR
from streamer.detectors.dtmf.records import FINISH, KEEP, LEAD, RUN_PAIR, RUN_STOP, RUN_WORTHY, Signal, Tools
from streamer.detectors.hearing.spectra_loops import loop


@loop
def hear(
    values, samples, rows, channels, candidates, rejections,
    limits, lead_figures, is_wanted, waves, pairs, runs, told,
    turns, desk, envelopes, scratch, bursts, found, small, weighed, mended_rows, mended_samples,
    action, n_runs, first_row, n_rows, first_sample,
):  # fmt: skip
    """What `action` says. LEAD: how many runs are to be followed, 0 where that is done: nothing was to be asked, and
    nothing is told. FOLLOW and FINISH: how many are told.

    values: (rows, 8), of which n_rows from first_row on are these frames   samples: the first of them first_sample
    What a channel keeps, what its detector is, and where it works: records.py
    """
    channel = channels[0]
    if action in (LEAD, KEEP):
        _append(values, first_row, n_rows, rows, channel, limits[0].kept_frames)
        if action == KEEP:
            return 0
        find_leaders(values[first_row : first_row + n_rows], lead_figures, is_wanted, pairs)
        n_runs = find_runs(pairs, n_rows, runs)
        if is_something_to_ask(channel, runs, n_runs, channel.stop_frame - n_rows):
            return n_runs
    signal = Signal(
        rows,
        channel.stop_column - channel.stop_frame,
        samples,
        first_sample,
        samples.size,
        channel.begin_frame,
    )
    tools = Tools(
        turns, desk, envelopes, scratch, bursts, found, small, weighed, waves, mended_rows, mended_samples
    )
    state = State(channels, candidates, told, rejections, limits, signal, tools)
    channel.n_told = 0
    if action == FINISH:
        finish(state, channel.stop_frame - 1)
    else:
        follow_runs(state, runs, n_runs, channel.stop_frame - n_rows)
    write_figures(told, channel.n_told, limits[0])
    return channel.n_told


@loop
def is_something_to_ask(channel, runs, n_runs, first_frame):
    """Whether samples may be needed: a candidate is open, or a pair leads for long enough to become one.

    The first run may go on with what led before: however frames are cut, it is one.
    """
    if channel.n_open > 0:
        return True
    for n in range(n_runs):
        if runs[RUN_WORTHY, n] != 0:
            return True
    goes_on = runs[RUN_PAIR, 0] != NO_PAIR and runs[RUN_PAIR, 0] == channel.lead
    return goes_on and first_frame + runs[RUN_STOP, 0] - channel.lead_since >= MIN_LEAD_FRAMES


@loop
def _append(values, first, n, rows, channel, kept_frames):
    """Keep these frames too, in the columns after the last ones."""
    if channel.stop_column + n > rows.shape[1]:
        kept = min(kept_frames, channel.stop_column)
        for band in range(rows.shape[0]):
            for i in range(kept):
                rows[band, i] = rows[band, channel.stop_column - kept + i]
        channel.stop_column = kept
    for i in range(n):
        for band in range(rows.shape[0]):
            rows[band, channel.stop_column + i] = values[first + i, band]
    channel.stop_column += n
    channel.stop_frame += n
