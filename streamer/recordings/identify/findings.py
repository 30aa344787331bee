"""From the records of a pass to what was found: known families, patterns nobody knows, and what else is there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import fmean

from streamer.base.errors import SpecError
from streamer.base.reading import PLAIN, Reading
from streamer.base.units import confidence_from_snr, db_from_power
from streamer.detectors import Detector
from streamer.detectors.registry import is_digit, is_letter, spell
from streamer.events import Event, FamilyRecord, Step, SummaryRecord, UnknownRecord
from streamer.plans.plan import Plan
from streamer.recordings.identify.chords import Chord, find_chords
from streamer.recordings.identify.drafts import draft, is_heard_at, name_patterns
from streamer.recordings.identify.known import NEAR_RATIO, Known, list_chords, list_tones, rank
from streamer.recordings.identify.patterns import Part, Pattern, find_patterns
from streamer.recordings.identify.sound import list_toned, summarise
from streamer.recordings.identify.survey import Survey, make_surveys
from streamer.recordings.identify.timeline import Timeline
from streamer.sources import SourceInfo

MOST_UNKNOWN = 12  # entries of a plan; music has more notes than anybody wants
NEAR_HZ = 4.0
COVERED = 0.5
LONG_S, EDGE_S = 0.3, 0.05
PREAMBLE_S = 0.5
LEAST_RATE_HZ = 4000.0
# Of tones so long, beside what plans take for their own in music, there are 0.6 to 4.4 a second; in speech 0.1 at most,
# and beside signals alone none. An unknown alarm has two or three tones, a melody more.
NOTE_S, AROUND_S, NOTES_A_SECOND, PITCHES = 0.3, 3.0, 0.5, 4
HELD_S = 10.0  # no note: hum, a carrier
PARTS = 3  # of a rhythm, a sequence or a call, and so many digits more: no chance of a melody's


class Findings:
    """Of one recording. It is told of every event, and says in the end what they come to."""

    def __init__(self, plans: Sequence[Plan]) -> None:
        self._plans = plans
        self._events: list[Event] = []
        self._surveys: list[Survey] = []
        self.info: SourceInfo | None = None
        self._reading = PLAIN

    def survey(self, info: SourceInfo, reading: Reading) -> list[tuple[str, int, Detector]]:
        """What listens beside the plans, as `listen` takes it. SpecError for what nothing can be heard in."""
        if info.fs_hz < LEAST_RATE_HZ:
            raise SpecError(
                f"{info.name} has {info.fs_hz:g} samples a second, and tones are looked for from {LEAST_RATE_HZ:g} on"
            )
        self.info, self._reading = info, reading
        channels = range(1, info.channels + 1)
        self._surveys = [each for channel in channels for each in make_surveys(info.fs_hz, channel)]
        return [("", each.channel, each) for each in self._surveys]

    def take(self, event: Event) -> None:
        if event.phase == "end":
            self._events.append(event)

    def conclude(self) -> list[FamilyRecord | UnknownRecord | SummaryRecord]:
        assert self.info is not None
        channels = range(1, self.info.channels + 1)
        chords = {channel: self._find_chords(channel) for channel in channels}
        families = rank(drop_notes(drop_pieces(self._events, chords), chords), self._plans)
        explained = [event for known in families for event in known.events]
        unknown = [
            (channel, pattern)
            for channel in channels
            for pattern in find_patterns(
                leave_out_explained(chords[channel], _list_heard_in(channel, explained))
            )
        ]
        unknown.sort(key=lambda found: -len(found[1].chords) * sum(c.length_s for c in found[1].chords))
        unknown = sorted(unknown[:MOST_UNKNOWN], key=lambda found: found[1].start_s)
        return [
            *map(self._tell_family, families),
            *self._tell_unknown(unknown),
            self._summarise(explained, [pattern for _, pattern in unknown]),
        ]

    def _find_chords(self, channel: int) -> list[Chord]:
        assert self.info is not None
        short, long = (survey for survey in self._surveys if survey.channel == channel)
        return find_chords(short.tones, long.tones, self.info.fs_hz)

    def _tell_family(self, known: Known) -> FamilyRecord:
        first, last = known.events[0], max(known.events, key=_stop_s)
        return FamilyRecord(
            plan=known.plan,
            heard=describe_labels(known.events),
            labels=dict(Counter(event.label for event in known.events)),
            events=len(known.events),
            alike={plan: describe_labels(events) for plan, events in known.alike.items()},
            steps=list_chords(known.events),
            sample=first.sample,
            t_s=first.t_s,
            time=first.time,
            duration_s=round(_stop_s(last) - first.t_s, 6),
            channels=sorted(
                {channel for event in known.events for channel in event.channels or [event.channel]}
            ),
            level_dbfs=_mean(event.level_dbfs for event in known.events),
            level_dbspl=_mean(event.level_dbspl for event in known.events),
            snr_db=_mean(event.snr_db for event in known.events),
            off_percent=None if known.off_ratio is None else round(100 * known.off_ratio, 3),
            time_off_percent=None if known.off_time_ratio is None else round(100 * known.off_time_ratio, 1),
            confidence=known.confidence,
            file=first.file,
        )

    def _tell_unknown(self, unknown: Sequence[tuple[int, Pattern]]) -> Iterator[UnknownRecord]:
        assert self.info is not None
        names = name_patterns([pattern for _, pattern in unknown])
        for name, (channel, pattern) in zip(names, unknown, strict=True):
            entry = draft(pattern, name)
            if not is_heard_at(entry, self.info.fs_hz):
                continue
            last = max(pattern.chords, key=lambda chord: chord.stop_s)
            loudest = max(pattern.chords, key=lambda chord: chord.length_s)
            snr_db = db_from_power(pattern.snr)
            level_dbfs = round(db_from_power(2 * loudest.power, least=1e-20), 2)
            yield UnknownRecord(
                label=name,
                kind=pattern.kind,
                steps=[
                    Step(
                        freqs_hz=[round(hz, 3) for hz in part.freqs_hz],
                        t_s=round(at_s, 6),
                        duration_s=round(part.on_s, 6),
                    )
                    for at_s, part in _place(pattern)
                ],
                times=pattern.times,
                toml=entry,
                sample=max(0, round(pattern.start_s * self.info.fs_hz)),
                t_s=max(0.0, round(pattern.start_s, 6)),
                duration_s=round(last.stop_s - pattern.start_s, 6),
                channel=channel,
                level_dbfs=level_dbfs,
                level_dbspl=self._reading.find_dbspl(level_dbfs, loudest.freqs_hz, channel),
                snr_db=round(snr_db, 1),
                confidence=round(confidence_from_snr(snr_db) * (1 - 0.5 ** len(pattern.chords)), 3),
            )

    def _summarise(self, explained: Sequence[Event], unknown: Sequence[Pattern]) -> SummaryRecord:
        """Of the channel that is the loudest."""
        wide = [survey for survey in self._surveys if survey.is_wide]
        seconds = max(
            (survey.sound.finish() for survey in wide),
            key=lambda s: sum(10 ** (x.level_dbfs / 10) for x in s),
        )
        stretches = [(event.t_s, _stop_s(event)) for event in explained]
        stretches += [stretch for pattern in unknown for stretch in pattern.stretches]
        levels = sorted(second.level_dbfs for second in seconds)
        return SummaryRecord(
            shares={
                kind: round(share, 3)
                for kind, share in summarise(
                    seconds, list_toned(stretches, len(seconds), wide[0].sound.second_s)
                ).items()
            },
            quietest_dbfs=round(levels[0], 1) if levels else None,
            loudest_dbfs=round(levels[-1], 1) if levels else None,
        )


def _list_explained(event: Event) -> tuple[float, float, set[float]]:
    """From when to when it explains which tones; no tones for all: bits have more than their two, and a preamble."""
    if event.text is not None and not is_letter(event):
        return event.t_s - PREAMBLE_S, _stop_s(event) + EDGE_S, set()
    return event.t_s, _stop_s(event), {hz for hz, *_ in list_tones(event)}


def drop_pieces(events: Sequence[Event], chords: Mapping[int, Sequence[Chord]]) -> list[Event]:
    """Without those that are less than half of a tone or chord that is there: a piece of something longer."""
    lines = {
        channel: Timeline((chord.start_s, chord.stop_s, chord) for chord in heard if chord.length_s >= LONG_S)
        for channel, heard in chords.items()
    }

    def is_piece(event: Event) -> bool:
        tones = {hz for hz, *_ in list_tones(event)}
        return any(
            chord.length_s > 2 * (event.duration_s or 0.0)
            and start_s <= event.t_s + EDGE_S
            and _stop_s(event) <= stop_s + EDGE_S
            and all(any(_is_near(hz, mine) for mine in chord.freqs_hz) for hz in tones)
            for start_s, stop_s, chord in lines[event.channel].list_in(event.t_s, _stop_s(event))
            if tones
        )

    return [event for event in events if not is_piece(event)]


def drop_notes(events: Sequence[Event], chords: Mapping[int, Sequence[Chord]]) -> list[Event]:
    """Without those that are a note of music: short and simple, among many tones of which no plan tells."""
    lines = {
        channel: Timeline(
            (chord.start_s, chord.stop_s, chord)
            for chord in leave_out_explained(heard, _list_heard_in(channel, events))
            if chord.length_s >= NOTE_S
        )
        for channel, heard in chords.items()
    }

    def is_note(event: Event) -> bool:
        is_plain = event.text is None and len(event.steps or ()) < PARTS
        if not is_plain or (event.duration_s or 0.0) >= HELD_S or is_dialled(event):
            return False
        start_s, stop_s = max(0.0, event.t_s - AROUND_S), _stop_s(event) + AROUND_S
        around = [chord for *_, chord in lines[event.channel].list_in(start_s, stop_s)]
        pitches = {chord.symbol for chord in around}
        return len(around) >= NOTES_A_SECOND * (stop_s - start_s) and len(pitches) >= PITCHES

    def is_dialled(event: Event) -> bool:
        near = (each for each in events if each.plan == event.plan and abs(each.t_s - event.t_s) <= AROUND_S)
        return is_digit(event.type) and sum(1 for _ in near) > PARTS

    return [event for event in events if not is_note(event)]


def _list_heard_in(channel: int, events: Iterable[Event]) -> list[Event]:
    return [event for event in events if channel in (event.channels or [event.channel])]


def _is_near(hz: float, other_hz: float) -> bool:
    return abs(hz - other_hz) <= NEAR_RATIO * other_hz + NEAR_HZ


def leave_out_explained(chords: Sequence[Chord], events: Sequence[Event]) -> list[Chord]:
    """Those of which no event tells: another tone, or at another time."""
    line = Timeline(map(_list_explained, events))

    def is_told(chord: Chord) -> bool:
        covered_s = sum(
            min(stop_s, chord.stop_s) - max(start_s, chord.start_s)
            for start_s, stop_s, freqs_hz in line.list_in(chord.start_s, chord.stop_s)
            if not freqs_hz or any(_is_near(hz, mine) for mine in chord.freqs_hz for hz in freqs_hz)
        )
        return covered_s >= COVERED * chord.length_s

    return [chord for chord in chords if not is_told(chord)]


def describe_labels(events: Sequence[Event]) -> str:
    """What was heard, in order: digits and letters joined, what came again counted."""
    if all(event.text is not None or is_digit(event.type) for event in events):
        return "".join(spell(event) or "" for event in events).strip()
    return ", ".join(
        f"{label} x{n}" if n > 1 else label for label, n in Counter(e.label for e in events).items()
    )


def _place(pattern: Pattern) -> Iterator[tuple[float, Part]]:
    """Each part, and when it first sounds, from the pattern's first sound on."""
    at_s = pattern.start_s
    for part in pattern.parts:
        yield at_s, part
        at_s += part.on_s + part.pause_s


def _stop_s(event: Event) -> float:
    return event.t_s + (event.duration_s or 0.0)


def _mean(values: Iterable[float | None]) -> float | None:
    said = [value for value in values if value is not None]
    return round(fmean(said), 1) if said else None
