"""Letters of keyed tones, told one by one: an event each, whose `text` is the letter.

  so many letters in time with one unit
looking -------------------------------> reading: each letter, once the gap behind it is longer than two units
   ^                                        |
   +----------------------------------------+
      a pause of PAUSE_S, or letters that fit no longer
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from streamer.analysis.bank import Analysis, Levels
from streamer.base.morse import DIT_S
from streamer.base.units import amplitude_from_db, confidence_from_snr, db_from_power
from streamer.detectors import Audio, Detector
from streamer.detectors.hearing.bursts import Trail
from streamer.detectors.keying.code import (
    LETTER_GAP,
    WORD_GAP,
    Letter,
    Mark,
    add_letters_before,
    find_fit,
    find_unit,
    leave_out_cut,
    read_letters,
)
from streamer.detectors.keying.envelope import Envelope, bring_down, choose_analysis
from streamer.detectors.keying.spec import KeyingSpec
from streamer.events import Event

LEAST_NOISE = 1e-7  # amplitude of float32 sums: no S/N is claimed beyond it
KEPT_S = 12.0  # how far back letters are found once it is certain that it is Morse: two words at 10 a minute
LOOK_FRAMES, READ_FRAMES = 250, 10  # how often it looks, and reads, one second and 40 ms
PAUSE_S = 10.0
BACK_DITS = 30.0  # what is read again before the letters still to be told: for the threshold and the unit
GUESSES_S = (
    0.036,
    0.06,
    0.1,
)  # dits that a first envelope is smoothed for; each finds those within a factor of 1.5
ENOUGH, ENOUGH_EACH = 14.0, 1.35  # log-likelihood of all lengths together, and for each mark
GOES_ON = 0.25  # for each of the last so many marks and the gaps between them
LAST_MARKS = 6
LONG_GAP, ALONE = 9.0, 0.0  # units, behind which the marks of a letter must fit so well by themselves
NEWEST_MARKS = 16  # what went before may have been something else
LEAST_SNR = 3.3  # amplitude of marks over the noise's RMS
LEAST_OVER_FLOOR = 2.0  # power of the strongest band over the median of all: 3 dB
MOST_UNEVEN_DB = 3.0  # median of the steps in level from mark to mark
LEAST_SHARE = 0.12  # of the marks are dits, and are dahs
LEAST_VALID = 0.85  # of the letters are letters
MOST_FADE = 0.08  # of the amplitude lately: what is so faint is no mark,
MOST_STEP = 0.2  # and from one letter to the next no more than this
LONE_SNR, LONE_STEP = 6.0, 0.4  # of a letter of one mark, which noise makes too: one or the other at least


class Heard(NamedTuple):
    """What a stretch of frames holds. noise_rms: in amplitude, as the levels of marks

    quiet_from_s: nothing is on from then to the first mark   quiet_until_s: nor from the last mark to then
    """

    marks: list[Mark]
    noise_rms: float
    pitch_hz: float
    quiet_from_s: float
    quiet_until_s: float


class KeyingDetector(Detector):
    """One KeyingSpec in one channel: of what is keyed, the strongest pitch.

    confidence is 1 - 10 ** (-snr_db / 20), S/N in the bandwidth of a dit.
    """

    def __init__(self, spec: KeyingSpec, *, fs_hz: float, channel: int = 1) -> None:
        self.spec, self.channel = spec, channel
        self._analysis = choose_analysis(spec, fs_hz)
        frames = self._analysis.frames
        self._hop, self._length = frames.hop_samples, frames.length_samples
        self._frame_s = self._hop / fs_hz
        self._kept_frames = math.ceil(KEPT_S / self._frame_s)
        self._values = Trail(
            len(self._analysis.bank),
            kept_frames=self._kept_frames,
            run_frames=READ_FRAMES,
            dtype=np.complex64,
        )
        shortest_s, longest_s = spec.dits_s
        self._units_s = np.geomspace(shortest_s * 0.9, longest_s * 1.1, 64)
        self._count = 0
        self._restart(0)

    @property
    def analysis(self) -> Analysis:
        return self._analysis

    @property
    def history_samples(self) -> int:
        return 0  # all is in the levels

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing that it still knows of could be the first letters of something."""
        return self._band is None and self._is_quiet

    def feed(self, levels: Levels, audio: Audio) -> list[Event]:
        _ = audio
        events: list[Event] = []
        if not len(levels):
            return events
        if levels.first_frame != self._values.stop_frame:
            events += self._read(self._values.stop_frame)  # what was lost may have been the rest of a letter
            self._restart(levels.first_frame)
        at = 0
        while at < len(levels):
            # up to the next frame at which it reads, wherever runs are cut
            n = min(READ_FRAMES - self._values.stop_frame % READ_FRAMES, len(levels) - at)
            self._values.append(levels.values[at : at + n])
            at += n
            if self._values.stop_frame % READ_FRAMES == 0:
                events += self._read(self._values.stop_frame)
        return events

    def flush(self) -> list[Event]:
        events = self._read(self._values.stop_frame, is_last=True)
        self._restart(self._values.stop_frame)
        return events

    def _restart(self, next_frame: int) -> None:
        self._values.clear(next_frame)
        self._first_frame = next_frame
        self._told_until_s = -math.inf  # stop of the last letter told, in seconds of the stream's frames
        self._band: int | None = None  # None: looking
        self._begins_word = True  # the letter that is told next, as nothing was before it for long
        self._is_quiet = True  # when it looked last, nothing stood out
        self._unit_s = 0.0
        self._level = 0.0  # amplitude of the last marks
        self._heard_frame = next_frame  # when the last letter was told

    def _read(self, stop_frame: int, *, is_last: bool = False) -> list[Event]:
        """All letters that are over by this frame and were not told yet."""
        if self._band is None and (is_last or stop_frame % LOOK_FRAMES == 0):
            self._look(stop_frame)
        if self._band is None:
            return []
        back_s = min(self._told_until_s, stop_frame * self._frame_s) - BACK_DITS * self._unit_s
        first = math.floor(max(back_s / self._frame_s, self._oldest(stop_frame)))
        heard = self._listen(first, stop_frame, self._band, self._unit_s)
        if heard.marks:
            self._unit_s = self._follow_unit(heard.marks)
        events = self._tell(heard, stop_frame, is_last=is_last)
        if (stop_frame - self._heard_frame) * self._frame_s > PAUSE_S:
            self._band = None
        return events

    def _oldest(self, stop_frame: int) -> int:
        return max(stop_frame - self._kept_frames, self._first_frame)

    def _listen(self, first: int, stop_frame: int, band: int, unit_s: float) -> Heard:
        """In seconds of the stream's frames."""
        from_s = first * self._frame_s
        values = self._values.rows(first, stop_frame)[band]
        if values.size < 4 * READ_FRAMES:
            return Heard([], LEAST_NOISE, 0.0, from_s, from_s)
        freq_hz = float(self._analysis.bank.freqs_hz[band])
        z, pitch_hz = bring_down(values, freq_hz, self._frame_s, self._analysis.amplitude_per_value)
        envelope = Envelope(z, frame_s=self._frame_s, unit_s=unit_s, least=MOST_FADE * self._level)
        marks = [Mark(a + from_s, b + from_s, level) for a, b, level in envelope.find_marks()]
        quiet_s = from_s + envelope.quiet_from_s, from_s + envelope.quiet_until_s
        return Heard(marks, max(envelope.noise_rms, LEAST_NOISE), pitch_hz, *quiet_s)

    def _look(self, stop_frame: int) -> None:
        """Whether the strongest tone is Morse."""
        first = self._oldest(stop_frame)
        values = self._values.rows(first, stop_frame)
        if values.shape[1] < LOOK_FRAMES // 2:
            return
        power = (values.real**2 + values.imag**2).mean(axis=1)
        band = int(power[1:-1].argmax()) + 1
        least = 0.5 * amplitude_from_db(self.spec.min_level_dbfs) ** 2
        self._is_quiet = bool(
            power[band] < LEAST_OVER_FLOOR * float(np.median(power))
            or power[band] * self._analysis.amplitude_per_value**2 < least
        )
        if self._is_quiet:
            return
        best = 0.0
        for guess_s in GUESSES_S:
            unit_s, fit, found = self._try_unit(first, stop_frame, band, guess_s)
            if found and fit > best:
                best, self._unit_s, self._band = fit, unit_s, band
                self._level = _find_level(found)
                told_until_s = max(found[0].start_s - 0.1 * unit_s, self._told_until_s)
        if self._band is not None:
            self._told_until_s, self._begins_word = told_until_s, True
        self._heard_frame = stop_frame

    def _try_unit(
        self, first: int, stop_frame: int, band: int, guess_s: float
    ) -> tuple[float, float, list[Mark]]:
        """The unit near a guess, how well all fits it, and the marks, if that is Morse."""
        unit_s = guess_s
        for _ in range(2):
            heard = self._listen(first, stop_frame, band, unit_s)
            marks = [mark for mark in heard.marks if mark.start_s > self._told_until_s]
            if len(marks) < 2 * self.spec.min_letters:
                return 0.0, 0.0, []
            unit_s, _ = find_unit(marks[-NEWEST_MARKS:], self._units_s)
            if not 0.6 < unit_s / guess_s < 1.7:
                return 0.0, 0.0, []
        for newest in (len(marks), NEWEST_MARKS):
            found = marks[-newest:]
            unit_s, fit = find_unit(found, self._units_s)
            is_clear = (
                fit >= max(ENOUGH, ENOUGH_EACH * len(found))
                and _find_level(found) >= LEAST_SNR * heard.noise_rms
            )
            if is_clear and self._is_morse(found, unit_s):
                found = add_letters_before(found, marks, unit_s, least_fit=GOES_ON)
                from_s = first * self._frame_s
                is_whole = first <= 0 and heard.quiet_from_s == from_s  # before the stream there was nothing
                return unit_s, fit, found if is_whole else leave_out_cut(found, heard.quiet_from_s, unit_s)
        return 0.0, 0.0, []

    def _is_morse(self, marks: list[Mark], unit_s: float) -> bool:
        """Even in level, dits and dahs, and letters enough, most of which are letters."""
        if (
            len(marks) < 2 * self.spec.min_letters
            or not self.spec.dits_s[0] <= unit_s * 1.05 <= 1.1 * self.spec.dits_s[1]
        ):
            return False
        levels = np.array([mark.level for mark in marks])
        steps_db = 20 * np.abs(np.diff(np.log10(np.maximum(levels, 1e-9))))
        if float(np.median(steps_db)) > MOST_UNEVEN_DB:
            return False
        dahs = np.array([mark.length_s > 1.8 * unit_s for mark in marks]).mean()
        if not LEAST_SHARE <= dahs <= 1 - LEAST_SHARE:
            return False
        letters = read_letters(marks, unit_s, before_s=-math.inf)
        valid = [letter for letter in letters if letter.text]
        return len(valid) >= self.spec.min_letters and len(valid) >= LEAST_VALID * len(letters)

    def _follow_unit(self, marks: list[Mark]) -> float:
        near = np.abs(np.log(self._units_s / self._unit_s)) < 0.2
        return 0.5 * (self._unit_s + find_unit(marks[-20:], self._units_s[near])[0])

    def _tell(self, heard: Heard, stop_frame: int, *, is_last: bool) -> list[Event]:
        events: list[Event] = []
        # an envelope is smoothed over a dit: what is within half a dit of the newest frame may still change
        seen_s = heard.quiet_until_s - 0.5 * self._unit_s
        new = [mark for mark in heard.marks if mark.start_s > self._told_until_s]
        for letter in read_letters(new, self._unit_s, before_s=self._told_until_s):
            # at the very end nothing follows, but what is still on would have been the rest of a letter
            ends_s = math.inf if is_last and heard.quiet_until_s >= stop_frame * self._frame_s else seen_s
            if ends_s - letter.stop_s < LETTER_GAP * self._unit_s:
                break
            before = [mark for mark in heard.marks if mark.stop_s <= letter.stop_s][-LAST_MARKS:]
            level = _find_level(letter.marks)
            is_loud = level >= max(LEAST_SNR * heard.noise_rms, MOST_STEP * self._level)
            if len(letter.marks) == 1:
                is_loud &= level >= min(LONE_SNR * heard.noise_rms, LONE_STEP * self._level)
            goes_on = find_fit(before, self._unit_s) >= GOES_ON and (
                letter.gap_s < LONG_GAP * self._unit_s or find_fit(letter.marks, self._unit_s) >= ALONE
            )
            if letter.text and is_loud and goes_on:
                events.append(self._event(letter, stop_frame, heard))
                self._begins_word = False
                self._heard_frame = stop_frame
                self._level += 0.5 * (level - self._level)
            self._told_until_s = letter.stop_s
        return events

    def _event(self, letter: Letter, stop_frame: int, heard: Heard) -> Event:
        self._count += 1
        half_s = self._length / 2 / self._analysis.fs_hz  # of a frame: times are of their middles
        start_s = letter.marks[0].start_s + half_s
        level = _find_level(letter.marks)
        snr_db = db_from_power((level / heard.noise_rms) ** 2)
        begins_word = self._begins_word or letter.gap_s > WORD_GAP * self._unit_s
        return Event(
            type="match",
            phase="end",
            label=self.spec.name,
            sample=round(start_s * self._analysis.fs_hz),
            t_s=start_s,
            duration_s=letter.stop_s - letter.marks[0].start_s,
            known_sample=(stop_frame - 1) * self._hop + self._length,
            id=self._count,
            channel=self.channel,
            text=(" " if begins_word and self._count > 1 else "") + letter.text,
            freqs_hz=[round(heard.pitch_hz, 1)],
            level_dbfs=round(
                db_from_power(float(np.mean([m.level for m in letter.marks])) ** 2, least=1e-20), 2
            ),
            snr_db=round(snr_db, 1),
            confidence=confidence_from_snr(snr_db),
            detail={"wpm": round(DIT_S / self._unit_s, 1)},
        )


def _find_level(marks: Sequence[Mark]) -> float:
    return float(np.median([mark.level for mark in marks]))
