"""The steady tones of a channel, for a while: what begins together with a part is of the same sender.

Of what sounds beside a signal, voices glide and come and go as they like. A tone that begins with it, holds its pitch
and lasts like it belongs to it: so the two are of a chord that no table has. That is how music is told from signals.
"""

from __future__ import annotations

from collections import deque
from itertools import product

from streamer.base.units import power_from_db
from streamer.detectors.hearing.tones_heard import Told, ToneBurst
from streamer.detectors.matching.parts import Part

KEPT = 96
STEADY_BINS, FULL_FRAMES = 0.2, 3
TOGETHER_MS = 20.0  # between starts of what a sender switches on at once: notes have attacks
LEAST_SHARE = 0.5  # of the part's time
FAINT = power_from_db(-15.0)  # under the part's weakest tone: hum, and what leaks in
CLEAR_BINS = 2.5  # beside one of its own lines
PRODUCT_BINS = 0.25  # so near it is what distortion makes of them
MOST_ORDER = 4
PRODUCT_POWER = power_from_db(-6.0)  # over the part's strongest tone: rectifying makes -7.4 dB, limiting less


class Neighbours:
    """Hears all tones of one channel. In samples, as all times."""

    def __init__(self, *, fs_hz: float, window_samples: int) -> None:
        self._together = TOGETHER_MS * fs_hz / 1e3
        self._bin_hz = fs_hz / window_samples
        self.clear(0.0)

    def clear(self, begin_sample: float) -> None:
        """The signal begins there: of what sounds already nobody knows since when."""
        self._begin = begin_sample
        self._tones: dict[int, ToneBurst] = {}  # the newest word of each, by id
        self._order: deque[int] = deque()

    def hear(self, tone: ToneBurst) -> None:
        if tone.told is Told.RISES:
            return
        if tone.id not in self._tones:
            self._order.append(tone.id)
            if len(self._order) > KEPT:
                del self._tones[self._order.popleft()]
        self._tones[tone.id] = tone

    def find_company(self, part: Part) -> ToneBurst | None:
        """A tone that is of the same sender as the part, and none of its own."""
        if part.start - self._begin <= self._together:
            return None
        least = FAINT * part.weakest.power
        return next(
            (
                tone
                for tone in self._tones.values()
                if abs(tone.start_sample - part.start) <= self._together
                and tone.power >= least
                and tone.unsteady_bins <= STEADY_BINS
                and tone.full_frames >= FULL_FRAMES
                and (tone.told is not Told.STOPS or tone.duration_samples >= LEAST_SHARE * part.duration)
                and not self._is_own(tone, part)
            ),
            None,
        )

    def _is_own(self, tone: ToneBurst, part: Part) -> bool:
        """Whether it is one of the part's lines, or what distortion makes of them."""
        freq_hz, lines_hz = tone.freq_hz, part.lines_hz
        if any(abs(freq_hz - line_hz) <= CLEAR_BINS * self._bin_hz for line_hz in lines_hz):
            return True
        if tone.power > PRODUCT_POWER * max(own.power for own in part.tones):
            return False
        reach_hz = PRODUCT_BINS * self._bin_hz
        orders = range(-MOST_ORDER, MOST_ORDER + 1)
        return any(
            abs(freq_hz - sum(n * hz for n, hz in zip(each, lines_hz, strict=True))) <= reach_hz
            for each in product(orders, repeat=len(lines_hz))
            if sum(map(abs, each)) <= MOST_ORDER
        )
