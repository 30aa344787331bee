"""What was measured: levels of now, peaks, statistics since they were reset, and the history in three paces.

Bar, number and loudest are one level, with 125 ms time weighting (IEC 61672-1, F), of one instant. The peak is the
largest level of a frame, unweighted, and falls as IEC 60268-10 has it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamer.base.units import db_from_powers, powers_from_db
from streamer.dashboard.messages import Scene, Snapshot
from streamer.dashboard.past import Past, count_lines

WEIGHTING_S = 0.125
NUMBER_S = 0.25  # digits that change faster cannot be read
PEAK_HELD_S = 2.0
PEAK_FALL_DB_PER_S = 12.0
LEAD_DB, LEAD_S = 1.0, 0.5  # what another band must lead by, and for how long, to be the loudest
LEAD_AT_ONCE_DB = 8.0  # or so much, when the numbers are read: nobody takes it for the loudest any more

CODE_OF_0_DBFS = 200  # history keeps whole decibels in a byte
NOT_MEASURED = 0  # below every level, so that a maximum passes over it
BASES = ((0.1, 512), (1.0, 3600), (60.0, 1440))  # seconds a line, and how many are kept
PACES = (
    (0.1, 0, 1),
    (0.2, 0, 2),
    (1.0, 1, 1),
    (10.0, 1, 10),
    (60.0, 2, 1),
)  # seconds; of which base, how many
KEPT_GAPS = 64
SHARE_STEP_DB, SHARE_LOWEST_DBFS, SHARE_STEPS = 0.2, -200.0, 1101  # of the levels' distribution


@dataclass(frozen=True, slots=True)
class Hole:
    """Time of which there is nothing."""

    start_s: float
    stop_s: float
    why: str


class Track:
    """Lines of one length in time, numbered from the stream's beginning; the newest of them are kept."""

    def __init__(self, line_s: float, kept: int, bands: int) -> None:
        self.line_s, self.newest = line_s, -1
        self._codes = np.zeros((kept, bands), np.uint8)
        self._numbers = np.full(kept, -1, np.int64)  # which line each row holds

    def __len__(self) -> int:
        return len(self._codes)

    def add(self, start_s: float, stop_s: float, codes: NDArray[np.uint8]) -> None:
        """What was measured between these times, the largest of it: it joins what the lines hold already."""
        last = max(0, int(stop_s / self.line_s - 1e-6))
        first = max(0, min(last, int(start_s / self.line_s + 1e-6)), last - len(self._codes) + 1)
        for number in range(first, last + 1):
            row = number % len(self._codes)
            if self._numbers[row] == number:
                np.maximum(self._codes[row], codes, out=self._codes[row])
            else:
                self._codes[row] = codes
                self._numbers[row] = number
        self.newest = max(self.newest, last)

    def clear(self, hole: Hole) -> None:
        """Nothing was measured in the lines that lie within it."""
        first = int(np.ceil(hole.start_s / self.line_s - 0.5))
        for number in range(
            max(first, self.newest - len(self._codes) + 1, 0), int(hole.stop_s / self.line_s + 0.5)
        ):
            row = number % len(self._codes)
            if self._numbers[row] == number:
                self._codes[row] = NOT_MEASURED

    def read(self, first: int, lines: int) -> NDArray[np.uint8]:
        """(lines, bands) from this number on, NOT_MEASURED where nothing is kept."""
        numbers = np.arange(first, first + lines)
        rows = numbers % len(self._codes)
        codes = self._codes[rows]
        codes[(self._numbers[rows] != numbers) | (numbers < 0)] = NOT_MEASURED
        return codes


class Picture:
    """Everything that snapshots have brought of levels: for all channels, its past for the one that is shown."""

    def __init__(self, scene: Scene, channel: int = 0) -> None:
        self._shape = (scene.channels, len(scene.band_labels))
        self.level_dbfs: NDArray[np.float64] | None = (
            None  # (channels, bands), None as long as nothing is measured
        )
        self.number_dbfs: NDArray[np.float64] | None = None  # the same, of when it was read last
        self.peak_dbfs = np.full(self._shape, -np.inf)
        self.peaks_stay = False
        self.holes: deque[Hole] = deque(maxlen=KEPT_GAPS)
        self.t_s = 0.0  # up to which all of this goes
        self.past: Past | None = None  # what memory does not hold
        self._reaches_back = False  # so that it is looked at
        if scene.history:
            self.past = Past(
                scene.history,
                scene.band_freqs_hz,
                offset_db=scene.offset_db,
                code_of_0_dbfs=CODE_OF_0_DBFS,
            )
        self._power = np.zeros(self._shape)
        self._peak_at_s = np.full(self._shape, -np.inf)
        self._levels_s: float | None = None  # up to where levels came without a break
        self._heard_s = -np.inf  # when they did
        self._number_s = -np.inf
        self.watch_channel(channel)

    def watch_channel(self, channel: int) -> None:
        """From here on, the past is this one's."""
        bands = self._shape[1]
        self.channel = channel
        self.tracks = [Track(line_s, kept, bands) for line_s, kept in BASES]
        self.loudest: int | None = None
        self.loudest_before = 0  # of when there were samples last
        self._leader, self._leads_since_s = -1, np.inf
        self.reset()

    def reset(self) -> None:
        """Peaks and statistics begin anew."""
        bands = self._shape[1]
        self.peak_dbfs[:] = -np.inf
        self.max_dbfs = np.full(bands, -np.inf)
        self._energy = np.zeros(bands)
        self._energy_s = 0.0
        self._shares = np.zeros((bands, SHARE_STEPS), np.uint32)

    def add(self, snapshot: Snapshot, now_s: float) -> None:
        """Add a snapshot that arrived at now_s, by any steady clock."""
        if self.past is not None:
            self.past.ahead_s = None if snapshot.unix_s is None else snapshot.unix_s - snapshot.t_s
        for event in snapshot.events:
            if event.type == "gap" and event.lost_s:
                self._add_hole(Hole(event.t_s, event.t_s + event.lost_s, event.label))
        if snapshot.state in {"waiting", "starting"}:
            self._forget_now()
        elif snapshot.levels:
            self._add_levels(
                np.frombuffer(snapshot.levels, np.float32).reshape(self._shape).astype(np.float64),
                np.frombuffer(snapshot.peaks, np.float32).reshape(self._shape).astype(np.float64),
                snapshot.t_s,
                now_s,
            )
        self.t_s = snapshot.t_s

    def _forget_now(self) -> None:
        """Nothing is measured any more; what was, stays."""
        self.level_dbfs = self.number_dbfs = self.loudest = None
        self.peak_dbfs[:] = -np.inf
        self._levels_s = None

    def _add_levels(
        self, level_dbfs: NDArray[np.float64], peak_dbfs: NDArray[np.float64], t_s: float, now_s: float
    ) -> None:
        power = powers_from_db(level_dbfs)
        before_s, self._levels_s = self._levels_s, t_s
        passed_s = 0.0 if before_s is None else max(0.0, t_s - before_s)
        share = 1.0 if before_s is None else -np.expm1(-passed_s / WEIGHTING_S)
        self._power += share * (power - self._power)
        self.level_dbfs = db_from_powers(self._power)
        self._energy += power[self.channel] * passed_s
        self._energy_s += passed_s
        np.maximum(self.max_dbfs, peak_dbfs[self.channel], out=self.max_dbfs)
        self._add_peaks(peak_dbfs, now_s)
        self._find_loudest(self.level_dbfs[self.channel], now_s)
        codes = np.clip(np.rint(peak_dbfs[self.channel]) + CODE_OF_0_DBFS, 1, 255).astype(np.uint8)
        since_s = t_s - 1e-3 if before_s is None else before_s
        for track in self.tracks:
            track.add(since_s, t_s, codes)
        for hole in self.holes:
            if hole.stop_s > since_s:
                self._clear(hole)
        if self.number_dbfs is None or now_s - self._number_s >= NUMBER_S:
            self._read_numbers(now_s)

    def _read_numbers(self, now_s: float) -> None:
        assert self.level_dbfs is not None
        self.number_dbfs = self.level_dbfs.copy()
        numbers, leader = self.number_dbfs[self.channel], int(self.number_dbfs[self.channel].argmax())
        if self.loudest is not None and numbers[leader] >= numbers[self.loudest] + LEAD_AT_ONCE_DB:
            self.loudest = self.loudest_before = leader
        self._number_s = now_s
        steps = (self.number_dbfs[self.channel] - SHARE_LOWEST_DBFS) / SHARE_STEP_DB
        at = np.clip(np.rint(steps), 0, SHARE_STEPS - 1).astype(np.intp)
        self._shares[np.arange(len(at)), at] += 1

    def _add_peaks(self, peak_dbfs: NDArray[np.float64], now_s: float) -> None:
        passed_s = min(1.0, now_s - self._heard_s)
        self._heard_s = now_s
        if not self.peaks_stay:
            self.peak_dbfs[now_s - self._peak_at_s > PEAK_HELD_S] -= PEAK_FALL_DB_PER_S * passed_s
        risen = peak_dbfs >= self.peak_dbfs
        self.peak_dbfs[risen] = peak_dbfs[risen]
        self._peak_at_s[risen] = now_s

    def _find_loudest(self, level_dbfs: NDArray[np.float64], now_s: float) -> None:
        if self.loudest is None:
            self.loudest = int(level_dbfs.argmax())
        leader = int(level_dbfs.argmax())
        if leader == self.loudest or level_dbfs[leader] < level_dbfs[self.loudest] + LEAD_DB:
            self._leader = -1
        elif leader != self._leader:
            self._leader, self._leads_since_s = leader, now_s
        elif now_s - self._leads_since_s >= LEAD_S:
            self.loudest, self._leader = leader, -1
        self.loudest_before = self.loudest

    def _add_hole(self, hole: Hole) -> None:
        self.holes.append(hole)
        self._clear(hole)

    def _clear(self, hole: Hole) -> None:
        for track in self.tracks:
            track.clear(hole)

    # --- what is shown of it -----------------------------------------------------------------------------------

    @property
    def mean_dbfs(self) -> NDArray[np.float64] | None:
        """(bands,) of the power since reset."""
        return db_from_powers(self._energy / self._energy_s) if self._energy_s else None

    def find_exceeded_dbfs(self, band: int, percents: tuple[int, ...]) -> list[float] | None:
        """The level that is exceeded for so many percent of the time since reset: L10, L50, L90."""
        shares = self._shares[band]
        total = int(shares.sum())
        if not total:
            return None
        reached = shares[::-1].cumsum()
        steps = [
            SHARE_STEPS - 1 - int(np.searchsorted(reached, total * percent / 100)) for percent in percents
        ]
        return [SHARE_LOWEST_DBFS + max(0, step) * SHARE_STEP_DB for step in steps]

    def newest_group(self, pace: int) -> int:
        """The number of the newest line at this pace."""
        _, base, size = PACES[pace]
        return self.tracks[base].newest // size

    def reach_into_the_past(self) -> None:
        """For a picture that is frozen: what was before it is read from the disk, as it is now."""
        self._reaches_back = True
        if self.past is not None:
            self.past.forget()

    def count_older(self, pace: int) -> int:
        """Lines on disk before the stream's beginning."""
        begin_s = None if self.past is None else self.past.find_begin_s()
        return 0 if begin_s is None else count_lines(begin_s, PACES[pace][0])

    def read(self, pace: int, first: int, groups: int) -> NDArray[np.uint8]:
        """(groups, bands) codes, dBFS + CODE_OF_0_DBFS or NOT_MEASURED, from this number on, pooled by maximum."""
        _, base, size = PACES[pace]
        track = self.tracks[base]
        codes = track.read(first * size, groups * size)
        beyond = min(groups * size, track.newest - len(track) + 1 - first * size)
        if first < 0:
            beyond = max(beyond, min(groups, -first) * size)
        if self.past is not None and self._reaches_back and beyond > 0:
            older = self.past.read(track.line_s, first * size, beyond, self.channel)
            if older is not None:
                codes[:beyond] = np.maximum(codes[:beyond], older)
        return codes.reshape(groups, size, -1).max(axis=1) if size > 1 else codes


def find_pools(bands: int, cells: int) -> NDArray[np.intp]:
    """Edges of the columns of bands across so many cells: column i ends at round((i + 1) * cells / bands)."""
    if bands <= cells:
        edges: NDArray[np.intp] = np.rint(np.arange(bands + 1) * (cells / bands)).astype(np.intp)
        return edges
    return np.arange(cells + 1, dtype=np.intp) * bands // cells
