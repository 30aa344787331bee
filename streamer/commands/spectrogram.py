"""streamer spectrogram: pictures of recordings, or their values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import click

from streamer.analysis.averages import read_time_weighting
from streamer.base.children import fork_own_server
from streamer.base.errors import SpecError, StreamerError
from streamer.base.units import parse_frequency_hz, parse_lasting_s, parse_level_dbfs, parse_time_s
from streamer.commands.cut_short import Positions, describe_cut, find_exit_code, raising_signals, take_all
from streamer.commands.failures import Failures
from streamer.commands.options import (
    BAND_OPTIONS,
    CONTEXT,
    DEBUG,
    PLAN_OPTION,
    QUIET,
    READING_OPTIONS,
    SOURCE_OPTIONS,
    choose_jobs,
    join,
    read_reading,
    refuse_empty,
)
from streamer.commands.progress import ProgressBar
from streamer.commands.talk import begin_work, tell
from streamer.plans.bands import USUAL
from streamer.plans.plan import check_plans, choose_plans
from streamer.recordings.export import Export, Exported, Told, plan_exports, run_exports
from streamer.recordings.pieces import SpectraSpec
from streamer.sources.folders import parse_sources
from streamer.stores import list_suffixes
from streamer.stores.as_png.layout import Style

QUICK_MS = 10.0  # of the shortest window: F is to follow bursts of 50 ms within 0.1 dB

MEASURE_OPTIONS = join(
    BAND_OPTIONS,
    SOURCE_OPTIONS,
    click.option("--start", metavar="TIME", help="Leave out what comes before, such as 90s."),
    click.option("--end", metavar="TIME", help="Leave out what comes after."),
    click.option("--scale", metavar="NAME", help="amplitude (default), power, psd or complex."),
    click.option(
        "--leq",
        metavar="TIME",
        help="Not frames but averages of so long each: Leq, Lmax, L10, L50, L90, to .csv.",
    ),
    click.option(
        "--time-weighting", metavar="F|S", help="Of --leq: LFmax, LF90, or LSmax, as sound level meters show."
    ),
    click.option("--dtype", metavar="NAME", help="float32 (default) or float64."),
)
PICTURE_OPTIONS = join(
    click.option("--floor", metavar="LEVEL", help="Level of the picture's darkest colour, such as -90dBFS."),
    click.option("--ceiling", metavar="LEVEL", help="Level of its brightest colour."),
    click.option("--width", type=int, help="Of the picture in pixels.  [default: 1600]"),
    click.option("--height", type=int, help="Of the picture in pixels.  [default: 900]"),
    click.option(
        "--events", "has_events", is_flag=True, help="Mark what --plan hears (dtmf) on the picture."
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The words of the command line, as they were given."""

    files: tuple[str, ...]
    outputs: tuple[str, ...]
    rate: str | None
    channels: str | None
    sample_format: str | None
    bands: str | None
    window: str | None
    window_length: str | None
    hop: str | None
    scale: str | None
    dtype: str | None
    unit: str | None
    weighting: str | None
    calibration: str | None
    leq: str | None
    time_weighting: str | None
    start: str | None
    end: str | None
    floor: str | None
    ceiling: str | None
    width: int | None
    height: int | None
    has_events: bool
    plans: tuple[str, ...]
    jobs: int
    quiet: bool

    def make_exports(self) -> list[Export]:
        rate_hz = None if self.rate is None else parse_frequency_hz(self.rate, name="rate")
        return plan_exports(
            parse_sources(
                self.files, sample_format=self.sample_format, rate_hz=rate_hz, channels=self.channels
            ),
            self.outputs,
            spec=self.make_spec(),
            style=self.make_style(),
            told=self.make_told(),
        )

    def make_told(self) -> Told:
        span_s = None if self.leq is None else parse_lasting_s(self.leq, name="leq")
        return Told(
            **read_reading(self.unit, self.weighting, self.calibration),
            span_s=span_s,
            time_weighting=read_time_weighting(self.time_weighting) if self.time_weighting else "",
        )

    def make_spec(self) -> SpectraSpec:
        if self.leq is not None:
            return self._make_averaged_spec()
        if self.time_weighting is not None:
            raise SpecError("--time-weighting is of averages: give --leq too, such as --leq 1m")
        return SpectraSpec(
            start_s=0.0 if self.start is None else parse_time_s(self.start, name="start"),
            end_s=None if self.end is None else parse_time_s(self.end, name="end"),
            plans=self._choose_plans(),
            **self._given("bands", "window", "window_length", "hop", "scale", "dtype"),
        )

    def _choose_plans(self) -> tuple[str, ...]:
        plans = choose_plans(self.plans or (("dtmf",) if self.has_events else ()))
        check_plans(plans)
        return plans

    def _make_averaged_spec(self) -> SpectraSpec:
        """Of averages: they are of power, and unless told otherwise of thirds of an octave."""
        if self.scale is not None or self.has_events:
            raise SpecError("--leq averages levels: leave --scale and --events out")
        plain = replace(
            self, leq=None, time_weighting=None, bands=self.bands or USUAL, scale="power", plans=()
        )
        spec = plain.make_spec()
        return spec if self.time_weighting is None else replace(spec, usual_ms=QUICK_MS)

    def make_style(self) -> Style:
        return Style(
            floor_db=None if self.floor is None else parse_level_dbfs(self.floor, name="floor"),
            ceiling_db=None if self.ceiling is None else parse_level_dbfs(self.ceiling, name="ceiling"),
            **self._given("width", "height"),
        )

    def _given(self, *names: str) -> dict[str, Any]:
        """Of these, what is not left to its default."""
        return {name: value for name in names if (value := getattr(self, name)) is not None}


@click.command("spectrogram", context_settings=CONTEXT)
@click.argument("files", nargs=-1, required=True)
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    callback=refuse_empty,
    default=("{stem}.png",),
    show_default=True,
    metavar="FILE",
    help=f"{list_suffixes()}; {{stem}} and {{name}} stand for the recording's; repeatable.",
)
@MEASURE_OPTIONS
@READING_OPTIONS
@PICTURE_OPTIONS
@PLAN_OPTION
@choose_jobs("Threads at work.")
@QUIET
@DEBUG
def command(**given: Any) -> None:
    """Pictures of recordings, or their values: amplitude, power, PSD or complex.

    Unless told otherwise: frames of 85ms under a hann window, a hop of 25% (of a picture alone, what suits the
    recording), and bands from next to 0 Hz up to 16 kHz, so close that no tone falls between two; at rates above 96 kHz
    up to half the rate, with frames shorter for it. A FILE may be any source that ends; a
    folder or a pattern is all recordings in it.

    \b
    streamer spectrogram call.wav                            call.png
    streamer spectrogram *.flac -b notes:A1-C8 -o out/{stem}.png
    streamer spectrogram song.mp3 -n 4096 --hop 1024 --scale complex -o song.zarr
    """
    options = Options(**given)
    exports = options.make_exports()
    failures, n_done = Failures(), 0
    begin_work(is_quiet=options.quiet)
    if len(exports) > 1:
        fork_own_server([])  # which has all that its processes need, and compiles nothing that they do not

    def take(done: Exported | StreamerError) -> bool:
        nonlocal n_done
        n_done += 1
        progress.show_done(n_done)
        if isinstance(done, StreamerError):
            failures.take(done)
            return True
        if not options.quiet:
            for line in (*(f"wrote {target}" for target in done.targets), *done.remarks):
                tell(line)
        if done.damage is not None:
            failures.take(done.damage)
        return True

    with ProgressBar(is_quiet=options.quiet, n_recordings=len(exports)) as progress, raising_signals():
        positions = Positions(progress)
        cut = take_all(run_exports(exports, jobs=options.jobs, progress=positions), take)
    if cut is not None:
        of = f"{n_done} of {len(exports)} recordings were done{positions.describe()}"
        tell(f"cut short {describe_cut(cut)}; {of}")
        click.get_current_context().exit(find_exit_code(cut))
    failures.tell_again(len(exports))
    if failures.exit_code:
        click.get_current_context().exit(failures.exit_code)
