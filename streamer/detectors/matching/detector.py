"""The rhythms and codes of one plan in one channel: hearing and grammars behind one door."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.bank import Analysis, Levels
from streamer.detectors import Audio, Detector, Tell
from streamer.detectors.hearing.tones_heard import Told, ToneBurst, ToneHearing
from streamer.detectors.matching.grammar import Draft, Grammar, Match, make_event
from streamer.detectors.matching.near import NearMisses
from streamer.detectors.matching.neighbours import Neighbours
from streamer.detectors.matching.parts import Chord, PartFinder
from streamer.events import Event

HISTORY_WINDOWS = 4  # a tone begins to be known up to three after its start
RECENT = 32  # matches; what they were made of makes no other


class MatchDetector(Detector):
    """Tones in, matches out: of the entries of one plan that share a window.

    Where several entries would be matched by one stretch, the most specific is told, as soon as none more specific is
    under way there. Between the frames in which something becomes known, grammars are asked at the moments they name;
    so nothing depends on how frames come in runs.
    """

    def __init__(
        self,
        hearing: ToneHearing,
        grammars: Sequence[Grammar],
        *,
        channel: int = 1,
        names: Sequence[str] = (),
    ) -> None:
        """names: of the entries, for whoever wants to know what was refused"""
        self.channel = channel
        self._names = names or [""] * len(grammars)
        self._near_misses: NearMisses | None = None
        self.hearing = hearing
        self._grammars = list(grammars)
        self._hearers = [grammar for grammar in grammars if grammar.hears_all]
        frames, fs_hz = hearing.analysis.frames, hearing.analysis.fs_hz
        self._hop, self._length, self._fs_hz = frames.hop_samples, frames.length_samples, fs_hz
        self._neighbours = Neighbours(fs_hz=fs_hz, window_samples=self._length)
        finders: dict[tuple[object, float], PartFinder] = {}
        self._users: dict[PartFinder, list[Grammar]] = {}
        for grammar in grammars:
            for chord in grammar.chords:
                join = grammar.join_samples
                if len(chord.freqs_hz) > 1 and not chord.is_choice:  # the others are told of a little later
                    join = max(join, self._length / 2 + 5 * self._hop)
                finder = finders.setdefault((chord, join), self._make_finder(chord, join))
                self._users.setdefault(finder, []).append(grammar)
        self._told: list[Match] = []  # begun, and not over
        self._recent: deque[Match] = deque(maxlen=RECENT)
        self._count = 0
        self._next_frame = 0
        self._begin_sample = 0  # of the unbroken signal
        self._known_sample = 0
        self._audio: Audio | None = None
        self._due = math.inf

    def _make_finder(self, chord: Chord, join: float) -> PartFinder:
        return PartFinder(
            chord,
            fs_hz=self._fs_hz,
            join_samples=join,
            read=self._read,
            window_samples=self._length,
            find_company=self._neighbours.find_company,
        )

    @property
    def analysis(self) -> Analysis:
        return self.hearing.analysis

    @property
    def history_samples(self) -> int:
        return HISTORY_WINDOWS * self._length

    @property
    def is_at_rest(self) -> bool:
        now = self._newest_sample
        return (
            not self._told
            and self.hearing.is_at_rest
            and all(finder.is_at_rest(now) for finder in self._users)
            and all(grammar.is_at_rest(now) for grammar in self._grammars)
        )

    def explain(self, tell: Tell) -> None:
        for grammar, name in zip(self._grammars, self._names, strict=True):
            grammar.why = partial(_tell_why, tell, name)
        self._near_misses = NearMisses(self._grammars, self._fs_hz)

    def share(self, common: dict[type, object]) -> None:
        hearing = common.setdefault(ToneHearing, self.hearing)
        assert isinstance(hearing, ToneHearing)
        self.hearing = hearing

    def feed(self, levels: Levels, audio: Audio) -> list[Event]:
        if not len(levels):
            return []
        events: list[Event] = []
        if levels.first_frame != self._next_frame:
            events += self.flush()
            self._begin_sample = levels.first_frame * self._hop
            self._neighbours.clear(self._begin_sample)
        self._audio = audio
        for tone in self.hearing.hear(levels):
            events += self._pass_time(tone.known_sample - self._hop)
            events += self._listen(tone, tone.known_sample)
        self._next_frame = levels.first_frame + len(levels)
        return events + self._pass_time(self._newest_sample)

    def flush(self) -> list[Event]:
        events: list[Event] = []
        for tone in self.hearing.stop_before(self._next_frame):
            events += self._listen(tone, self._newest_sample)
        events += self._pass_time(math.inf)
        for grammar in self._grammars:
            grammar.finish()
        events += self._tell(self._newest_sample)
        for finder in self._users:
            finder.clear()
        for grammar in self._grammars:
            grammar.clear()
        return events

    def _read(self, start: int, stop: int) -> NDArray[np.float32] | None:
        """Samples [start, stop) as far as they are one signal; None where not all are known by the end of a frame."""
        oldest, now = self._known_sample - self.history_samples, self._known_sample
        if self._audio is None or not max(oldest, self._begin_sample) <= start < stop <= now:
            return None
        return self._audio.read(start, stop)

    @property
    def _newest_sample(self) -> int:
        return (self._next_frame - 1) * self._hop + self._length

    def _listen(self, tone: ToneBurst, now: float) -> list[Event]:
        is_news = False
        self._known_sample = tone.known_sample
        self._neighbours.hear(tone)
        if self._near_misses is not None:
            self._near_misses.hear(tone)
        for grammar in self._hearers:
            grammar.hear(tone)
        if tone.told is Told.RISES:
            if self._hearers:
                self._ask_when()
            return []
        for finder, grammars in self._users.items():
            part = finder.follow(tone)
            done = finder.settle(now)
            is_news |= part is not None or bool(done)
            for grammar in grammars:
                if part is not None and not part.is_over:
                    grammar.note(part)
                for each in done:
                    grammar.take(each)
        if not is_news:
            return []
        return self._tell(now)

    def _pass_time(self, now: float) -> list[Event]:
        """Up to the end of a frame; to the end of all, where the signal ends."""
        events: list[Event] = []
        while self._due <= now and self._due < math.inf:
            at = self._end_of_frame(self._due) if now < math.inf else self._due
            if at > now:
                break
            for finder, grammars in self._users.items():
                for done in finder.settle(at):
                    for grammar in grammars:
                        grammar.take(done)
            for grammar in self._grammars:
                grammar.decide(at)
            events += self._tell(at if now < math.inf else self._newest_sample)
        return events

    def _end_of_frame(self, sample: float) -> float:
        """The end of the first frame that has all samples up to there."""
        if sample == math.inf:
            return sample
        return math.ceil((sample - self._length) / self._hop) * self._hop + self._length

    def _tell(self, now: float) -> list[Event]:
        """What may be told of the matches there are."""
        found = [(grammar, match) for grammar in self._grammars for match in grammar.take_matches()]
        events: list[Event] = []
        if found:
            drafts = [(grammar, draft) for grammar in self._grammars for draft in grammar.list_drafts()]
            for grammar, match in sorted(found, key=lambda pair: -pair[1].weight):
                events += self._tell_of(match, grammar, drafts, now)
        self._ask_when()
        return events

    def _ask_when(self) -> None:
        self._due = min(*(f.due for f in self._users), *(g.due for g in self._grammars))

    def _tell_of(
        self, match: Match, grammar: Grammar, drafts: list[tuple[Grammar, Draft]], now: float
    ) -> Iterator[Event]:
        if not match.number:
            if any(_is_in(match, told) for told in (*self._told, *self._recent)):
                grammar.drop(match)
                return
            if any(
                other is not grammar
                and draft.weight > match.weight
                and _overlap(match, draft.start, draft.stop)
                for other, draft in drafts
            ):
                grammar.keep(match)
                return
            self._count += 1
            match.number = self._count
            self._told.append(match)
            yield self._make(match, "begin", now)
        if match.is_over:
            self._told.remove(match)
            self._recent.append(match)
            yield self._make(match, "end", now)

    def _make(self, match: Match, phase: str, now: float) -> Event:
        event = make_event(match, fs_hz=self._fs_hz, phase=phase, known_sample=int(now))
        event.channel = self.channel
        return event


def _tell_why(tell: Tell, name: str, sample: float, reason: str) -> None:
    tell(round(sample), name, reason)


def _is_in(match: Match, told: Match) -> bool:
    """Whether what was told is as specific, and of the same stretch."""
    return told is not match and told.weight >= match.weight and _overlap(match, told.start, told.stop)


def _overlap(match: Match, start: float, stop: float) -> bool:
    return match.start < stop and start < match.stop
