"""Another program's file as a tone plan: Asterisk's indications.conf, FreeSWITCH's tone descriptors."""

from __future__ import annotations

from pathlib import Path

from streamer.base.errors import SpecError
from streamer.base.files import describe_unwritable, make_folder
from streamer.base.text import choose, printable, shorten
from streamer.plans.asterisk import import_indications
from streamer.plans.freeswitch import has_descriptors, import_descriptors
from streamer.plans.imported import TELEPHONE_FS_HZ
from streamer.plans.plan import parse_plan

MAX_CHARACTERS = 2**20


def import_plan(path: str, country: str | None = None) -> str:
    """The text of a plan for a country of another program's file, or for the only one in it."""
    shown = shorten(path)
    try:
        with Path(path).open(encoding="utf-8") as file:
            text = file.read(MAX_CHARACTERS + 1)
    except UnicodeError as error:
        raise SpecError(f"{shown}: no UTF-8 text, so neither an indications.conf nor a vars.xml") from error
    except (OSError, ValueError) as error:
        raise SpecError(
            f"{shown} cannot be read: {getattr(error, 'strerror', None) or 'no such file'}"
        ) from error
    name = printable(Path(path).name)
    if len(text) > MAX_CHARACTERS:
        raise SpecError(f"{name}: longer than {MAX_CHARACTERS} characters; is it an indications.conf?")
    plans = (import_descriptors if has_descriptors(text) else import_indications)(text, name=name)
    if country is None and len(plans) > 1:
        raise SpecError(f"{shown} has several countries; choose one with --country: {', '.join(plans)}")
    chosen = next(iter(plans)) if country is None else choose(country, plans, name="country")
    parse_plan(
        plans[chosen], name=name, fs_hz=TELEPHONE_FS_HZ
    )  # nothing is handed out that would not be read
    return plans[chosen]


def write_plan(text: str, path: str, *, made_from: str) -> None:
    """Put the plan into a file, which must not be the one that it was made from."""
    try:
        if Path(path).exists() and Path(path).samefile(made_from):
            raise SpecError(f"--output {shorten(path)} is the file that is read; name another one")
        make_folder(Path(path))
        Path(path).write_text(text, encoding="utf-8")
    except (OSError, ValueError) as error:
        if isinstance(error, SpecError):
            raise
        raise describe_unwritable(f"--output {shorten(path)}", error) from error
