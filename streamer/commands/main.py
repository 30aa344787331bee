"""The program `streamer`: its commands by name, and the exit codes that all of them end with."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any, NamedTuple

import click

from streamer.base.errors import (
    DONE,
    INTERNAL_ERROR,
    INTERRUPTED_TWICE,
    TERMINATED,
    WRONG_USAGE,
    StreamerError,
)
from streamer.base.version import __version__
from streamer.commands.options import CONTEXT
from streamer.commands.talk import is_debugging, tell, tell_error


class Entry(NamedTuple):
    """A command: the module that holds it, as `command`, and the first sentence of its help."""

    module: str
    help: str


COMMANDS = {
    "bands": Entry("bands", "What a band specification means: frequencies, resolution, warnings."),
    "bench": Entry(
        "bench.command",
        "How fast this machine is: the kernel beside its limit and other libraries, and the pipeline.",
    ),
    "completion": Entry("completion", "Print what makes SHELL complete streamer's commands and options."),
    "config": Entry("config", "Settings of `streamer live`, in TOML files."),
    "detect": Entry("detect", "The events in recordings, at full speed, in the order of FILES."),
    "devices": Entry("devices", "The input devices there are, by the names that mic:NAME takes."),
    "doctor": Entry(
        "doctor.command",
        "Whether everything works here, SOURCE (mic or mic:NAME) too, and what to do where it does not.",
    ),
    "generate": Entry(
        "generate", "Test signals: tones, DTMF, cadences, two-tone pages, sweeps, hum and noise."
    ),
    "guide": Entry("guide", "Read about TOPIC; without one, what there is to read."),
    "live": Entry("live.command", "Watch SOURCE: a dashboard on a terminal, events as lines elsewhere."),
    "plan": Entry("plan", "Tone plans: what to listen for, as TOML."),
    "spectrogram": Entry(
        "spectrogram", "Pictures of recordings, or their values: amplitude, power, PSD or complex."
    ),
}


class LazyGroup(click.Group):
    """A group that knows its commands by name and help, and imports the one that is called."""

    def __init__(self, **settings: Any) -> None:
        known = {name: click.Command(name, help=entry.help) for name, entry in COMMANDS.items()}
        super().__init__(commands=known, **settings)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, _, rest = super().resolve_command(ctx, args)
        return name, None if name is None else load_command(name), rest


def load_command(name: str) -> click.Command:
    """One of COMMANDS itself."""
    command = import_module(f"streamer.commands.{COMMANDS[name].module}").command
    assert isinstance(command, click.Command)
    return command


def main() -> None:
    """The command `streamer`: ends the process with one of the documented exit codes."""
    try:
        code = cli.main(prog_name="streamer", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else "")
        code = WRONG_USAGE
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        where = context.command_path if context else "streamer"
        tell(f"{' '.join(error.format_message().split())} See `{where} --help`.")
        code = WRONG_USAGE
    except (click.Abort, KeyboardInterrupt):
        code = INTERRUPTED_TWICE
    except StreamerError as error:
        code = tell_error(error)
    except BrokenPipeError:
        code = DONE  # whoever read our output has heard enough
    except Exception:
        if is_debugging():
            raise
        code = _tell_internal_error()
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or Python complains again at its own end
    if code in (INTERRUPTED_TWICE, TERMINATED):
        os._exit(code)  # at once: Python would wait for children and threads that may hang
    sys.exit(code if isinstance(code, int) else DONE)


def _tell_internal_error() -> int:
    kind, error, _ = sys.exc_info()
    name = kind.__name__ if kind else "error"
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

        click.echo(soundfile.__libsndfile_version__)
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
