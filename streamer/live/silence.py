"""Whether there is anything to hear: a cable that was pulled and a squelched radio look alike, and are told of."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from streamer.analysis.meters import MEAN_SQUARE
from streamer.base.units import powers_from_db
from streamer.events import SilenceRecord
from streamer.events.clocks import WallClock
from streamer.live.ring import Ring

BELOW_DBFS = -60.0  # ffmpeg's silencedetect too takes what is below for silence
LOOK_S = 0.1  # the power of so much signal is compared: a click is no end of a silence


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """end_sample: None as long as it lasts."""

    sample: int
    end_sample: int | None = None


class SilenceKeeper:
    """Finds silences that last: each is given twice, once it has lasted for so long and when it is over.

    The looks lie on a grid of their own in the stream, so that it is the same however the spans come.
    """

    def __init__(self, *, fs_hz: float, span_samples: int, lasts_s: float) -> None:
        self._look_samples_wanted = LOOK_S * fs_hz
        self._set_span(span_samples)
        self._lasts_samples = lasts_s * fs_hz
        self._limit = (
            float(powers_from_db(np.array([BELOW_DBFS]))[0]) / 2
        )  # a sine's power is half its peak's
        self._since = 0  # where the silence of now began, or what was looked at last, if that was loud
        self._looked_at = 0
        self.is_told = False
        self._open: list[NDArray[np.float32]] = []  # spans of a look that is not complete
        self._n_open = 0

    def _set_span(self, span_samples: int) -> None:
        self._look_spans = max(1, round(self._look_samples_wanted / span_samples))
        self._look_samples = self._look_spans * span_samples

    def go_on_from(self, sample: int, *, span_samples: int) -> None:
        """Spans of another length follow, from this sample on: the silence of now goes on."""
        self._set_span(span_samples)
        self._open, self._n_open, self._looked_at = [], 0, sample
        self._since = min(self._since, sample)

    def add(self, mean_squares: NDArray[np.float32]) -> list[Silence]:
        """mean_squares: (spans, channels), of the spans that follow"""
        self._open.append(mean_squares)
        self._n_open += len(mean_squares)
        if self._n_open < self._look_spans:
            return []
        n_looks, self._n_open = divmod(self._n_open, self._look_spans)
        spans = np.concatenate(self._open)
        whole = n_looks * self._look_spans
        self._open = [spans[whole:]]
        loudest = spans[:whole].max(axis=1)  # the loudest channel breaks the silence
        looks = loudest.reshape(n_looks, self._look_spans).mean(axis=1)
        found: list[Silence] = []
        for is_loud in (looks > self._limit).tolist():
            start, self._looked_at = self._looked_at, self._looked_at + self._look_samples
            if is_loud:
                found += self._finish(start)
                self._since = self._looked_at
            elif not self.is_told and self._looked_at - self._since >= self._lasts_samples:
                self.is_told = True
                found.append(Silence(sample=self._since))
        return found

    def finish(self, end_sample: int, *, next_sample: int) -> list[Silence]:
        """The signal ends at a sample, or breaks off there and goes on at the next one, a multiple of a span."""
        found = self._finish(end_sample)
        self._open, self._n_open = [], 0
        self._since = self._looked_at = next_sample
        return found

    def _finish(self, end_sample: int) -> list[Silence]:
        if not self.is_told:
            return []
        self.is_told = False
        return [Silence(sample=self._since, end_sample=end_sample)]


class PauseKeeper:
    """Finds that nothing comes at all: some squelched radios send silence, and some send nothing."""

    def __init__(self, *, lasts_s: float) -> None:
        self._lasts_s = lasts_s
        self._since_s: float | None = None  # of a pause that was told
        self._n_blocks = 0  # that had come by then

    @property
    def is_told(self) -> bool:
        return self._since_s is not None

    def is_due(self, *, n_blocks: int, newest_s: float, now_s: float) -> bool:
        """Whether to tell now that a pause has begun, once. n_blocks: that have come, the last at newest_s"""
        if self.is_told or not n_blocks or now_s - newest_s < self._lasts_s:
            return False
        self._since_s, self._n_blocks = newest_s, n_blocks
        return True

    def has_gone_on(self, n_blocks: int) -> bool:
        """Whether something has come after the pause that was told."""
        return self.is_told and n_blocks > self._n_blocks

    def finish(self, at_s: float) -> float:
        """The pause is over: how long it was."""
        assert self._since_s is not None
        since_s, self._since_s = self._since_s, None
        return at_s - since_s


class Silences:
    """The records of a section's silences, be they in what comes or because nothing does."""

    def __init__(
        self, clock: WallClock, *, fs_hz: float, span_samples: int, lasts_s: float, may_pause: bool
    ) -> None:
        self._clock, self._fs_hz, self._span_samples = clock, fs_hz, span_samples
        self._heard = SilenceKeeper(fs_hz=fs_hz, span_samples=span_samples, lasts_s=lasts_s)
        self._pause = PauseKeeper(lasts_s=lasts_s) if may_pause else None
        self._begun: SilenceRecord | None = None  # of the pause

    def add(self, meters: NDArray[np.float32]) -> list[SilenceRecord]:
        """meters: (spans, channels, 3) of the spans that follow"""
        found = self._heard.add(meters[:, :, MEAN_SQUARE])
        return list(map(self._record, found)) if found else []

    def go_on_from(self, sample: int, *, span_samples: int) -> None:
        """Spans of another length may follow, from this sample on."""
        if span_samples != self._span_samples:
            self._span_samples = span_samples
            self._heard.go_on_from(sample, span_samples=span_samples)

    def finish(self, end_sample: int, *, next_sample: int = 0) -> list[SilenceRecord]:
        """What was heard ends with this sample, or goes on with the next one."""
        whole = -(-next_sample // self._span_samples) * self._span_samples
        return list(map(self._record, self._heard.finish(end_sample, next_sample=whole)))

    def look(self, ring: Ring, now_s: float, *, is_over: bool = False) -> list[SilenceRecord]:
        """Whether anything comes. Call often, and last when it is over."""
        pause, n_blocks = self._pause, ring.block_count
        if pause is None:
            return []
        if pause.has_gone_on(n_blocks) or (is_over and pause.is_told):
            assert self._begun is not None
            has_come = pause.has_gone_on(n_blocks)
            lasted_s = pause.finish(ring.newest_arrival_ns * 1e-9 if has_come else now_s)
            return [msgspec.structs.replace(self._begun, phase="end", duration_s=round(lasted_s, 3))]
        newest_s = ring.newest_arrival_ns * 1e-9
        if self._heard.is_told or not pause.is_due(n_blocks=n_blocks, newest_s=newest_s, now_s=now_s):
            return []
        self._begun = self._clock.date(SilenceRecord(phase="begin"), ring.written_samples)
        return [self._begun]

    def _record(self, silence: Silence) -> SilenceRecord:
        start, end = silence.sample, silence.end_sample
        if end is None:
            return self._clock.date(SilenceRecord(phase="begin"), start)
        duration_s = round((end - start) / self._fs_hz, 3)
        return self._clock.date(SilenceRecord(phase="end", duration_s=duration_s), start)
