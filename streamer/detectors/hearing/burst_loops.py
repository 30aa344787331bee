"""When tones start and stop, compiled: no call of Python's, no memory of its own. bursts.py says what things mean."""

# numba infers types:
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

import math

from streamer.detectors.hearing.places import HOLES, LEVELS, N_FRAMES, N_HOLES, N_TONES, ORIGIN, STARTS, STOPS
from streamer.detectors.hearing.spectra_loops import loop, sort


@loop
def find_plateau(rows, row, first, stop, scratch):
    """A tone's amplitude, from an envelope that holds its edges and holes too: the mean of the upper half."""
    n = stop - first
    for i in range(n):
        scratch[i] = rows[row, first + i]
    sort(scratch, 0, n)
    total = 0.0
    for i in range(n // 2, n):
        total += scratch[i]
    return total / (n - n // 2)


@loop
def rising_edge(rows, row, at, level):
    """Where the envelope last rose through level before index `at`; -1: before the envelope began."""
    for i in range(at - 1, -1, -1):
        if rows[row, i] < level:
            return i + (level - rows[row, i]) / (rows[row, i + 1] - rows[row, i])
    return -1.0


@loop
def falling_edge(rows, row, n, at, level):
    """Where the envelope next falls through level after index `at`; its length: it has not fallen yet."""
    for i in range(at + 1, n):
        if rows[row, i] < level:
            return i - (level - rows[row, i]) / (rows[row, i - 1] - rows[row, i])
    return float(n)


@loop
def find_burst(rows, n_tones, n, led_from, led_stop, max_hole_frames, scratch, burst):
    """The newest burst in the amplitudes rows[:n_tones, :n], all of whose tones are there in [led_from, led_stop).

    rows: (n_tones + 1, at least n), scaled in place; the last becomes the least of the others
    scratch: (at least n,)   burst: written as places.py says   Gives 0 when there is none, else 1.
    """
    for tone in range(n_tones):
        level = max(find_plateau(rows, tone, led_from, min(led_stop, n), scratch), 1e-12)
        burst[LEVELS + tone] = level
        for i in range(n):
            rows[tone, i] /= level
    for i in range(n):
        least = rows[0, i]
        for tone in range(1, n_tones):
            least = min(least, rows[tone, i])
        rows[n_tones, i] = least
    last = n - 1
    while last >= 0 and not rows[n_tones, last] >= 0.5:
        last -= 1
    if last < 0:
        return 0
    first = last
    while first > 0 and rows[n_tones, first - 1] >= 0.5:
        first -= 1
    first = _bridge_holes(rows, n_tones, n, first, max_hole_frames, burst)
    for tone in range(n_tones):
        burst[STARTS + tone] = rising_edge(rows, tone, first, 0.5)
        burst[STOPS + tone] = falling_edge(rows, tone, n, last, 0.5)
    if n_tones == 1:  # both alike
        for side in (STARTS, STOPS, LEVELS):
            burst[side + 1] = burst[side]
    burst[ORIGIN], burst[N_FRAMES], burst[N_TONES] = 0, n, n_tones
    return 1


@loop
def _bridge_holes(rows, row, n, first, max_hole_frames, burst):
    """The first index of the oldest of the pieces that belong to the newest, which begins at `first`."""
    start, n_holes = rising_edge(rows, row, first, 0.5), 0
    before = first - 1
    while before >= 0:
        while before >= 0 and not rows[row, before] >= 0.5:
            before -= 1
        if before < 0:
            break
        hole_start = falling_edge(rows, row, n, before, 0.5)
        if start - hole_start > max_hole_frames:
            break
        burst[HOLES + 2 * n_holes], burst[HOLES + 2 * n_holes + 1] = hole_start, start
        n_holes += 1
        while before > 0 and rows[row, before - 1] >= 0.5:
            before -= 1
        first, start = before, rising_edge(rows, row, before, 0.5)
        before -= 1
    burst[N_HOLES] = n_holes
    return first


@loop
def step_response(frames, frames_per_window):
    """What a Hann frame sees of a tone of amplitude 1 that started so many frames before its centre."""
    u = frames * (1 / frames_per_window)
    if u >= 0.5:
        return 1.0
    if u <= -0.5:
        return 0.0
    return 0.5 + u + math.sin(2 * math.pi * u) * (0.5 / math.pi)


@loop
def extend_to_end(rows, burst, frames_per_window):
    """Of a signal that ends: a tone still on in the newest frame lasted as long as that frame shows."""
    newest = int(burst[N_FRAMES]) - 1
    for tone in range(int(burst[N_TONES])):
        if burst[STOPS + tone] > newest:
            burst[STOPS + tone] = newest + _find_step(rows[tone, newest], frames_per_window)
    if burst[N_TONES] == 1:
        burst[STOPS + 1] = burst[STOPS]


@loop
def _find_step(shown, frames_per_window):
    """Where step_response is so much, by straight lines between 65 of its points."""
    a, a_shown = -0.5 * frames_per_window, 0.0
    if shown <= a_shown:
        return a
    for k in range(1, 65):
        b = (k / 64 - 0.5) * frames_per_window
        b_shown = step_response(b, frames_per_window)
        if shown < b_shown:
            return a + (b - a) * (shown - a_shown) / (b_shown - a_shown)
        a, a_shown = b, b_shown
    return a


@loop
def longest_hole(burst):
    longest = 0.0
    for hole in range(int(burst[N_HOLES])):
        longest = max(longest, burst[HOLES + 2 * hole + 1] - burst[HOLES + 2 * hole])
    return longest


@loop
def longest_piece(burst):
    """Of those between its holes."""
    longest, stop = 0.0, min(burst[STOPS], burst[STOPS + 1])
    for hole in range(int(burst[N_HOLES])):  # the newest first
        longest = max(longest, stop - burst[HOLES + 2 * hole + 1])
        stop = burst[HOLES + 2 * hole]
    return max(longest, stop - max(burst[STARTS], burst[STARTS + 1]))
