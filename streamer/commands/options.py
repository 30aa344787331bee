"""Options that recur: the same name, letter and meaning in every command."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import click

from streamer.base.errors import SpecError
from streamer.outputs import list_targets

F = TypeVar("F", bound=Callable[..., Any])

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class NumberRange(click.FloatRange):
    """Which has no NaN in it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        found = super().convert(value, param, ctx)
        if math.isnan(found):
            self.fail(f"{value} is not in the range {self._describe_range()}.", param, ctx)
        return found


def join(*options: Callable[[F], F]) -> Callable[[F], F]:
    """Several options as one decorator, in this order in the help."""

    def decorate(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


def refuse_empty(_context: click.Context, option: click.Parameter, given: Any) -> Any:
    """For options that name a file: a variable of a script that holds nothing names none."""
    for each in given if isinstance(given, tuple) else (given,):
        if each is not None and not each.strip():
            instead = "" if option.required else ", or leave it out"
            raise SpecError(
                f'{max(option.opts, key=len)} is "{each}"; write a name, {option.metavar}{instead}'
            )
    return given


DEBUG = click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")

SOURCE_OPTIONS = join(
    click.option("-r", "--rate", metavar="HZ", help="Sample rate of the microphone or of raw samples."),
    click.option(
        "--channels", metavar="LIST", help="1 | 1,2 | all | mix; of raw samples how many are interleaved."
    ),
    click.option(
        "--format", "sample_format", metavar="NAME", help="Raw samples: s16le s24le s32le f32le u8 alaw ulaw."
    ),
)
START_TIME = click.option(
    "--start-time", metavar="TIME", help="Of a recording's first sample: 2026-11-22T07:31:00+01:00."
)
BAND_OPTIONS = join(
    click.option(
        "-b",
        "--bands",
        metavar="SPEC",
        help="Bands or frequencies, such as third-octave:50-8k or 697,770,852.",
    ),
    click.option("-w", "--window", metavar="NAME", help="Taper, by its scipy name."),
    click.option("-n", "--window-length", metavar="LENGTH", help="4096 samples, or 85ms, for all bands."),
    click.option("--hop", metavar="LENGTH", help="1024 samples, 20ms, or 25% of the window length."),
)
PLAN_OPTION = click.option(
    "--plan",
    "plans",
    multiple=True,
    metavar="NAME|FILE",
    help="Tone plan to listen for, a comma between several, or all; repeatable.",
)
COPIES_OPTION = click.option(
    "--copies",
    metavar="join|keep",
    default="join",
    show_default=True,
    help="One event in several channels that hold the same samples: told once, or in each.",
)
DIGITS = click.option(
    "--digits", "is_digits", is_flag=True, help="Only the digits, calls or text, a line a channel and file."
)
CALIBRATION_OPTION = click.option(
    "--calibration", metavar="LEVEL|NAME", help="What 0 dBFS is as sound pressure, 118dB, or whose it is."
)
READING_OPTIONS = join(
    click.option(
        "--unit", metavar="dbfs|dbm0|dbspl", help="Of levels as they are told; dbspl once calibrated."
    ),
    click.option("--weighting", metavar="A|C|Z", help="Of levels, by frequency; Z is none."),
    CALIBRATION_OPTION,
)


def read_reading(unit: str | None, weighting: str | None, calibration: str | None) -> dict[str, Any]:
    """READING_OPTIONS as they were given, checked; see make_reading."""
    from streamer.base.reading import read_unit, read_weighting  # here, as `--help` needs none of it
    from streamer.sources.calibration import read_level

    if calibration is not None:
        read_level(calibration)
    return {
        "unit": "dbfs" if unit is None else read_unit(unit),
        "weighting": "Z" if weighting is None else read_weighting(weighting),
        "calibration": calibration,
    }


QUIET = click.option("-q", "--quiet", is_flag=True, help="No talk on stderr but errors.")
OUTPUT_OPTIONS = join(
    click.option("--json", "is_json", is_flag=True, help="Events as NDJSON, one object a line."),
    click.option(
        *("-o", "--output", "outputs"),
        multiple=True,
        callback=refuse_empty,
        metavar="TARGET",
        help=f"Its name must end in {list_targets()}; repeatable.",
    ),
    QUIET,
)
CONFIG_OPTIONS = join(
    click.option("--profile", metavar="NAME", help="A shipped or own set of settings: rta, pager, ..."),
    click.option("--config", metavar="FILE", help="Settings from this TOML file too."),
)


def choose_jobs(what: str) -> Callable[[F], F]:
    """-j, and what runs so many times at once."""
    return click.option("-j", "--jobs", type=click.IntRange(1, 256), default=1, show_default=True, help=what)
