"""How many samples have not come, by the monotonic clock: audio servers seldom say, and never how many."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from streamer.events.clocks import SampleClock, Soonest
from streamer.live.ring import RingWriter
from streamer.live.ring_fields import GapReason


class Timekeeper:
    """Tells where a live stream must skip samples, so that time goes on as it should.

    How late the timeliest block of a while was tells where the stream is: a single block may be late by itself.

    state      what it does                                              after
    keeping    the timeliest block of a second: late by less than        keeping
               jitter can explain, it is the sound card's drift; by
               more, samples are missing, and nobody said why
    settling   samples are missing, or nothing came for half a second:   keeping
               the timeliest block of the next 0.2 s will tell how
               many, and until then whoever has the blocks holds them
               back

    A sender may pause: what half a second and more without anything takes, and no word of a loss, is skipped and is no
    loss. Samples that their sender numbers are never lost by the clock, but for those of our own absence.

    What is skipped is right to a few milliseconds. The samples that follow stay where they are, but the next skip goes
    by the time of sample 0 as it was before, or errors would add up from loss to loss.
    """

    WINDOW_S = 1.0
    SETTLE_S = 0.2
    PAUSE_S = 0.5  # so long without a block, and it is asked at once what is missing
    JITTER_S = 0.02

    def __init__(
        self, fs_hz: float, *, offset_s: float | None, is_sent: bool = False, is_numbered: bool = False
    ) -> None:
        """offset_s: the time of sample 0 from before a loss, if this goes on after one
        is_sent, is_numbered: as SourceInfo has them
        """
        self._fs_hz, self._is_sent, self._is_numbered = fs_hz, is_sent, is_numbered
        self._kept_s = offset_s  # the time of sample 0 by all that came before the last skip
        self._clock = SampleClock(fs_hz)  # of what came since
        self._offset_s = offset_s  # the time of sample 0 by the newest blocks
        self._cause = None if offset_s is None else GapReason.DEVICE_LOST  # of what it settles after
        self._overflows = 0
        self._soonest = Soonest(fs_hz)
        self._window_ends_s: float | None = None
        self._newest_s: float | None = None

    @property
    def is_settling(self) -> bool:
        """Whether the block just observed is to be held back until it is known what to skip before it."""
        return self._cause is not None

    @property
    def sample_0_s(self) -> float | None:
        """Its time, by which a loss is measured; None before the first block."""
        return self._clock.offset_s if self._kept_s is None else self._kept_s + self._clock.drift_s

    def find_missing(self, end_sample: int, at_s: float, *, overflows: int) -> tuple[int, GapReason] | None:
        """What is to be skipped before the block that has arrived at at_s and would end with this sample.

        And before all that are held back, if there are any.
        overflows: how often PortAudio has reported one by now
        """
        if self._cause is None and (doubt := self._find_doubt(at_s, overflows)):
            self._cause = doubt
            self._soonest, self._window_ends_s = Soonest(self._fs_hz), None
        self._overflows, self._newest_s = overflows, at_s
        offset_s = self._soonest.observe(end_sample, at_s)
        if not self.is_settling:
            self._clock.observe(end_sample, at_s)
            self._offset_s = offset_s if self._offset_s is None else min(self._offset_s, offset_s)
        if self._window_ends_s is None:
            self._window_ends_s = at_s + (self.SETTLE_S if self.is_settling else self.WINDOW_S)
        return None if at_s < self._window_ends_s else self.conclude()

    def _find_doubt(self, at_s: float, overflows: int) -> GapReason | None:
        """Why samples may be missing before a block that has arrived at at_s, where there is a reason to think so."""
        if overflows != self._overflows:
            return None if self._is_numbered else GapReason.INPUT_OVERFLOW
        has_paused = self._newest_s is not None and at_s - self._newest_s > self.PAUSE_S
        if not has_paused:
            return None
        return GapReason.SENDER_PAUSED if self._is_sent else GapReason.INPUT_STALL

    def conclude(self) -> tuple[int, GapReason] | None:
        """What the blocks of now, of which there must be one, tell to skip, even if they are few."""
        soonest_s, sample_0_s = self._soonest.take(), self.sample_0_s
        cause, self._cause, self._window_ends_s = self._cause, None, None
        if sample_0_s is None or self._offset_s is None:
            return None  # the very first
        if cause is None:
            if self._is_numbered or soonest_s - self._offset_s <= self.JITTER_S:
                self._offset_s = soonest_s  # the drift of a second
                return None
            cause = GapReason.INPUT_STALL
        missing = round((soonest_s - sample_0_s) * self._fs_hz)
        if missing <= 0:
            return None
        self._offset_s = self._kept_s = sample_0_s
        self._clock = SampleClock(self._fs_hz)
        return missing, cause


class Inlet:
    """A device's blocks into the ring, each at its time. Runs on the audio thread."""

    def __init__(self, writer: RingWriter, keeper: Timekeeper) -> None:
        self._writer, self._keeper = writer, keeper
        self._held: list[tuple[NDArray[Any], int, int]] = []  # 0.2 s of them at most
        self._held_samples = 0

    def push(self, block: NDArray[Any], time_ns: int, *, overflows: int, lost_samples: int = 0) -> None:
        """Take a block that has arrived now. lost_samples: before it, as its sender numbers them"""
        n_samples = lost_samples + len(block)
        end_sample = self._writer.ring.written_samples + self._held_samples + n_samples
        missing = self._keeper.find_missing(end_sample, time_ns * 1e-9, overflows=overflows)
        if self._keeper.is_settling:
            self._held.append(
                (block.copy(), time_ns, lost_samples)
            )  # the audio library takes its memory back
            self._held_samples += n_samples
            return
        self._let_in(missing)
        self._write(block, time_ns, lost_samples)
        if (sample_0_s := self._keeper.sample_0_s) is not None:
            self._writer.note_sample_0(round(sample_0_s * 1e9))

    def finish(self) -> None:
        """Nothing is pushed any more: let in what is held back."""
        if self._held:
            self._let_in(self._keeper.conclude())

    def _let_in(self, missing: tuple[int, GapReason] | None) -> None:
        if missing:
            self._writer.skip(*missing)
        for earlier in self._held:
            self._write(*earlier)
        self._held.clear()
        self._held_samples = 0

    def _write(self, block: NDArray[Any], time_ns: int, lost_samples: int) -> None:
        if lost_samples:
            self._writer.skip(lost_samples, GapReason.PACKETS_LOST)
        self._writer.push(block, time_ns)
