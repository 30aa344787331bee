"""The command line: words to specs, and nothing else. Each command imports what it needs when it is called."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from streamer.base.errors import SourceError, StreamerError
from streamer.base.version import __version__

if TYPE_CHECKING:
    from streamer.commands.live.load_settings import LiveSettings
    from streamer.events import Record
    from streamer.plans.listening import Listening, SetUp
    from streamer.sources import SourceInfo

F = TypeVar("F", bound=Callable[..., Any])

NOTHING_MATCHED = 1
INTERNAL_ERROR = 70
INTERRUPTED_TWICE = 130
CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


def main() -> None:
    """The command `streamer`: ends the process with one of the documented exit codes."""
    try:
        code = cli.main(prog_name="streamer", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else "")
        code = 2
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        where = context.command_path if context else "streamer"
        _tell(f"{' '.join(error.format_message().split())} See `{where} --help`.")
        code = 2
    except (click.Abort, KeyboardInterrupt):
        code = INTERRUPTED_TWICE
    except StreamerError as error:
        code = _tell_error(error)
    except BrokenPipeError:
        code = 0  # whoever read our output has heard enough
    except Exception:
        if _debug():
            raise
        code = _tell_internal_error()
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or Python complains again at its own end
    if code == INTERRUPTED_TWICE:
        os._exit(code)  # at once: Python would wait for children that may hang
    sys.exit(code if isinstance(code, int) else 0)


def _debug() -> bool:
    return "--debug" in sys.argv


def _tell_error(error: StreamerError) -> int:
    if _debug():
        raise error
    _tell(error)
    return error.exit_code


def _tell(what: object) -> None:
    """A line on stderr, or a line for each of several mistakes; names of files may hold anything."""
    from streamer.base.units import printable, shorten_line

    text = str(what)
    lines = text.split("\n") if hasattr(what, "findings") else [text]
    lines = [shorten_line(printable(line)) for line in (f"streamer: {lines[0]}", *lines[1:])]
    click.echo("\n".join(lines), err=True)


def _tell_internal_error() -> int:
    kind, error, _ = sys.exc_info()
    name = kind.__name__ if kind else "error"
    _tell(f"internal error: {name}: {error}; run again with --debug and report what it prints")
    return INTERNAL_ERROR


def _print_version(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if not wanted or context.resilient_parsing:
        return
    from importlib.metadata import PackageNotFoundError, version

    click.echo(f"streamer {__version__}")
    click.echo(f"python {sys.version.split()[0]}")
    for name in ("numba", "numpy", "scipy", "sounddevice", "soundfile"):
        try:
            click.echo(f"{name} {version(name)}")
        except PackageNotFoundError:
            click.echo(f"{name} is missing")
    try:
        import sounddevice

        click.echo(sounddevice.get_portaudio_version()[1])
    except (ImportError, OSError):
        click.echo("PortAudio is missing")
    try:
        import soundfile

        click.echo(soundfile.__libsndfile_version__)
    except (ImportError, OSError):
        click.echo("libsndfile is missing")
    context.exit()


@click.group(context_settings=CONTEXT)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Versions, and exit.",
)
def cli() -> None:
    """Watch tones in real time: Goertzel levels at any frequency, and what they mean.

    \b
    streamer live --demo                     the dashboard on a built-in signal, no hardware needed
    streamer live mic:usb --plan dtmf        listen to a microphone
    streamer detect *.wav --plan dtmf        the digits in recordings
    """


def _options(*options: Callable[[F], F]) -> Callable[[F], F]:
    def decorate(function: F) -> F:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


DEBUG = click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")

SOURCE_OPTIONS = _options(
    click.option("-r", "--rate", metavar="HZ", help="Sample rate of the microphone or of raw samples."),
    click.option(
        "--channels", metavar="LIST", help="1 | 1,2 | all | mix; of raw samples how many are interleaved."
    ),
    click.option(
        "--format", "sample_format", metavar="NAME", help="Raw samples: s16le s24le s32le f32le u8 alaw ulaw."
    ),
)
BAND_OPTIONS = _options(
    click.option(
        "-b", "--bands", metavar="SPEC", help="Frequencies, such as third-octave:50-8k or 697,770,852."
    ),
    click.option("-w", "--window", metavar="NAME", help="Taper, by its scipy name."),
    click.option("-n", "--window-length", metavar="LENGTH", help="4096 samples, or 85ms."),
    click.option("--hop", metavar="LENGTH", help="1024 samples, 20ms, or 25% of the window length."),
)
PLAN_OPTION = click.option(
    "--plan", "plans", multiple=True, metavar="NAME|FILE", help="Tone plan to listen for; repeatable."
)
OUTPUT_OPTIONS = _options(
    click.option("--json", "is_json", is_flag=True, help="Events as NDJSON, one object a line."),
    click.option(
        "-o", "--output", "outputs", multiple=True, metavar="FILE", help=".jsonl, .csv or .txt; repeatable."
    ),
    click.option("-q", "--quiet", is_flag=True, help="No talk on stderr but errors."),
)
CONFIG_OPTIONS = _options(
    click.option("--profile", metavar="NAME", help="A shipped or own set of settings: rta, pager, ..."),
    click.option("--config", metavar="FILE", help="Settings from this TOML file too."),
)


@cli.command(context_settings=CONTEXT)
@click.argument("source", required=False)
@click.option(
    "--demo", is_flag=True, help="The built-in signal: dialling, call progress, a page, hum and noise."
)
@BAND_OPTIONS
@SOURCE_OPTIONS
@PLAN_OPTION
@CONFIG_OPTIONS
@click.option("--speed", metavar="1|N|max", help="Pace of a recording.")
@click.option("--duration", metavar="TIME", help="End after so much signal, such as 10s.")
@click.option("--workers", metavar="auto|N", help="Worker processes.")
@click.option("--unit", metavar="dbfs|dbm0", help="Unit of the levels on the dashboard.")
@click.option("--fps", metavar="N", help="Pictures a second on the dashboard.")
@click.option("--dashboard", metavar="auto|on|off", help="auto: on a terminal, unless --json or --plain.")
@click.option("--plain", is_flag=True, help="Events as lines, also on a terminal.")
@OUTPUT_OPTIONS
@click.option("--strict", is_flag=True, help="End with exit code 4 when samples are lost.")
@DEBUG
def live(
    source: str | None,
    demo: bool,
    plain: bool,
    is_json: bool,
    outputs: tuple[str, ...],
    quiet: bool,
    strict: bool,
    duration: str | None,
    sample_format: str | None,
    plans: tuple[str, ...],
    config: str | None,
    profile: str | None,
    **given: str | None,
) -> None:
    """Watch SOURCE: a dashboard on a terminal, events as lines elsewhere.

    SOURCE is mic (the default), mic:NAME, a file, - (stdin), cmd:"PROGRAM ARGUMENTS" or sim:SPEC.
    """
    from streamer.base.processes import start_server

    start_server()
    from streamer.base.units import DBM0_OVER_DBFS, parse_duration_s
    from streamer.commands.live.load_settings import load_settings
    from streamer.commands.live.monitor import MonitorSpec, watch
    from streamer.outputs.to_file import format_json, format_text
    from streamer.sources import parse_source

    flags: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    if plans:
        flags["plan"] = list(plans)
    loaded = load_settings(flags=flags, config=config, profile=profile)
    settings = loaded.values
    if not quiet:
        for note in loaded.notes:
            _tell(note)
    spec = parse_source(
        source,
        demo=demo,
        sample_format=sample_format,
        rate_hz=settings.rate_hz,
        channels=settings.channels,
    )
    if demo and not plans and not settings.plan:
        chosen: tuple[str, ...] = ("dtmf", "call-progress-us")
    else:
        chosen = tuple(settings.plan)
    has_dashboard = _wants_dashboard(settings.dashboard, plain=plain, is_json=is_json)
    writes_lines = is_json or not has_dashboard
    code = watch(
        MonitorSpec(
            source=spec,
            speed=settings.speed,
            n_workers=settings.workers,
            duration_s=None if duration is None else parse_duration_s(duration),
            is_strict=strict,
            has_dashboard=has_dashboard,
            has_health_lines=not quiet,
            stdout=(format_json if is_json else format_text) if writes_lines else None,
            output_paths=outputs,
            plans=chosen,
            fps=settings.fps,
            unit=settings.unit,
            unit_offset_db=DBM0_OVER_DBFS if settings.unit == "dbm0" else 0.0,
        ),
        _make_set_up(settings, chosen),
    )
    click.get_current_context().exit(code)


def _wants_dashboard(choice: str, *, plain: bool, is_json: bool) -> bool:
    if choice != "auto":
        return choice == "on"
    is_terminal = sys.stdout.isatty() and os.environ.get("TERM", "") not in ("", "dumb")
    return is_terminal and not plain and not is_json


def _make_set_up(settings: LiveSettings, plans: Sequence[str]) -> SetUp:
    """What to do once the source has said its rate: bands, frames and detectors."""
    from streamer.analysis.bank import Analysis
    from streamer.commands.live.load_settings import resolve_bank, resolve_frames
    from streamer.plans.listening import Listening, make_detectors

    def set_up(info: SourceInfo) -> Listening:
        display = Analysis(
            bank=resolve_bank(settings, info.fs_hz),
            frames=resolve_frames(settings, info.fs_hz),
            fs_hz=info.fs_hz,
        )
        return Listening(display=display, detectors=list(make_detectors(plans, info.fs_hz, info.channels)))

    return set_up


@cli.command(context_settings=CONTEXT)
@click.argument("files", nargs=-1, required=True)
@SOURCE_OPTIONS
@PLAN_OPTION
@click.option("--duration", metavar="TIME", help="Only the first so much of each file.")
@click.option(
    "-j", "--jobs", type=click.IntRange(1, 256), default=1, show_default=True, help="Files at once."
)
@click.option(
    "--expect", metavar="TEXT", help="End with exit code 1 unless these digits, or this label, are heard."
)
@click.option("--explain", is_flag=True, help="Say on stderr what was taken for no digit, and why.")
@OUTPUT_OPTIONS
@DEBUG
def detect(
    files: tuple[str, ...],
    rate: str | None,
    channels: str | None,
    sample_format: str | None,
    plans: tuple[str, ...],
    duration: str | None,
    jobs: int,
    expect: str | None,
    explain: bool,
    is_json: bool,
    outputs: tuple[str, ...],
    quiet: bool,
) -> None:
    """The events in recordings, at full speed, in the order of FILES.

    A FILE may be any source that ends: a recording, - (stdin), cmd:"PROGRAM" or sim:SPEC.
    """
    from streamer.base.units import parse_duration_s, parse_frequency_hz
    from streamer.outputs.to_file import format_json, format_text, open_outputs
    from streamer.recordings.detect import Job, Remark, run_jobs
    from streamer.sources import parse_source

    rate_hz = None if rate is None else parse_frequency_hz(rate, name="rate")
    limit_s = None if duration is None else parse_duration_s(duration)
    work = [
        Job(
            source=parse_source(file, sample_format=sample_format, rate_hz=rate_hz, channels=channels),
            plans=plans or ("dtmf",),
            duration_s=limit_s,
            explain=explain,
        )
        for file in files
    ]
    sinks = open_outputs(outputs, stdout=format_json if is_json else format_text)
    heard: list[str] = []
    failure: StreamerError | None = None
    with _progress(quiet=quiet) as progress:
        for item in run_jobs(work, n_processes=jobs, progress=progress):
            if isinstance(item, StreamerError):
                failure = failure or item
                _tell(item)
                continue
            if isinstance(item, Remark):
                _tell(item.text)
                continue
            _note_labels(item, heard)
            for sink in sinks:
                sink.put(item, waits=True)
            if sinks[0].error:
                break
    for sink in sinks:
        sink.close(timeout_s=3600)
        if sink.error and not sink.is_closed_by_reader:
            raise SourceError(f"cannot write to {sink.name}: {sink.error.strerror}")
    if failure is not None:
        click.get_current_context().exit(failure.exit_code)
    if expect is not None and expect not in heard and expect not in "".join(x for x in heard if len(x) == 1):
        if not quiet:
            _tell(f'"{expect}" was not heard; heard: {" ".join(heard) or "nothing"}')
        click.get_current_context().exit(NOTHING_MATCHED)


def _note_labels(item: Record, heard: list[str]) -> None:
    from streamer.events import Event

    if isinstance(item, Event) and item.phase == "end":
        heard.append(item.label)


class _Progress:
    """How far it is, on stderr, when that is a terminal."""

    def __init__(self, *, is_on: bool) -> None:
        self._is_on = is_on
        self._shown_s = 0.0

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._is_on and self._shown_s:
            click.echo("\r\x1b[K", nl=False, err=True)

    def __call__(self, name: str, done_s: float, total_s: float | None) -> None:
        import time

        now = time.monotonic()
        if not self._is_on or now - self._shown_s < 0.1:
            return
        self._shown_s = now
        share = f"{100 * done_s / total_s:3.0f} %" if total_s else ""
        click.echo(f"\r\x1b[K{name}  {done_s:.0f} s  {share}", nl=False, err=True)


def _progress(*, quiet: bool) -> _Progress:
    return _Progress(is_on=not quiet and sys.stderr.isatty() and not sys.stdout.isatty())


@cli.command(context_settings=CONTEXT)
@click.argument("files", nargs=-1, required=True)
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    default=("{stem}.png",),
    show_default=True,
    metavar="FILE",
    help=".png, .npz, .csv, .nc or .zarr; {stem} and {name} stand for the recording's; repeatable.",
)
@BAND_OPTIONS
@SOURCE_OPTIONS
@click.option("--start", metavar="TIME", help="Leave out what comes before, such as 90s.")
@click.option("--end", metavar="TIME", help="Leave out what comes after.")
@click.option("--scale", metavar="NAME", help="amplitude (default), power, psd or complex.")
@click.option("--dtype", metavar="NAME", help="float32 (default) or float64.")
@click.option("--floor", metavar="LEVEL", help="Level of the picture's darkest colour, such as -90dBFS.")
@click.option("--ceiling", metavar="LEVEL", help="Level of its brightest colour.")
@click.option("--width", type=int, help="Of the picture in pixels.  [default: 1600]")
@click.option("--height", type=int, help="Of the picture in pixels.  [default: 900]")
@click.option("--events", "has_events", is_flag=True, help="Mark what --plan hears (dtmf) on the picture.")
@PLAN_OPTION
@click.option(
    "-j", "--jobs", type=click.IntRange(1, 256), default=1, show_default=True, help="Threads at work."
)
@click.option("-q", "--quiet", is_flag=True, help="No talk on stderr but errors.")
@DEBUG
def spectrogram(
    files: tuple[str, ...],
    outputs: tuple[str, ...],
    rate: str | None,
    channels: str | None,
    sample_format: str | None,
    start: str | None,
    end: str | None,
    floor: str | None,
    ceiling: str | None,
    width: int | None,
    height: int | None,
    has_events: bool,
    plans: tuple[str, ...],
    jobs: int,
    quiet: bool,
    **measured: str | None,
) -> None:
    """Pictures of recordings, or their values: amplitude, power, PSD or complex.

    Unless told otherwise: frames of 85ms under a hann window, a hop of 25%, and bands from next to 0 Hz up to
    16 kHz, so close that no tone falls between two. A FILE may be any source that ends.

    \b
    streamer spectrogram call.wav                            call.png
    streamer spectrogram *.flac -b notes:A1-C8 -o out/{stem}.png
    streamer spectrogram song.mp3 -n 4096 --hop 1024 --scale complex -o song.zarr
    """
    import signal

    from streamer.base.units import parse_duration_s, parse_frequency_hz, parse_level_dbfs
    from streamer.commands.progress import ProgressBar
    from streamer.recordings.export import plan_exports, run_exports
    from streamer.recordings.figure import Style
    from streamer.recordings.pieces import SpectraSpec
    from streamer.sources import parse_source

    rate_hz = None if rate is None else parse_frequency_hz(rate, name="rate")
    given: dict[str, Any] = {key: value for key, value in measured.items() if value is not None}
    exports = plan_exports(
        [
            parse_source(file, sample_format=sample_format, rate_hz=rate_hz, channels=channels)
            for file in files
        ],
        outputs,
        spec=SpectraSpec(
            start_s=0.0 if start is None else parse_duration_s(start, name="start"),
            end_s=None if end is None else parse_duration_s(end, name="end"),
            plans=plans or (("dtmf",) if has_events else ()),
            **given,
        ),
        style=Style(
            floor_db=None if floor is None else parse_level_dbfs(floor, name="floor"),
            ceiling_db=None if ceiling is None else parse_level_dbfs(ceiling, name="ceiling"),
            **{name: size for name, size in (("width", width), ("height", height)) if size is not None},
        ),
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # half a file is taken away then too
    failure: StreamerError | None = None
    with ProgressBar(is_quiet=quiet) as progress:
        for done in run_exports(exports, jobs=jobs, progress=progress):
            if isinstance(done, StreamerError):
                failure = failure or done
                _tell(done)
            elif not quiet:
                lines = [*(f"wrote {target}" for target in done.targets), *done.remarks]
                for line in lines:
                    _tell(line)
    if failure is not None:
        click.get_current_context().exit(failure.exit_code)


@cli.command(context_settings=CONTEXT)
@click.argument("spec")
@click.option("-r", "--rate", default="48k", show_default=True, metavar="HZ", help="Sample rate.")
@click.option("-w", "--window", default="hann", show_default=True, metavar="NAME", help="Taper.")
@click.option(
    "-n", "--window-length", default="85ms", show_default=True, metavar="LENGTH", help="4096 or 85ms."
)
@click.option("--json", "is_json", is_flag=True, help="As one JSON object.")
@DEBUG
def bands(spec: str, rate: str, window: str, window_length: str, is_json: bool) -> None:
    """What a band specification means: frequencies, resolution, warnings."""
    from streamer.analysis.frames import FrameSpec
    from streamer.base.units import parse_frequency_hz, parse_length_samples
    from streamer.plans.bands import describe_bank, parse_bank

    fs_hz = parse_frequency_hz(rate, name="rate")
    bank = parse_bank(spec, fs_hz)
    length = parse_length_samples(window_length, fs_hz)
    report = describe_bank(bank, fs_hz, FrameSpec(length_samples=length, hop_samples=length, window=window))
    if is_json:
        import msgspec

        click.echo(msgspec.json.encode(report))
        return
    click.echo(report.format())


@cli.command(context_settings=CONTEXT)
@click.option("--json", "is_json", is_flag=True, help="As a JSON list.")
@DEBUG
def devices(is_json: bool) -> None:
    """The input devices there are, by the names that mic:NAME takes."""
    from streamer.sources.mic import OFFER_DEMO, list_devices

    found = list_devices()
    if is_json:
        import msgspec

        click.echo(msgspec.json.encode(found))
    elif found:
        for d in found:
            mark = "*" if d.is_default else " "
            click.echo(f"{mark} [{d.index}] {d.name}, {d.host_api}  {d.channels} channels, {d.fs_hz:g} Hz")
    if not found:
        raise SourceError(f"no input device found: plug one in, {OFFER_DEMO}")


@cli.command(context_settings=CONTEXT)
@click.argument("source", required=False)
@click.option("--json", "is_json", is_flag=True, help="As one JSON object.")
@click.option("-r", "--rate", metavar="HZ", help="Sample rate to try the microphone at.")
@DEBUG
def doctor(source: str | None, is_json: bool, rate: str | None) -> None:
    """Whether everything works here, SOURCE (mic or mic:NAME) too, and what to do where it does not.

    Ends with 0 when `streamer live` can run, with 70 when it cannot.
    """
    from streamer.base.processes import start_server

    start_server()
    from streamer.base.units import parse_frequency_hz
    from streamer.commands.doctor import Verdict, examine
    from streamer.sources import parse_source

    rate_hz = None if rate is None else parse_frequency_hz(rate, name="rate")
    findings = []
    for finding in examine(parse_source(source, rate_hz=rate_hz)):
        findings.append(finding)
        if not is_json:
            click.echo(finding.format())
    can_run = all(finding.verdict is not Verdict.PROBLEM for finding in findings)
    if is_json:
        import msgspec

        click.echo(msgspec.json.encode({"can_run": can_run, "findings": findings}))
    if not can_run:
        click.get_current_context().exit(INTERNAL_ERROR)


@cli.command(context_settings=CONTEXT)
@click.argument("spec")
@click.option(
    "-o", "--output", required=True, metavar="FILE", help="The suffix names the format; - is stdout."
)
@click.option("-r", "--rate", default="48k", show_default=True, metavar="HZ", help="Sample rate.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True, help="Of the noise.")
@click.option("--duration", metavar="TIME", help="Cut off, or go on in silence and noise, up to here.")
@click.option(
    "--format", "sample_format", metavar="NAME", help="Sample format, such as s16le, alaw or f32le."
)
@DEBUG
def generate(
    spec: str, output: str, rate: str, seed: int, duration: str | None, sample_format: str | None
) -> None:
    """Test signals: tones, DTMF, cadences, two-tone pages, sweeps, hum and noise.

    \b
    streamer generate "dtmf:555-0123@-10:50ms/50ms+noise:-40" -o dial.wav
    streamer generate "cadence:480+620/500,0/500x3" -r 8k -o busy.wav
    """
    from streamer.base.units import parse_duration_s, parse_frequency_hz
    from streamer.sources.synthetic.generate import generate as write

    done = write(
        spec,
        output,
        fs_hz=parse_frequency_hz(rate, name="rate"),
        seed=seed,
        duration_s=None if duration is None else parse_duration_s(duration),
        sample_format=sample_format,
    )
    if done.clipped_values:
        click.echo(
            f"streamer: {done.clipped_values} values were beyond full scale and cut off; lower a level",
            err=True,
        )


@cli.group(context_settings=CONTEXT)
def plan() -> None:
    """Tone plans: what to listen for, as TOML."""


@plan.command("list", context_settings=CONTEXT)
@DEBUG
def plan_list() -> None:
    """The plans that --plan knows by name, and where they are."""
    from streamer.plans.plan import list_plans

    for name, path in list_plans().items():
        click.echo(f"{name:<20} {path}")


@plan.command("show", context_settings=CONTEXT)
@click.argument("name", required=False)
@click.option("--schema", metavar="event", help="Print the JSON Schema of the event lines instead.")
@DEBUG
def plan_show(name: str | None, schema: str | None) -> None:
    """The text of a plan, or the JSON Schema of events."""
    if schema is not None:
        import json

        from streamer.base.units import choose
        from streamer.events import make_schema

        choose(schema, ("event",), name="schema")
        click.echo(json.dumps(make_schema(), indent=2))
        return
    from streamer.base.toml import read_toml
    from streamer.plans.plan import find_plan, list_plans

    if name is None:
        raise click.UsageError(f"give the name of a plan: {', '.join(list_plans())}")
    path = find_plan(name)
    read_toml(path)  # says what is wrong with it
    click.echo(path.read_text(encoding="utf-8"), nl=False)


@plan.command("check", context_settings=CONTEXT)
@click.argument("names", nargs=-1, required=True)
@click.option("-r", "--rate", metavar="HZ", help="Check against signals of this sample rate too.")
@DEBUG
def plan_check(names: tuple[str, ...], rate: str | None) -> None:
    """Every mistake in plans, with its line."""
    from streamer.base.units import parse_frequency_hz
    from streamer.plans.plan import load_plan

    fs_hz = None if rate is None else parse_frequency_hz(rate, name="rate")
    failed = None
    for name in names:
        try:
            checked = load_plan(name, fs_hz)
        except StreamerError as error:
            failed = error
            _tell(error)
            continue
        counts = ", ".join(f"{count} {section}" for section, count in checked.count().items() if count)
        click.echo(f"{name}: in order ({counts})")
    if failed is not None:
        click.get_current_context().exit(failed.exit_code)


@cli.group(context_settings=CONTEXT)
def config() -> None:
    """Settings of `streamer live`, in TOML files."""


@config.command("show", context_settings=CONTEXT)
@click.option("--origin", "has_origin", is_flag=True, help="Say where each value comes from.")
@CONFIG_OPTIONS
@DEBUG
def config_show(has_origin: bool, profile: str | None, config: str | None) -> None:
    """The settings in force."""
    from streamer.commands.live.load_settings import load_settings

    click.echo(load_settings(config=config, profile=profile).format(has_origin=has_origin))


@config.command("path", context_settings=CONTEXT)
@DEBUG
def config_path() -> None:
    """Where settings are looked for, the weakest first."""
    from streamer.commands.live.load_settings import find_config_files

    for path in find_config_files():
        click.echo(f"{path}{'' if path.is_file() else '  (not there)'}")


@config.command("init", context_settings=CONTEXT)
@click.argument("file", required=False)
@DEBUG
def config_init(file: str | None) -> None:
    """Write a settings file with every default as a comment: FILE, or your own one."""
    from pathlib import Path

    from streamer.base.errors import SpecError
    from streamer.commands.live.load_settings import find_config_files, write_default_config

    path = Path(file) if file else find_config_files()[1]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as out:
            out.write(write_default_config())
    except OSError as error:
        raise SpecError(f"{path} cannot be written: {error.strerror}") from error
    click.echo(f"wrote {path}")


@cli.command(context_settings=CONTEXT)
@click.option("--json", "is_json", is_flag=True, help="As one JSON object.")
@click.option(
    "--no-baselines", is_flag=True, help="Leave out the ways one writes first: plain loops, a Pool."
)
@DEBUG
def bench(is_json: bool, no_baselines: bool) -> None:
    """How fast this machine is: the kernel beside its limit and other libraries, and the pipeline. About a minute."""
    from streamer.commands.bench import print_report, run_bench

    def tell(what: str) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r\x1b[K{what}", nl=False, err=True)

    report = run_bench(baselines=not no_baselines, progress=tell)
    tell("")
    if is_json:
        click.echo(report.to_json())
    else:
        print_report(report)


@cli.command(context_settings=CONTEXT)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@DEBUG
def completion(shell: str) -> None:
    """Print what makes SHELL complete streamer's commands and options.

    \b
    bash: streamer completion bash >> ~/.bashrc
    zsh:  streamer completion zsh >> ~/.zshrc
    fish: streamer completion fish > ~/.config/fish/completions/streamer.fish
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(cli, {}, "streamer", "_STREAMER_COMPLETE").source())
