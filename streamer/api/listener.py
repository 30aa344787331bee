"""The push form: blocks from a callback of the caller's in, what they tell out."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamer.analysis.bank import Analysis, Bank
from streamer.analysis.blocks import Engine
from streamer.analysis.frames import Window
from streamer.analysis.values import to_floats
from streamer.api.asking import Plans, make_display
from streamer.base.arguments import read_array, read_calibration, read_count, read_rate
from streamer.base.errors import SpecError, StreamerError
from streamer.base.units import format_duration, format_frequency
from streamer.detectors.decoder import Decoder
from streamer.events import Event, Stats
from streamer.events.clocks import WallClock
from streamer.plans.bands import AUTO
from streamer.plans.listening import make_detectors
from streamer.plans.plan import list_plan_names
from streamer.sources import SourceInfo
from streamer.sources.calibration import find_reading
from streamer.stores.measured import Levels

MOST_SAMPLES = 1 << 17  # taken at once: what a block takes in memory does not grow with it


class Listener:
    """Hears a signal that you have block by block, in your own process: from an audio callback, a socket, a radio.

    fs: sample rate in Hz   plan: tone plans by name or file, None for none   channels: how many a block holds
    bands: what to measure, a specification, Hz, a Bank or "auto", as for open_stream; None for events only
    calibration: as for detect
    window_length, hop_length: of the bands' frames, in samples or as "85ms", "25%"; "auto" is as long as
        each band's width needs, and 85 ms for probes   window: as for spectrogram
    Levels and events are those of `detect` and `open_stream`, bit for bit, however the signal is cut into blocks.
    All that is slow, compiling included, is done when the listener is made. Feed it from one thread at a time; it
    starts none. Raises SpecError.

    >>> import numpy as np, streamer
    >>> fs, listener = 8000, streamer.Listener(8000, plan="dtmf")
    >>> t = np.arange(800) / fs
    >>> key = 0.2 * np.sin(2 * np.pi * 770 * t) + 0.2 * np.sin(2 * np.pi * 1336 * t)
    >>> found = []
    >>> for block in np.split(np.concatenate([0 * t, key, 0 * t]), 15):
    ...     found += listener.feed(block)
    >>> found += listener.close()
    >>> [(event.phase, event.label, round(event.t_s, 2)) for event in found]
    [('begin', '5', 0.1), ('end', '5', 0.1)]
    """

    def __init__(
        self,
        fs: float,
        plan: Plans = "dtmf",
        bands: str | ArrayLike | Bank | None = None,
        window_length: int | str = AUTO,
        hop_length: int | str = "25%",
        window: Window = "hann",
        channels: int = 1,
        calibration: str | float | None = None,
    ) -> None:
        fs, channels = read_rate(fs), read_count(channels, name="channels")
        self._info = SourceInfo(name="listener", fs_hz=fs, channels=channels)
        self._plans = list_plan_names(plan)
        display = None if bands is None else make_display(bands, window_length, hop_length, window)(fs)
        self._decoder = Decoder(
            make_detectors(self._plans, fs, channels),
            analyses=[] if display is None else [display],
            read_audio=self._read,
            clock=WallClock(fs, start=None),
        )
        self._decoder.read_by(find_reading(read_calibration(calibration), self._info))
        self._has_display = display is not None
        self._engine = self._make_engine()
        # The first frames of a process are slow: kernels are loaded, and on a new machine compiled.
        self._engine.feed(np.zeros((_longest_samples(self._decoder.analyses), channels), np.float32))
        self._engine = self._make_engine()
        self._held = [np.zeros((0, channels), np.float32)]
        self._end = 0
        self._next_frame_end = self._find_next_frame_end()
        self._is_closed = False
        self._is_feeding = False  # also once Ctrl-C has broken it off

    def _make_engine(self) -> Engine:
        return Engine(
            self._decoder.analyses,
            channels=self._info.channels,
            history_samples=self._decoder.history_samples,
            history_frames=self._decoder.history_frames,
        )

    def _read(self, channel: int, start: int, stop: int) -> NDArray[np.float32] | None:
        return self._engine.read(channel, start, stop)

    @property
    def fs(self) -> float:
        """Sample rate in Hz."""
        return self._info.fs_hz

    @property
    def channels(self) -> int:
        return self._info.channels

    @property
    def stats(self) -> Stats:
        """Samples taken, and how many values of them were NaN or infinite, which count as silence.

        Those that do not complete a frame yet are pending.
        """
        n = self._engine.end_sample
        return Stats(
            captured=self._end,
            analysed=n,
            dropped=0,
            pending=self._end - n,
            nonfinite=self._engine.nonfinite_samples,
            unheard=self._decoder.unheard_samples,
            rejections=dict(self._decoder.rejections),
        )

    def feed(self, block: ArrayLike) -> list[Levels | Event]:
        """Take the samples that follow; what became known by them, in the order of the signal.

        block: (samples,) for one channel or (samples, channels), of any length; real, full scale 1.0, or integer PCM,
               which is scaled to it. It is not kept: the caller may use it again
        """
        if self._is_closed:
            raise StreamerError("the listener is closed: make another one for another signal")
        if self._is_feeding:
            raise StreamerError("the listener's last block was broken off half heard: make another one")
        samples = to_signal(block)
        if samples.shape[1] != self.channels:
            wanted = "(samples,) or (samples, 1)" if self.channels == 1 else f"(samples, {self.channels})"
            raise SpecError(
                f"the block has shape {np.shape(block)}, and this listener takes {wanted}: "
                "give Listener as many channels= as a block has"
            )
        self._is_feeding = True
        self._held.append(samples)
        self._end += len(samples)
        told: list[Levels | Event] = []
        if self._end >= self._next_frame_end:
            told = self._hear_held()
        elif np.may_share_memory(samples, np.asarray(block)):
            self._held[-1] = samples.copy()
        self._is_feeding = False
        return told

    def close(self) -> list[Levels | Event]:
        """The signal is over: what only its end tells, such as the end of a tone that still sounds. Once."""
        if self._is_closed:
            return []
        self._is_closed = True
        return [*self._hear_held(), *self._decoder.flush()]

    def _hear_held(self) -> list[Levels | Event]:
        samples = np.concatenate(self._held) if len(self._held) > 1 else self._held[0]
        self._held = [samples[:0]]
        told: list[Levels | Event] = []
        for start in range(0, len(samples), MOST_SAMPLES):
            batch = self._engine.feed(samples[start : start + MOST_SAMPLES])
            if self._has_display:
                told += [Levels.of(run) for run in batch.levels[0] if len(run)]
            told += self._decoder.feed(batch)
        self._next_frame_end = self._find_next_frame_end()
        return told

    def _find_next_frame_end(self) -> int:
        """Before that sample nothing can become known: blocks are held, as each that is heard costs the same."""
        specs = [analysis.frames for analysis in self._decoder.analyses]
        ends = [s.frames_within(self._engine.end_sample) * s.hop_samples + s.length_samples for s in specs]
        return min(ends, default=0)

    def __repr__(self) -> str:
        n, fs = self._end, self._info.fs_hz
        is_closed = ", closed" if self._is_closed else ""
        return (
            f"<Listener for {', '.join(self._plans) or 'no plan'}, {_count(self.channels, 'channel')} at "
            f"{format_frequency(fs)}, {format_duration(n / fs)} heard{is_closed}>"
        )


def to_signal(block: ArrayLike) -> NDArray[np.float32]:
    """(samples, channels) of full scale 1.0, from what a caller has as a block; SpecError where it is none."""
    given = read_array(block, name="block")
    if given.ndim not in (1, 2) or given.dtype.kind not in "iuf":
        raise SpecError(
            f"a block is {given.dtype} of shape {given.shape}; it must be (samples,) or (samples, channels) of real "
            "numbers: integers (PCM) or floating point"
        )
    with np.errstate(over="ignore", invalid="ignore"):  # what is too large is counted as not finite
        floats: NDArray[np.float32] = to_floats(given, np.dtype(np.float32))
    return floats if given.ndim == 2 else floats[:, np.newaxis]


def _longest_samples(analyses: tuple[Analysis, ...]) -> int:
    return max((analysis.frames.length_samples for analysis in analyses), default=0)


def _count(n: int, what: str) -> str:
    return f"{n} {what}{'s' if n != 1 else ''}"
