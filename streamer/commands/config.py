"""streamer config: the settings of `streamer live`, and where they come from."""

from __future__ import annotations

from pathlib import Path

import click

from streamer.base.files import describe_unwritable
from streamer.commands.live.load_settings import (
    find_config_files,
    list_profiles,
    load_settings,
    write_default_config,
)
from streamer.commands.options import CONFIG_OPTIONS, CONTEXT, DEBUG
from streamer.commands.talk import answer, tell
from streamer.plans.plan import describe_plan


@click.group("config", context_settings=CONTEXT)
def command() -> None:
    """Settings of `streamer live`, in TOML files."""


@command.command("show", context_settings=CONTEXT)
@click.option("--origin", "has_origin", is_flag=True, help="Say where each value comes from.")
@CONFIG_OPTIONS
@DEBUG
def show(has_origin: bool, profile: str | None, config: str | None) -> None:
    """The settings in force."""
    loaded = load_settings(config=config, profile=profile)
    for note in loaded.notes:
        tell(note)
    answer(*loaded.format(has_origin=has_origin).split("\n"))


@command.command("profiles", context_settings=CONTEXT)
@DEBUG
def profiles() -> None:
    """The sets of settings that --profile knows by name, and what they are for."""
    for name, path in list_profiles().items():
        answer(f"{name:<20} {describe_plan(path)}".rstrip())


@command.command("path", context_settings=CONTEXT)
@DEBUG
def path() -> None:
    """Where settings are looked for, the weakest first."""
    for file in find_config_files():
        answer(f"{file}{'' if file.is_file() else '  (not there)'}")


@command.command("init", context_settings=CONTEXT)
@click.argument("file", required=False)
@DEBUG
def init(file: str | None) -> None:
    """Write a settings file with every default as a comment: FILE, or your own one."""
    target = Path(file) if file else find_config_files()[1]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("x", encoding="utf-8") as out:
            out.write(write_default_config())
    except OSError as error:
        raise describe_unwritable(str(target), error) from error
    answer(f"wrote {target}")
