"""Batches of levels to events: the detectors of all plans and channels, put in one order and numbered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.analyser import Analyser
from streamer.analysis.bank import Analysis, Batch, ChannelLevels, Levels
from streamer.base.reading import PLAIN, Reading
from streamer.detectors import Audio, Choir, Detector, Listen
from streamer.detectors.copies import ReadAudio, join_copies
from streamer.detectors.numbers import Counted, Numbers
from streamer.events import Event
from streamer.events.clocks import WallClock

LEAST_TOGETHER = 8  # fewer channels are quicker each by itself


class _Alone:
    """A choir of one."""

    def __init__(self, channel: int, detector: Detector) -> None:
        self._channel, self._detector = channel, detector

    @property
    def history_frames(self) -> int:
        return 0

    def feed(self, _run: ChannelLevels, listen: Listen, /) -> Iterable[tuple[int, Event]]:
        levels, audio = listen(self._channel - 1)
        return [(0, event) for event in self._detector.feed(levels, audio)]

    def flush(self) -> Iterable[tuple[int, Event]]:
        return [(0, event) for event in self._detector.flush()]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Seated:
    """A choir, which of the detectors it is made of, and what it listens to."""

    choir: Choir
    numbers: list[int]
    analysis: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tuned:
    """A detector, what plan it came from, and which channel and which of the analyses it listens to."""

    plan: str
    channel: int  # counted from 1
    analysis: int
    detector: Detector


class _Unheard:
    """Samples that a detector wanted to read and could not, each counted once, whatever channel it was of."""

    def __init__(self) -> None:
        self.samples = 0
        self.untold: list[tuple[int, int]] = []  # first sample, how many
        self._end = 0

    def note(self, start: int, stop: int) -> None:
        start = max(start, self._end)
        if stop > start:
            self.samples += stop - start
            self.untold.append((start, stop - start))
            self._end = stop


class _ChannelAudio:
    def __init__(self, read: ReadAudio, channel: int, unheard: _Unheard) -> None:
        self._read, self._channel, self._unheard = read, channel, unheard

    def read(self, start_sample: int, stop_sample: int) -> NDArray[np.float32] | None:
        samples = self._read(self._channel, start_sample, stop_sample)
        if samples is None:
            self._unheard.note(start_sample, stop_sample)
        return samples


class _LeadIn:
    """The frames before frame 0 that hold samples too, after silence; once for all who listen to a channel.

    Without them a tone that is there from the first sample has no beginning that could be seen.
    """

    def __init__(self) -> None:
        self._analysers: dict[Analysis, Analyser] = {}
        self._levels: dict[tuple[Analysis, int], Levels] = {}

    def put_before(self, levels: Levels, audio: _ChannelAudio) -> Levels:
        place = levels.analysis, levels.channel
        if place not in self._levels:
            self._levels[place] = self._join(levels, audio)
        return self._levels[place]

    def _join(self, levels: Levels, audio: _ChannelAudio) -> Levels:
        analysis = levels.analysis
        spec = analysis.frames
        n_frames = (spec.length_samples - 1) // spec.hop_samples
        samples = audio.read(-n_frames * spec.hop_samples, spec.length_samples - spec.hop_samples)
        if not n_frames or samples is None:
            return levels
        if analysis not in self._analysers:
            self._analysers[analysis] = Analyser(analysis)
        values = np.empty((n_frames, len(analysis.bank)), analysis.value_dtype)
        self._analysers[analysis].compute(samples, values, channel=levels.channel)
        return Levels(
            analysis=analysis,
            channel=levels.channel,
            first_frame=-n_frames,
            values=np.concatenate([values, levels.values]),
        )


class Decoder:
    """All that listens to a stream. The order and the numbers of events depend on the samples alone."""

    def __init__(
        self,
        detectors: Iterable[tuple[str, int, Detector]],
        *,
        read_audio: ReadAudio,
        clock: WallClock,
        analyses: Sequence[Analysis] = (),
        file: str | None = None,
        joins_copies: bool = True,
        counter: Counted | None = None,
    ) -> None:
        """detectors: (plan name, channel from 1, detector)   analyses: further ones that a batch starts with

        joins_copies: one event in several channels that hold the same samples is told once
        counter: events are counted on from there
        """
        self._analyses = list(analyses)
        self.clock, self._file = clock, file
        self._tuned = [
            Tuned(plan=plan, channel=channel, analysis=self._place(detector.analysis), detector=detector)
            for plan, channel, detector in detectors
        ]
        common: dict[tuple[int, int], dict[type, object]] = {}
        for tuned in self._tuned:
            tuned.detector.keep_time(clock)
            tuned.detector.share(common.setdefault((tuned.channel, tuned.analysis), {}))
        self._seated = self._seat()
        self._read, self._joins_copies = read_audio, joins_copies
        self._unheard = _Unheard()
        self._audio = {
            t.channel: _ChannelAudio(read_audio, t.channel - 1, self._unheard) for t in self._tuned
        }
        self.numbers = Numbers(counter)
        self._reading = PLAIN

    def read_by(self, reading: Reading) -> None:
        """What full scale is as sound pressure, for limits that are set so, and for events to tell theirs."""
        self._reading = reading
        for tuned in self._tuned:
            tuned.detector.read_by(reading)

    @property
    def analyses(self) -> tuple[Analysis, ...]:
        """What a batch must have been made of, in this order."""
        return tuple(self._analyses)

    @cached_property
    def history_samples(self) -> int:
        """How far behind the newest sample a detector may read."""
        return max((t.detector.history_samples for t in self._tuned), default=0)

    @cached_property
    def _channels(self) -> list[int]:
        """Of each detector."""
        return [tuned.channel for tuned in self._tuned]

    @property
    def history_frames(self) -> tuple[int, ...]:
        """How many frames of each analysis a detector may read before those that it is fed."""
        kept = [0] * len(self._analyses)
        for seated in self._seated:
            kept[seated.analysis] = max(kept[seated.analysis], seated.choir.history_frames)
        return tuple(kept)

    @property
    def forgets(self) -> bool:
        """Whether there may be moments at which it is fresh."""
        return all(tuned.detector.forgets for tuned in self._tuned)

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing is in progress: all that it tells from here on begins later."""
        return all(tuned.detector.is_at_rest for tuned in self._tuned)

    def is_fresh(self, end_sample: int) -> bool:
        """Whether what it says after this sample, up to which it was fed, depends on nothing that it heard before.

        But for the history_samples that it may read.
        """
        return all(
            tuned.detector.is_fresh(self._analyses[tuned.analysis].frames.frames_within(end_sample))
            for tuned in self._tuned
        )

    @property
    def event_count(self) -> int:
        return self.numbers.counter.last

    @property
    def unheard_samples(self) -> int:
        """How many of the samples fed a detector wanted to read and could not."""
        return self._unheard.samples

    def take_unheard(self) -> list[tuple[int, int]]:
        """Those of since the last call: first sample, how many."""
        untold, self._unheard.untold = self._unheard.untold, []
        return untold

    @property
    def rejections(self) -> Counter[str]:
        """How often which test refused a candidate."""
        found: Counter[str] = Counter()
        for tuned in self._tuned:
            found.update(tuned.detector.rejections)
        return found

    def _seat(self) -> list[_Seated]:
        """Those that may be asked together, and each of the others by itself."""
        alike: dict[Hashable, list[int]] = {}
        for i, tuned in enumerate(self._tuned):
            together = tuned.detector.together
            word = i if together is None else (type(tuned.detector), tuned.plan, tuned.analysis, together[0])
            alike.setdefault(word, []).append(i)
        seated = []
        for numbers in alike.values():
            these = [self._tuned[i] for i in numbers]
            together = these[0].detector.together
            if together and len(these) >= LEAST_TOGETHER:
                choir = together[1]([tuned.detector for tuned in these])
                seated.append(_Seated(choir=choir, numbers=numbers, analysis=these[0].analysis))
            else:
                seated += [
                    _Seated(choir=_Alone(each.channel, each.detector), numbers=[i], analysis=each.analysis)
                    for i, each in zip(numbers, these, strict=True)
                ]
        return seated

    def _place(self, analysis: Analysis) -> int:
        """Where among the analyses it is: detectors that want the same levels get the same."""
        for i, other in enumerate(self._analyses):
            if analysis.measures_as(other):
                return i
        self._analyses.append(analysis)
        return len(self._analyses) - 1

    def feed(self, batch: Batch) -> list[Event]:
        """The next stretch of the stream; its events in the order in which they became known."""
        found: list[tuple[int, Event]] = []
        lead_in = _LeadIn()
        for seated in self._seated:
            run = batch.levels[seated.analysis]
            if run.n_frames:
                listen = partial(self._listen, run, lead_in)
                found += [(seated.numbers[i], event) for i, event in seated.choir.feed(run, listen)]
        return self._finish(found)

    def _listen(self, run: ChannelLevels, lead_in: _LeadIn, channel: int) -> tuple[Levels, Audio]:
        levels, audio = run[channel], self._audio[channel + 1]
        if run.first_frame == 0 and run.analysis.is_complex:
            levels = lead_in.put_before(levels, audio)
        return levels, audio

    def flush(self) -> list[Event]:
        """The stream ends or breaks here."""
        return self._finish([(s.numbers[i], e) for s in self._seated for i, e in s.choir.flush()])

    def _finish(self, found: list[tuple[int, Event]]) -> list[Event]:
        if not found:
            return []
        # Of one moment, in the order of the plans.
        found.sort(key=lambda item: (item[1].known_sample, item[0]))
        if self._joins_copies and len(self._audio) > 1 and len(found) > 1:
            found = self._join_copies(found)
        told: list[Event] = []
        for i, event in found:
            event.channel = self._tuned[i].channel
            event.plan = event.plan or self._tuned[i].plan
            event.file = self._file
            event.time = self.clock.text(event.sample)
            if event.level_dbfs is not None and event.level_dbspl is None:
                event.level_dbspl = self._reading.find_dbspl(event.level_dbfs, event.freqs_hz, event.channel)
            event.sample = max(event.sample, 0)
            event.t_s = max(0.0, round(event.t_s, 6))  # in this order, or -0.0 stays
            if event.duration_s is not None:
                event.duration_s = round(event.duration_s, 6)
            if self.numbers.enter((i, event.id), event):
                told.append(event)
        return told

    def _join_copies(self, found: list[tuple[int, Event]]) -> list[tuple[int, Event]]:
        fs_hz = self._tuned[0].detector.analysis.fs_hz
        kept = join_copies(
            found, self._channels, self._read, fs_hz=fs_hz, history_samples=self.history_samples
        )
        told = {id(event) for _, event in kept}
        for i, event in found:
            if event.phase == "end" and id(event) not in told:
                self.numbers.forget((i, event.id))
        return kept
