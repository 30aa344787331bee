"""streamer plan: the plans there are, what they say, whether they are in order, and new ones from other programs."""

from __future__ import annotations

import json
from itertools import combinations

import click

from streamer.base.errors import StreamerError
from streamer.base.text import choose
from streamer.base.toml import read_toml
from streamer.base.units import parse_frequency_hz
from streamer.commands.options import CONTEXT, DEBUG, refuse_empty
from streamer.commands.talk import answer, answer_with_text, tell
from streamer.detectors.registry import KINDS, Kind, list_event_types, load_kind
from streamer.events import make_schema
from streamer.plans.doubts import describe_overlap, find_doubts
from streamer.plans.importing import import_plan, write_plan
from streamer.plans.plan import ANY_RATE_HZ, Plan, describe_plan, find_plan, list_plans, load_plan
from streamer.plans.schema import make_plan_schema
from streamer.plans.tables import list_keys


@click.group("plan", context_settings=CONTEXT)
def command() -> None:
    """Tone plans: what to listen for, as TOML."""


@command.command("list", context_settings=CONTEXT)
@click.option("--paths", "has_paths", is_flag=True, help="Say where they are instead.")
@DEBUG
def list_them(has_paths: bool) -> None:
    """The plans that --plan knows by name, and what they hear."""
    for name, path in list_plans().items():
        what = path if has_paths else describe_plan(path)
        answer(f"{name:<20} {what}".rstrip())


@command.command("show", context_settings=CONTEXT)
@click.argument("name", required=False)
@click.option(
    "--defaults", "has_defaults", is_flag=True, help="With every limit that it leaves to its default."
)
@click.option(
    "--schema", metavar="plan|event", help="Print the JSON Schema of plans or of event lines instead."
)
@click.option(
    "--keys", metavar="SECTION", help="Say what a section of a plan, such as tone, may hold instead."
)
@DEBUG
def show(name: str | None, has_defaults: bool, schema: str | None, keys: str | None) -> None:
    """The text of a plan, the keys of a section, or the JSON Schema of plans or events."""
    if sum(asked is not None for asked in (name, schema, keys)) > 1:
        raise click.UsageError(
            "the name of a plan, --keys and --schema each ask for something else: give one of them"
        )
    if keys is not None:
        choose(keys, tuple(KINDS), name="keys")
        _show_keys(load_kind(keys))
        return
    if schema is not None:
        choose(schema, ("plan", "event"), name="schema")
        made = make_plan_schema() if schema == "plan" else make_schema(list_event_types())
        click.echo(json.dumps(made, indent=2))
        return
    if name is None:
        raise click.UsageError(f"give the name of a plan: {', '.join(list_plans())}")
    if has_defaults:
        answer_with_text(load_plan(name).format())
        return
    path = find_plan(name)
    read_toml(path)  # says what is wrong with it
    answer_with_text(path.read_text(encoding="utf-8"))


def _show_keys(kind: Kind) -> None:
    rows = list_keys(kind.limits, kind.keys)
    key_width = max(len(key) for key, _, _ in rows)
    default_width = max(len(default) for _, default, _ in rows)
    answer(f"{kind.heading:<{key_width + 3 + default_width}}  # default, and what it means")
    for key, default, meaning in rows:
        answer(f"{key:<{key_width}} = {default:<{default_width}}  # {meaning}")
    if kind.presets:
        answer(f'presets: {", ".join(kind.presets)} (preset = "{next(iter(kind.presets))}")')
    if not kind.is_heard:
        answer(f"{kind.heading} can be checked, but not heard yet")


@command.command("import", context_settings=CONTEXT)
@click.argument("file")
@click.option("--country", metavar="NAME", help="Which country of FILE, where it has several.")
@click.option(
    *("-o", "--output"),
    callback=refuse_empty,
    metavar="FILE",
    help="Write the plan there instead of on stdout.",
)
@DEBUG
def import_from(file: str, country: str | None, output: str | None) -> None:
    """A country's call-progress tones as a plan, from Asterisk's indications.conf or FreeSWITCH's vars.xml.

    What cannot be taken over stands in the plan as a comment.
    """
    text = import_plan(file, country)
    if output is None:
        answer_with_text(text)
    else:
        write_plan(text, output, made_from=file)


@command.command("check", context_settings=CONTEXT)
@click.argument("names", nargs=-1, required=True)
@click.option("-r", "--rate", metavar="HZ", help="Check against signals of this sample rate too.")
@DEBUG
def check(names: tuple[str, ...], rate: str | None) -> None:
    """Every mistake in plans, with its line; and which of several hear the same."""
    fs_hz = ANY_RATE_HZ if rate is None else parse_frequency_hz(rate, name="rate")
    failed = None
    plans: list[Plan] = []
    for name in names:
        try:
            checked = load_plan(name, fs_hz, doubt=find_doubts)
        except StreamerError as error:
            failed = error
            tell(error)
            continue
        plans.append(checked)
        counts = ", ".join(f"{count} {section}" for section, count in checked.count().items() if count)
        unheard = [
            load_kind(section).heading for section in checked.entries if not load_kind(section).is_heard
        ]
        but = f"; {' and '.join(unheard)} can be checked, but not heard yet" if unheard else ""
        answer(f"{name}: in order ({counts}){but}")
    for one, other in combinations(plans, 2):
        if what := describe_overlap(one, other):
            tell(what)
    if failed is not None:
        click.get_current_context().exit(failed.exit_code)
