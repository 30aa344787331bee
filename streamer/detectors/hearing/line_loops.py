"""The compiled loops of hearing: values of frames in, notes of the tones in them out.

In every frame the lines are found that stand over the noise and are no spur of a louder one. Where one goes on from
frame to frame it is a tone, and has a row in `tones`:

    free -> rising       a line stands where none was
    rising -> settled    it stands full in the window: its level is known, and so is where it rose through half of that
    settled              followed: frames in which its window was full are summed up, so many frames late that its
                         end is known
    settled -> free      under half its level, or no line of its own, for longer than a hole
    settled -> rising    suddenly twice its level: that is another tone

What is said of a tone's start depends on the frames from a window and a half before it to LATE frames after; of its
stop likewise. Nothing else is remembered but which rows are on.

The arrays are those of line_fields.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from streamer.detectors.hearing.line_fields import (
    AROUND,
    AT,
    BEGINS,
    CLEAR,
    COLUMNS,
    EVERY,
    FALLING,
    FIRST,
    FLAT,
    FOLLOW,
    FRAMES_PER_WINDOW,
    FREE,
    FROM,
    GOES_ON,
    GONE,
    HOLE,
    ID,
    LATE,
    LEVEL,
    MOST_LINES,
    NEXT,
    NOISE,
    NOTE_AT,
    NOTE_FRAME,
    NOTE_FULL,
    NOTE_ID,
    NOTE_KIND,
    NOTE_NOISE,
    NOTE_OTHER,
    NOTE_OTHER2,
    NOTE_POWER,
    NOTE_START,
    NOTE_STOP,
    NOTE_SWELL,
    NOTE_TURNS,
    OFF,
    OPEN,
    OTHER,
    OTHER2,
    POWER,
    POWER2,
    REACH,
    RING,
    RISES,
    RISING,
    RISING_REACH,
    ROWS,
    SEEN,
    SETTLE,
    SETTLE_MOST,
    SETTLED,
    SHORTEST,
    SPUR,
    START,
    STATE,
    STAYS,
    STOPS,
    STRAY,
    STRAYED,
    TOLD,
    TOPS,
    TURN,
    TURN2,
    N,
)
from streamer.detectors.hearing.spectra_loops import find_shift

Past = tuple[NDArray[np.complex64], NDArray[np.float32], NDArray[np.float32]]  # ring, noise, top


@njit(nogil=True)
def _gain(off: float) -> float:
    """Power that a line keeps so many bands beside the one it is read at."""
    x = abs(off)
    if x < 1e-6:
        return 1.0
    if abs(x - 1) < 1e-6:
        return 0.25
    gain = math.sin(math.pi * x) / (math.pi * x) / (1 - x * x)
    return gain * gain


@njit(nogil=True)
def _read(ring: NDArray[np.complex64], frame: int, at: float) -> float:
    """The power in a frame of a tone at `at`."""
    band = min(max(math.floor(at + 0.5), 0), ring.shape[1] - 1)
    value = ring[frame % RING, band]
    power = value.real * value.real + value.imag * value.imag
    return power / max(_gain(at - band), 0.2)


@njit(nogil=True)
def _weigh(
    values: NDArray[np.complex64],
    kept: NDArray[np.complex64],
    power: NDArray[np.float32],
    noise: NDArray[np.float32],
) -> float:
    """Keep a frame, fill its power and noise; its strongest band.

    Noise is the geometric mean around, which lines hardly move.
    """
    n = values.size
    most = np.float32(0.0)
    for i in range(n):
        kept[i] = values[i]
        p = values[i].real * values[i].real + values[i].imag * values[i].imag + np.float32(1e-30)
        power[i] = p
        most = max(most, p)
    total = 0.0
    for i in range(min(AROUND, n)):
        total += math.log(power[i])
    low, high = 0, min(AROUND, n)
    for i in range(n):
        if high < n and high <= i + AROUND:
            total += math.log(power[high])
            high += 1
        if low < i - AROUND:
            total -= math.log(power[low])
            low += 1
        noise[i] = math.exp(total / (high - low)) * 1.781  # of the mean of squares: e to Euler's constant
    return float(most)


@njit(nogil=True)
def _find_lines(
    power: NDArray[np.float32],
    noise: NDArray[np.float32],
    most: float,
    lines: NDArray[np.float64],
    top: NDArray[np.float32],
) -> int:
    """Fill lines with place and power of each that stays, ascending, and top with the strongest; how many."""
    n_lines = 0
    for j in range(2 * TOPS):
        top[j] = 0
    for i in range(1, power.size - 1):
        p = power[i]
        if p < power[i - 1] or p <= power[i + 1] or p < most * SPUR or p < STAYS * noise[i]:
            continue
        shift = find_shift(power[i - 1], p, power[i + 1])
        full = p / _gain(shift)
        if n_lines < MOST_LINES:
            lines[n_lines, 0] = i + shift
            lines[n_lines, 1] = full
            lines[n_lines, 2] = 1.0 if p >= OPEN * noise[i] else 0.0
            n_lines += 1
        at, place = np.float32(i + shift), np.float32(full)
        for j in range(TOPS):
            if place > top[2 * j + 1]:
                at, top[2 * j] = top[2 * j], at
                place, top[2 * j + 1] = top[2 * j + 1], place
    return n_lines


@njit(nogil=True)
def _nearest(lines: NDArray[np.float64], n_lines: int, at: float, reach: float) -> int:
    """The line nearest to `at` that no tone has, or -1."""
    found, best = -1, reach
    for i in range(n_lines):
        off = abs(lines[i, 0] - at)
        if off <= best and lines[i, 1] > 0:
            found, best = i, off
    return found


@njit(nogil=True)
def _strongest(lines: NDArray[np.float64], n_lines: int, at: float, reach: float) -> int:
    """The strongest line near `at` that no tone has, or -1."""
    found, most = -1, 0.0
    for i in range(n_lines):
        if abs(lines[i, 0] - at) <= reach and lines[i, 1] > most:
            found, most = i, lines[i, 1]
    return found


@njit(nogil=True)
def _add(
    tone: NDArray[np.float64],
    frame: int,
    first_bin: int,
    past: Past,
) -> None:
    """Sum up a frame that is full of the tone, as the one before it is."""
    ring, noise, top = past
    band = min(max(math.floor(tone[AT] + 0.5), 0), ring.shape[1] - 1)
    now, before = ring[frame % RING, band], ring[(frame - 1) % RING, band]
    turn = now * before.conjugate()
    # a line in bin k turns by k / FRAMES_PER_WINDOW from frame to frame
    turned = math.atan2(turn.imag, turn.real) / (2 * math.pi) - (first_bin + band) / FRAMES_PER_WINDOW
    at = band + (turned - math.floor(turned + 0.5)) * FRAMES_PER_WINDOW
    power = _read(ring, frame, tone[AT])
    tone[N] += 1
    tone[TURN] += at
    tone[TURN2] += at * at
    tone[POWER] += power
    tone[POWER2] += power * power
    tone[NOISE] += noise[frame % RING, band]
    n_others = 0
    for j in range(TOPS):
        other = top[frame % RING, 2 * j + 1]
        if other > 0 and abs(top[frame % RING, 2 * j] - tone[AT]) > CLEAR:
            if n_others == 0:
                tone[OTHER] += other
            elif n_others == 1:
                tone[OTHER2] += other
            n_others += 1


@njit(nogil=True)
def _half(at: float, level: float) -> float:
    """The amplitude that a tone of this power shows in a frame centred on its edge: half of it, or more off its band.

    What a window of which half is filled sees of a line so many bands off, over what a whole one sees: a fit to 1e-5.
    """
    off2 = (at - math.floor(at + 0.5)) ** 2
    return math.sqrt(level) * (0.5 + off2 * (0.21753 + 0.07387 * off2))


@njit(nogil=True)
def _cross(ring: NDArray[np.complex64], frame: int, at: float, half: float) -> float:
    """Where between frame - 1 and frame a tone's amplitude passes `half`."""
    before, after = math.sqrt(_read(ring, frame - 1, at)), math.sqrt(_read(ring, frame, at))
    step = after - before
    return frame - 1 + min(max((half - before) / step, 0.0), 1.0) if step != 0 else frame - 0.5


@njit(nogil=True)
def _settle(
    tone: NDArray[np.float64],
    frame: int,
    level: float,
    oldest: int,
    ring: NDArray[np.complex64],
) -> None:
    """Its level is known: find where it rose through half the amplitude, no further back than frame `oldest`."""
    half = _half(tone[AT], level)
    first = max(int(tone[FIRST]) - FRAMES_PER_WINDOW, oldest, frame - RING + 2)
    at = frame
    while at > first and _read(ring, at, tone[AT]) < half * half:  # to where it is on
        at -= 1
    while at > first and _read(ring, at, tone[AT]) >= half * half:
        at -= 1
    tone[START] = _cross(ring, at + 1, tone[AT], half) if at > first or at == first else at
    tone[STATE], tone[LEVEL] = SETTLED, level
    tone[FROM] = math.ceil(tone[START] + FRAMES_PER_WINDOW / 2)
    tone[NEXT] = tone[FROM] + 1


@njit(nogil=True)
def _note(
    tone: NDArray[np.float64], frame: int, kind: float, stop: float, notes: NDArray[np.float64], n: int
) -> int:
    """Write a note of what is known of it; the number of notes then."""
    count = max(tone[N], 1.0)
    row = notes[n]
    at, power = tone[TURN] / count, tone[POWER] / count
    if tone[N] == 0:
        at, power = tone[AT], tone[LEVEL]
    row[NOTE_FRAME], row[NOTE_KIND], row[NOTE_ID] = frame, kind, tone[ID]
    row[NOTE_START], row[NOTE_STOP], row[NOTE_FULL] = tone[START], stop, tone[N]
    row[NOTE_AT], row[NOTE_POWER], row[NOTE_NOISE] = at, power, tone[NOISE] / count
    row[NOTE_OTHER], row[NOTE_OTHER2] = tone[OTHER] / count, tone[OTHER2] / count
    row[NOTE_TURNS] = math.sqrt(max(tone[TURN2] / count - at * at, 0.0))
    row[NOTE_SWELL] = (
        math.sqrt(max(tone[POWER2] / count - power * power, 0.0)) / power if tone[N] > 0 else 0.0
    )
    return n + 1


@njit(nogil=True)
def _sum_up(
    tone: NDArray[np.float64],
    stop: int,
    first_bin: int,
    past: Past,
) -> None:
    """Frames before `stop`; one in the middle, if it is too short to fill any."""
    while tone[NEXT] < stop:
        _add(tone, int(tone[NEXT]), first_bin, past)
        tone[NEXT] += 1
        if tone[N] == 2:  # its phase tells better where it is than its rise among others
            at = 0.5 * tone[TURN]
            if abs(at - tone[AT]) < 1:
                tone[AT] = at


@njit(nogil=True)
def _close(
    tone: NDArray[np.float64],
    frame: int,
    stop: float,
    first_bin: int,
    past: Past,
    notes: NDArray[np.float64],
    n: int,
) -> int:
    """It is over: note that, if there was enough of it or it was told to begin; the number of notes then."""
    _sum_up(tone, math.floor(stop - FRAMES_PER_WINDOW / 2) + 1, first_bin, past)
    if tone[N] == 0 and (stop - tone[START] >= SHORTEST or tone[TOLD] >= 0):
        tone[NEXT] = math.floor((tone[START] + stop) / 2)
        _add(tone, int(tone[NEXT]), first_bin, past)
    tone[STATE] = FREE
    return _note(tone, frame, STOPS, stop, notes, n) if tone[N] > 0 else n


@njit(nogil=True)
def _rise(
    tone: NDArray[np.float64],
    frame: int,
    oldest: int,
    ring: NDArray[np.complex64],
    line: float,
) -> bool:
    """One more frame of a tone that has not settled; False when it is gone. line: its place, or -1"""
    now = _read(ring, frame, tone[AT])
    if line >= 0:
        tone[STRAYED] = 0
        there = _read(ring, frame, line)
        if (
            now > tone[LEVEL] or FALLING * there >= tone[LEVEL]
        ):  # what follows a neighbour comes from its place
            tone[AT] = line
            now = there
    else:
        tone[STRAYED] += 1
    tone[LEVEL] = max(tone[LEVEL], now)
    age = frame - tone[FIRST]
    if tone[STRAYED] > STRAY or now < tone[LEVEL] / GONE:
        if age >= 3:
            _settle(tone, frame, tone[LEVEL], oldest, ring)
        return False
    before = _read(ring, frame - 1, tone[AT])
    is_flat = now <= before * FLAT and before <= now * FLAT
    if (age >= SETTLE and is_flat) or age >= SETTLE_MOST:
        _settle(tone, frame, (now + before + _read(ring, frame - 2, tone[AT])) / 3, oldest, ring)
    return True


@njit(nogil=True)
def _follow(tone: NDArray[np.float64], frame: int, ring: NDArray[np.complex64], line: float) -> bool:
    """One more frame of a settled tone; False when it is over, or another has begun. line: its place, or -1"""
    now = _read(ring, frame, tone[AT])
    tone[STRAYED] = 0 if line >= 0 else tone[STRAYED] + 1
    half = _half(tone[AT], tone[LEVEL])
    is_on = now >= half * half
    if not is_on or tone[STRAYED] > STRAY:
        if tone[OFF] < 0:
            tone[OFF] = frame - STRAY - 0.5 if is_on else _cross(ring, frame, tone[AT], half)
        return frame - tone[OFF] <= HOLE and tone[STRAYED] <= STRAY
    if tone[OFF] >= 0:  # a hole
        tone[OFF] = -1
        tone[FROM] = frame + FRAMES_PER_WINDOW // 2
        tone[NEXT] = max(tone[NEXT], tone[FROM] + 1)
    if now > 4 * tone[LEVEL]:
        tone[OFF] = frame - 0.5
        return False
    full = frame - LATE
    if full >= tone[FROM]:
        tone[LEVEL] += FOLLOW * (_read(ring, full, tone[AT]) - tone[LEVEL])
        if line >= 0:
            tone[AT] += FOLLOW * (line - tone[AT])
    return True


@njit(nogil=True)
def _begin(tones: NDArray[np.float64], frame: int, at: float, power: float, book: NDArray[np.int64]) -> None:
    for i in range(ROWS):
        if tones[i, STATE] == FREE:
            tone = tones[i]
            for j in range(COLUMNS):
                tone[j] = 0
            book[0] += 1
            tone[STATE], tone[AT], tone[FIRST], tone[LEVEL], tone[ID] = RISING, at, frame, power, book[0]
            tone[OFF], tone[START], tone[TOLD] = -1, frame, -1
            return


@njit(nogil=True)
def _step(
    tones: NDArray[np.float64],
    frame: int,
    oldest: int,
    first_bin: int,
    past: Past,
    lines: NDArray[np.float64],
    n_lines: int,
    notes: NDArray[np.float64],
    n: int,
) -> int:
    """The tones that are there, in one more frame; the number of notes then."""
    ring = past[0]
    for i in range(ROWS):
        tone = tones[i]
        if tone[STATE] == FREE:
            continue
        if tone[STATE] == RISING:  # in part of a window, its line is broad and may stand anywhere near
            found = _strongest(lines, n_lines, tone[AT], RISING_REACH)
        else:
            found = _nearest(lines, n_lines, tone[AT], REACH)
        line = lines[found, 0] if found >= 0 else -1.0
        if tone[STATE] == RISING:
            goes_on = _rise(tone, frame, oldest, ring, line)
            if not goes_on and tone[STATE] == SETTLED:
                half = _half(tone[AT], tone[LEVEL])
                at = frame
                while at > tone[START] and _read(ring, at - 1, tone[AT]) < half * half:
                    at -= 1
                stop = (
                    _cross(ring, at, tone[AT], half)
                    if _read(ring, at, tone[AT]) < half * half
                    else frame - 1.0
                )
                n = _close(tone, frame, stop, first_bin, past, notes, n)
            elif goes_on and tone[STATE] == SETTLED:
                _sum_up(tone, frame + 1, first_bin, past)
                n = _note(tone, frame, BEGINS, float(frame), notes, n)
                tone[TOLD] = frame
            elif goes_on and frame - tone[FIRST] == SEEN:
                n = _note(tone, frame, RISES, float(frame), notes, n)
        else:
            goes_on = _follow(tone, frame, ring, line)
            if not goes_on:
                n = _close(tone, frame, tone[OFF], first_bin, past, notes, n)
            else:
                if tone[OFF] < 0:
                    _sum_up(tone, frame - LATE + 1, first_bin, past)
                if frame - tone[TOLD] >= EVERY:
                    n = _note(tone, frame, GOES_ON, float(frame), notes, n)
                    tone[TOLD] = frame
        if found >= 0 and goes_on:
            lines[found, 1] = -1  # taken
        if not goes_on:
            tone[STATE] = FREE
    return n


@njit(nogil=True)
def follow_tones(
    values: NDArray[np.complex64],
    first_frame: int,
    first_bin: int,
    oldest: int,
    ring: NDArray[np.complex64],
    noise: NDArray[np.float32],
    top: NDArray[np.float32],
    power: NDArray[np.float32],
    lines: NDArray[np.float64],
    tones: NDArray[np.float64],
    book: NDArray[np.int64],
    notes: NDArray[np.float64],
) -> int:
    """Hear frames first_frame, ... as long as notes has room for them; how many notes. book[1] is how many frames.

    first_bin: of the window, where the first band is   oldest: the first frame of the unbroken signal
    power (bands,) and lines (MOST_LINES, 3) are scratch
    """
    n = 0
    book[1] = 0
    past = (ring, noise, top)
    for k in range(values.shape[0]):
        if n + 2 * ROWS > notes.shape[0]:
            break
        frame = first_frame + k
        row = frame % RING
        most = _weigh(values[k], ring[row], power, noise[row])
        n_lines = _find_lines(power, noise[row], most, lines, top[row])
        n = _step(tones, frame, oldest, first_bin, past, lines, n_lines, notes, n)
        for i in range(n_lines):
            if lines[i, 1] > 0 and lines[i, 2] > 0:
                _begin(tones, frame, lines[i, 0], lines[i, 1], book)
        book[1] += 1
    return n
