"""streamer guide: what the README has no room for, page by page."""

from __future__ import annotations

import os
import sys
from importlib.resources import files

import click

from streamer.base.text import choose
from streamer.commands.options import CONTEXT, DEBUG

ORDER = [  # as a newcomer would read them
    *("commands", "sources", "dashboard", "troubleshooting", "recipes"),
    *("bands", "dtmf", "tones", "plans", "families", "identify"),  # what to listen for
    *("events", "outputs", "history", "spectrograms", "archives", "python", "exit-codes"),  # what comes of it
    *("settings", "calibration", "service", "faults", "security"),  # for months
    *("definitions", "accuracy", "judged", "decoders", "compared", "speed"),  # how good it is
    *("how-it-works", "adding", "changes"),  # inside
]


def list_pages() -> dict[str, str]:
    """Name -> text of every page in reading order. Each is Markdown and begins with its title."""
    folder = files("streamer") / "guide"
    found = {page.name.removesuffix(".md"): page for page in folder.iterdir() if page.name.endswith(".md")}
    names = [*(name for name in ORDER if name in found), *sorted(found.keys() - set(ORDER))]
    return {name: found[name].read_text(encoding="utf-8") for name in names}


@click.command("guide", context_settings=CONTEXT)
@click.argument("topic", required=False)
@DEBUG
def command(topic: str | None) -> None:
    """Read about TOPIC; without one, what there is to read."""
    pages = list_pages()
    if topic is None:
        width = max(map(len, pages))
        for name, text in pages.items():
            click.echo(f"{name:<{width}}  {read_summary(text)}")
        return
    choose(topic, tuple(pages), name="topic")
    if not sys.stdout.isatty():
        click.echo(pages[topic], nl=False)
        return
    from rich.console import Console  # only a terminal is worth its loading time

    from streamer.commands.page import Page

    console = Console()
    with console.capture() as drawn:
        console.print(Page(pages[topic]))
    os.environ.setdefault("LESS", "FRX")  # as git has it: colours; what fits is shown, what was read stays
    click.echo_via_pager(drawn.get())


def read_summary(text: str) -> str:
    """What a page is about: its title, without the word that is its name."""
    title = text.partition("\n")[0].removeprefix("# ")
    return title.partition(": ")[2] or title
