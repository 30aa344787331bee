"""What a run is to do: from the words of the command line and the settings in force."""

from __future__ import annotations

import math
import os
import sys
from dataclasses import dataclass

from streamer.base.errors import SpecError
from streamer.base.reading import Reading
from streamer.base.units import parse_lasting_s, parse_moment
from streamer.commands.live.settings import LiveSettings
from streamer.outputs import Keeping
from streamer.outputs.digits import PAUSE_S, DigitLines
from streamer.outputs.formats import Format, format_json
from streamer.outputs.words import TextLines
from streamer.sources import SourceInfo, SourceSpec, parse_source
from streamer.sources.calibration import make_reading

DEMO_PLANS = ("dtmf", "call-progress-us")


HOLD_S = 10.0
NO_OUTPUT = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The words of the command line that are no settings, as they were given."""

    source: str | None
    demo: bool
    plain: bool
    is_json: bool
    is_digits: bool
    hold: bool
    outputs: tuple[str, ...]
    frames: tuple[str, ...]
    overwrites: bool
    watches: bool
    quiet: bool
    strict: bool
    duration: str | None
    sample_format: str | None
    start_time: str | None
    plans: tuple[str, ...]
    copies: str
    config: str | None
    profile: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorSpec:
    """How a run is shown and when it ends."""

    source: SourceSpec
    speed: float | None = 1.0  # None: as fast as it goes
    n_workers: int | None = None  # None: as many as is good
    duration_s: float | None = None
    is_strict: bool = False
    has_dashboard: bool = False
    hold_s: float = 0.0  # how long the screen stays when a recording has ended
    has_health_lines: bool = True
    stdout: Format | None = None
    output_paths: tuple[str, ...] = ()
    keeping: Keeping = Keeping.APPEND
    plans: tuple[str, ...] = ()
    fps: float = 15.0
    unit: str = "dbfs"
    weighting: str = "Z"
    calibration: str | None = None
    watches: bool = False  # what was read is read again when it changes
    is_plain: bool = False  # lines come when what they tell is whole

    def make_reading(self, info: SourceInfo) -> Reading:
        """SpecError for dB SPL of what is not calibrated."""
        return make_reading(
            unit=self.unit,
            weighting=self.weighting,
            calibration=self.calibration,
            source=self.source,
            name=info.name,
            channels=info.channels,
        )


def choose_plans(options: Options, settings: LiveSettings) -> tuple[str, ...]:
    return DEMO_PLANS if options.demo and "plan" not in settings.given else settings.plan


def choose_outputs(options: Options, settings: LiveSettings) -> tuple[str, ...]:
    """Those of flags if there are any, `none` among them, else those of the settings; and files of frames."""
    named = tuple(text for text in options.outputs or settings.outputs if text != NO_OUTPUT)
    return named + tuple(f"frames:{path}" for path in options.frames)


def make_spec(options: Options, settings: LiveSettings, plans: tuple[str, ...]) -> MonitorSpec:
    stdout = _choose_format(options)
    has_dashboard = _wants_dashboard(settings.dashboard, is_plain=options.plain or stdout is not None)
    is_plain = options.plain and not has_dashboard and stdout is None
    if is_plain:
        stdout = _make_plain_lines()
    return MonitorSpec(
        source=parse_source(
            options.source,
            demo=options.demo,
            sample_format=options.sample_format,
            rate_hz=settings.rate_hz,
            channels=settings.channels,
            start_time=None
            if options.start_time is None
            else parse_moment(options.start_time, name="start-time"),
        ),
        speed=settings.speed,
        n_workers=settings.workers,
        duration_s=None if options.duration is None else parse_lasting_s(options.duration, name="duration"),
        is_strict=options.strict,
        has_dashboard=has_dashboard,
        hold_s=_choose_hold_s(options),
        has_health_lines=not options.quiet,
        stdout=stdout or (None if has_dashboard else TextLines()),
        output_paths=choose_outputs(options, settings),
        keeping=Keeping.OVERWRITE if options.overwrites else Keeping.APPEND,
        plans=plans,
        fps=settings.fps,
        unit=settings.unit,
        weighting=settings.weighting,
        calibration=settings.calibration,
        watches=options.watches,
        is_plain=is_plain,
    )


def _choose_format(options: Options) -> Format | None:
    """Of the lines that were asked for on stdout."""
    if options.is_json and options.is_digits:
        raise SpecError(
            "--json and --digits are given, and stdout takes one of them: give the other to -o FILE"
        )
    if options.is_digits:
        source = parse_source(options.source, demo=options.demo)
        goes_on = source.is_live or source.is_demo or source.is_piped
        return DigitLines(pause_s=PAUSE_S if goes_on else None)
    return format_json if options.is_json else None


def _make_plain_lines() -> Format:
    from streamer.commands.live.plain import PlainLines  # the screen's words, which other lines do without

    return PlainLines()


def _choose_hold_s(options: Options) -> float:
    if options.hold:
        return math.inf
    # Somebody who sits there reads it; a script that has a terminal is not kept for long, others not at all.
    return HOLD_S if options.duration is None and sys.stdout.isatty() else 0.0


def _wants_dashboard(choice: str, *, is_plain: bool) -> bool:
    if choice != "auto":
        return choice == "on"
    is_terminal = sys.stdout.isatty() and os.environ.get("TERM", "") not in ("", "dumb")
    return is_terminal and not is_plain
