"""The program `streamer`: its commands by name, and the exit codes that all of them end with."""

from __future__ import annotations

import atexit
import errno
import os
import sys
from collections.abc import Iterator, Set
from contextlib import contextmanager
from importlib import import_module
from typing import Any, NamedTuple

import click

from streamer.base.errors import DONE, INTERNAL_ERROR, NO_THREAD, WRONG_USAGE, NoProcessError, StreamerError
from streamer.base.version import __version__
from streamer.commands.descriptors import STDOUT
from streamer.commands.interrupts import Interrupted, interrupts
from streamer.commands.options import CONTEXT
from streamer.commands.talk import finish_talk, is_debugging, tell, tell_error, tell_traceback


class Entry(NamedTuple):
    """A command: the module that holds it, as `command`, and the first sentence of its help."""

    module: str
    help: str
    takes_interrupts: bool = False  # and ends in an order of its own; all others are ended where they are


COMMANDS = {
    "bands": Entry(
        "bands", "What a band specification means: frequencies, edges, resolution, latency, warnings."
    ),
    "bench": Entry(
        "bench.command",
        "How fast this machine is: the kernel beside its limit and other libraries, and the pipeline.",
    ),
    "bench decoders": Entry(
        "bench.decoders", "Tone decoders beside each other: yours, others' and ours, by the same signals."
    ),
    "calibrate": Entry(
        "calibrate.command",
        "How loud full scale is: listen to a calibrator, and keep it for this device and channel.",
    ),
    "completion": Entry(
        "completion", "Print what makes SHELL complete streamer's commands, options and their values."
    ),
    "config": Entry("config", "Settings of `streamer live`, in TOML files."),
    "detect": Entry("detect.command", "The events in recordings, at full speed, in the order of FILES."),
    "devices": Entry("devices", "The input devices there are, by the names that mic:NAME takes."),
    "doctor": Entry(
        "doctor.command",
        "Whether everything works here, SOURCE (mic or mic:NAME) too, and what to do where it does not.",
    ),
    "generate": Entry(
        "generate", "Test signals: tones, DTMF, cadences, two-tone pages, sweeps, hum and noise."
    ),
    "guide": Entry("guide", "Read about TOPIC; without one, what there is to read."),
    "history": Entry(
        "history.command", "What outputs have kept, written or sent: levels and events, over any time."
    ),
    "identify": Entry(
        "identify.command",
        "What is in SOURCE: families of tones by name, and a tone plan for those that have none.",
    ),
    "live": Entry(
        "live.command",
        "Watch SOURCE: a dashboard on a terminal, events as lines elsewhere.",
        takes_interrupts=True,
    ),
    "plan": Entry("plan", "Tone plans: what to listen for, as TOML."),
    "scan": Entry("scan", "Archives: events and levels of many recordings, into one folder."),
    "spectrogram": Entry(
        "spectrogram", "Pictures of recordings, or their values: amplitude, power, PSD or complex."
    ),
    "wait": Entry("wait.command", "Until a tone, or what a plan tells of, is heard in SOURCE; for scripts."),
}


class LazyGroup(click.Group):
    """A group that knows its commands by name and help, and imports the one that is called."""

    def __init__(self, **settings: Any) -> None:
        # A command of two words is told of by the help of the first.
        known = {
            name: click.Command(name, help=entry.help, hidden=" " in name) for name, entry in COMMANDS.items()
        }
        super().__init__(commands=known, **settings)

    def make_context(self, *args: Any, **more: Any) -> click.Context:
        with _past_click():
            return super().make_context(*args, **more)

    def invoke(self, ctx: click.Context) -> Any:
        with _past_click():
            return super().invoke(ctx)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        both = " ".join(args[:2])
        name, _, rest = super().resolve_command(ctx, [both, *args[2:]] if both in COMMANDS else args)
        if name is None:
            return name, None, rest
        command = load_command(name)
        if not COMMANDS[name].takes_interrupts:
            interrupts.raise_them()
        return name, command, rest


class _PastClick(Exception):
    """Of what click would misunderstand: the end of a file is no abort, and a reader who has gone no error."""


@contextmanager
def _past_click() -> Iterator[None]:
    try:
        yield
    except (EOFError, BrokenPipeError) as error:
        raise _PastClick from error


def load_command(name: str) -> click.Command:
    """One of COMMANDS itself."""
    command = import_module(f"streamer.commands.{COMMANDS[name].module}").command
    assert isinstance(command, click.Command)
    return command


def main(closed: Set[int] = frozenset()) -> None:
    """Ends the process with one of the documented exit codes. closed: descriptors nobody has given us"""
    if STDOUT in closed:
        tell("stdout is closed; what is written there is lost")
    code = run()
    finish_talk()
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        pass  # whoever read our output has heard enough
    # Not by way of Python's own end, in which signals have their first meaning again.
    atexit._run_exitfuncs()
    os._exit(code)


def run() -> int:
    """The exit code of what the command line asks for."""
    if "_STREAMER_COMPLETE" in os.environ:  # a shell asks, in the way that this module has told it
        import_module("streamer.commands.completion")
    try:
        code = cli.main(prog_name="streamer", standalone_mode=False)
        _tell_of_the_store()
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else "")
        return WRONG_USAGE
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        where = context.command_path if context else "streamer"
        tell(f"{' '.join(error.format_message().split())} See `{where} --help`.")
        return WRONG_USAGE
    except Interrupted as interrupted:
        return interrupted.exit_code
    except StreamerError as error:
        return tell_error(error)
    except _PastClick as passed:
        cause = passed.__cause__
        assert cause is not None
        return DONE if isinstance(cause, BrokenPipeError) else _tell_internal_error(cause)
    except (OSError, MemoryError, RuntimeError) as error:
        if (shortage := _describe_shortage(error)) is None:
            return _tell_internal_error(error)
        tell(shortage)
        return INTERNAL_ERROR
    except Exception as error:
        return _tell_internal_error(error)
    return code if isinstance(code, int) else DONE


def _tell_of_the_store() -> None:
    """Where this process has compiled, and could not keep the code where it should lie."""
    store = sys.modules.get("streamer.analysis.kernels.store")
    if store and (notice := store.notice()):
        tell(notice)


SHORTAGES = {
    errno.ENOSPC: "make room on the disk",
    errno.EDQUOT: "make room on the disk",
    errno.EFBIG: "allow larger files (see `ulimit -f`)",
    errno.EMFILE: "allow more open files (see `ulimit -n`)",
    errno.ENFILE: "close some programs",
    errno.ENOMEM: "allow more memory (see `ulimit -v`)",
}


def _describe_shortage(error: OSError | MemoryError | RuntimeError) -> str | None:
    """One line about what this machine has too little of, if that is what it is."""
    if isinstance(error, RuntimeError):  # has no number
        return str(NoProcessError(error)) if str(error) == NO_THREAD else None
    if isinstance(error, MemoryError) or "llvmlite" in str(error):  # whose library could not be mapped
        return f"there is not enough memory: {SHORTAGES[errno.ENOMEM]}"
    if error.errno not in SHORTAGES:
        return None
    is_of_a_file = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    where = error.filename or ("stdout, or another file" if is_of_a_file else "")
    return f"{where}{': ' * bool(where)}{error.strerror}; {SHORTAGES[error.errno]}"


def _tell_internal_error(error: BaseException) -> int:
    if is_debugging():
        tell_traceback(error)
    else:
        name = type(error).__name__
        tell(f"internal error: {name}: {error}; run again with --debug and report what it prints")
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

        click.echo(f"libsndfile {soundfile.__libsndfile_version__}")
    except (ImportError, OSError):
        click.echo("libsndfile is missing")
    context.exit()


@click.group(cls=LazyGroup, context_settings=CONTEXT)
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
