"""What is asked of one or several simultaneous steady tones."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from streamer.base.errors import SpecError
from streamer.base.fields import FREQS, RANGE_MS
from streamer.detectors.limits import (
    TOLERANCE,
    Tolerance,
    check_level,
    check_tolerance,
    do_overlap,
    format_ms,
    is_heard_as,
    label_tones,
    list_too_high,
    list_unparted,
)

PIECE_MS = 200.0  # that a tone is measured in: a fade or a turn of phase spoils one piece alone


@dataclass(frozen=True, slots=True, kw_only=True)
class ToneSpec:
    """All of freqs_hz at once, or nothing.

    SNR is a tone's power over the noise power in the same noise bandwidth (of the analysis window); the noise
    is the median of guard bands beside the tone, so one neighbouring tone does not raise it.
    """

    name: str
    freqs_hz: tuple[float, ...] = field(metadata=FREQS)
    tolerance: float | Tolerance = field(default=0.015, metadata=TOLERANCE)  # of each measured frequency
    open_snr_db: float = 8.0
    close_snr_db: float = 4.0
    min_on_ms: float = 100.0  # shorter tones are not reported
    max_on_ms: float | None = None  # nor longer ones: then its begin is told when it is over
    min_off_ms: float = 100.0  # shorter breaks do not end a tone
    min_level_dbfs: float = -80.0  # per tone
    max_twist_db: float = 12.0  # between the strongest and the weakest of several tones
    max_louder_db: float = 40.0  # a line elsewhere so far over it at the same time makes it a spur of that
    max_octave_db: float | None = (
        None  # an octave above or below it: what has one so strong is a note of music
    )
    max_fade_db: float | None = None  # from its loudest third to its faintest: notes fade and swell
    max_wander: float | Tolerance | None = field(default=None, metadata=TOLERANCE)  # from piece to piece
    max_sway_db: float | None = None  # in level, from piece to piece
    min_on_beside_ms: float | None = None  # shorter ones are not reported where something else is as loud
    modulated: str = ""  # what it is called once it turns or swells as the next two say
    turn_every_ms: float | None = None  # by half a turn of phase
    swell_hz: float | None = None
    again_ms: tuple[float, float] | None = field(default=None, metadata=RANGE_MS)  # from start to start
    window_ms: float | None = None  # None: as long as min_on_ms and the tolerance allow

    def __post_init__(self) -> None:
        check_level("min_level_dbfs", self.min_level_dbfs)
        me = f'tone "{self.name}"'
        if not self.freqs_hz:
            raise SpecError(f"{me} has no freqs_hz; it needs at least one frequency")
        for freq_hz in self.freqs_hz:
            if not (math.isfinite(freq_hz) and freq_hz > 0):
                raise SpecError(f"{me}: freqs_hz has {freq_hz:g}; it must be above 0 Hz")
        if tuple(sorted(set(self.freqs_hz))) != self.freqs_hz:
            raise SpecError(f"{me}: freqs_hz is {self.freqs_hz}; list each frequency once, ascending")
        check_tolerance(f"{me}: tolerance", self.tolerance, self.freqs_hz)
        if not self.close_snr_db <= self.open_snr_db:
            raise SpecError(
                f"{me}: close_snr_db is {self.close_snr_db:g}; it must not exceed "
                f"open_snr_db, which is {self.open_snr_db:g}, or the tone would flicker"
            )
        for key in ("min_on_ms", "min_off_ms"):
            value = getattr(self, key)
            if not 5 <= value <= 600_000:
                raise SpecError(f"{me}: {key} is {value:g}; it must lie in 5..600000 ms")
        if self.max_on_ms is not None and not self.min_on_ms < self.max_on_ms <= 600_000:
            raise SpecError(
                f"{me}: max_on_ms is {self.max_on_ms:g}; it must lie above min_on_ms, which is {self.min_on_ms:g}, "
                "and up to 600000 ms"
            )
        self._check_modulation(me)
        if self.again_ms is not None and (self.max_on_ms is None or self.again_ms[0] <= self.max_on_ms):
            raise SpecError(
                f"{me}: again_ms begins at {self.again_ms[0]:g}; it must lie above max_on_ms, which "
                f"{'is missing' if self.max_on_ms is None else f'is {self.max_on_ms:g}'}"
            )
        if self.max_fade_db is not None and (self.max_on_ms is None or not self.max_fade_db > 0):
            raise SpecError(
                f"{me}: max_fade_db is {self.max_fade_db:g}; it must be above 0 dB, and needs max_on_ms: "
                "how much a tone fades is asked when it is over"
            )
        self._check_steadiness(me)
        if self.window_ms is not None and not 5 <= self.window_ms <= 2000:
            raise SpecError(f"{me}: window_ms is {self.window_ms:g}; it must lie in 5..2000 ms")
        if not self.max_twist_db > 0:
            raise SpecError(f"{me}: max_twist_db is {self.max_twist_db:g}; it must be above 0 dB")

    def _check_steadiness(self, me: str) -> None:
        if self.max_wander is not None:
            check_tolerance(f"{me}: max_wander", self.max_wander, self.freqs_hz)
        if self.max_sway_db is not None and not self.max_sway_db > 0:
            raise SpecError(f"{me}: max_sway_db is {self.max_sway_db:g}; it must be above 0 dB")
        if self.min_on_ms < 2 * PIECE_MS and not (self.max_wander is None and self.max_sway_db is None):
            raise SpecError(
                f"{me}: min_on_ms is {self.min_on_ms:g}; with max_wander or max_sway it must be at least "
                f"{2 * PIECE_MS:g} ms, for two pieces of {PIECE_MS:g} ms to compare"
            )
        beside_ms = self.min_on_beside_ms
        if beside_ms is not None and not self.min_on_ms < beside_ms <= 600_000:
            raise SpecError(
                f"{me}: min_on_beside_ms is {beside_ms:g}; it must lie above min_on_ms, which is "
                f"{self.min_on_ms:g}, and up to 600000 ms"
            )

    def _check_modulation(self, me: str) -> None:
        if bool(self.modulated) != (self.turn_every_ms is not None or self.swell_hz is not None):
            raise SpecError(
                f"{me}: modulated is what it is called when it is turned or swelled: write it together with "
                "turn_every_ms or swell_hz"
            )
        if self.modulated and len(self.freqs_hz) > 1:
            raise SpecError(f"{me}: modulated is of one tone alone, and freqs_hz has {len(self.freqs_hz)}")
        for key, period_ms, times in (
            ("turn_every_ms", self.turn_every_ms, 2.0),
            ("swell_hz", 1e3 / self.swell_hz if self.swell_hz else None, 6.0),
        ):
            if period_ms is not None and not 20 <= period_ms <= self.min_on_ms / times:
                raise SpecError(
                    f"{me}: {key} is {getattr(self, key):g}, {period_ms:.4g} ms; it must lie in 20..."
                    f"{self.min_on_ms / times:.4g} ms, so that min_on_ms has {times:g} of them"
                )

    def is_alike(self, other: ToneSpec) -> bool:
        """Whether one of the two tells of what the other asks for, at lengths that both take."""
        lengths = [
            (spec.min_on_ms, math.inf if spec.max_on_ms is None else spec.max_on_ms) for spec in (self, other)
        ]
        return do_overlap(*lengths) and (
            is_heard_as(self.freqs_hz, other.freqs_hz, other.tolerance)
            or is_heard_as(other.freqs_hz, self.freqs_hz, self.tolerance)
        )

    def list_tones(self) -> list[tuple[float, str]]:
        return label_tones(self.name, self.freqs_hz)

    def list_obstacles(self, fs_hz: float) -> list[str]:
        obstacles = list_too_high(self.freqs_hz, fs_hz)
        if obstacles:
            return obstacles
        if self.window_ms is not None and self.window_ms > self.min_on_ms:
            obstacles.append(
                f"min_on is {format_ms(self.min_on_ms)}, shorter than the window of {format_ms(self.window_ms)}; "
                f"raise min_on or write window_ms = {self.min_on_ms:g}"
            )
        return obstacles + list_unparted(self.freqs_hz, self.window_ms or self.min_on_ms, "min_on")
