"""The guide's page of all that is judged, made of tables that are kept a file each as they are measured."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import streamer
from streamer.judge import channels
from streamer.judge.judge import Terms
from streamer.judge.run import Table
from streamer.judge.scenes import FS_HZ
from streamer.plans.plan import list_plans

PAGE = Path(streamer.__file__).parent / "guide" / "judged.md"
FALSE = "false"  # the file of what every plan makes of what holds nothing

# Why a line is open, for readers of the page; by family and the line's first words.
CAUSES: Mapping[tuple[str, str], str] = {
    (
        "selcall",
        "with speech",
    ): "4 of 48: a digit beside a vowel as loud is lost; the call is refused, or told without its first or last",
    ("mains", "under whole-band"): "2 of 10: what tells hum from voices refuses it so far beneath one",
}

INTRO = """# Judged: every family of tones beside other decoders

Made by `python -m tests.family_bench --guide FOLDER` on signals of its own, a line a test, a column a decoder where one
is installed; `--kept FOLDER --family NAME` makes it in pieces. Figures are in percent where a line says nothing else;
S/N is one tone's power over the noise power in 0 to 4 kHz, the noise is in the gaps too. "Right" is the right label,
once, and nothing else; "taken" is what had to be refused. "NBFM" is a radio channel with pre-emphasis, limiter,
flutter, clicks and 300 to 3000 Hz. Limits were tuned on other speech and other seeds than these. A family's
figure is the mean over its tables that a decoder knows. Recordings that hum themselves, by a measure of the judge's own
(`streamer/judge/hum.py`), are left out of the speech of every family.
"""


def keep(folder: Path, name: str, table: Mapping[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(table, indent=1))


def find_kept(folder: Path, name: str) -> Any:
    path = folder / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else None


def describe(table: Table) -> dict[str, Any]:
    lines = [
        {"name": row.name, "must": row.must, "figures": row.figures, "met": row.met} for row in table.rows
    ]
    terms = {"seed": table.terms.seed, "scale": table.terms.scale, "speech": table.terms.speech}
    return {"title": table.title, "who": table.who, "lines": lines, **terms}


def join(kept: Mapping[str, Any], table: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of both, of signals that must be the same; the new ones where a decoder has both."""
    for what in ("seed", "scale", "speech"):
        if kept[what] != table[what]:
            raise SystemExit(
                f"{kept['title']} is kept of {what} {kept[what]}, not {table[what]}: say --{what} {kept[what]}"
            )
    lines = {line["name"]: line for line in kept["lines"]}
    for line in table["lines"]:
        before = lines.get(line["name"], {"figures": {}, "met": ""})
        figures = {**before["figures"], **line["figures"]}
        lines[line["name"]] = {**line, "figures": figures, "met": line["met"] or before["met"]}
    return {**table, "who": list(dict.fromkeys([*kept["who"], *table["who"]])), "lines": list(lines.values())}


def list_rows(table: Mapping[str, Any]) -> list[str]:
    """A family's table as Markdown."""
    who = table["who"]
    rows = [f"| test | ours must | {' | '.join(who)} | met |", f"|---|---|{'---|' * len(who)}---|"]
    return rows + [format_row(line, who) for line in table["lines"]]


def format_row(line: Mapping[str, Any], who: Sequence[str]) -> str:
    cells = [
        " / ".join(
            f"{figure:.4g}" if np.isfinite(figure) else "-" for figure in line["figures"].get(name, ())
        )
        for name in who
    ]
    return f"| {line['name']} | {line['must'].replace('/', ' / ')} | {' | '.join(cells)} | {line['met']} |"


def count_false(terms: Terms) -> dict[str, Any]:
    """What every shipped plan, all of them listening at once, tells of speech, music and noise, an hour."""
    noise = np.random.default_rng(terms.seed).normal(size=round(600 * FS_HZ)) * 0.03
    talk = channels.speech(terms.speech) * 10 ** (-15 / 20)
    plans = [name for name in list_plans() if name != "dtmf"]
    table: dict[str, Any] = {"speech_set": terms.speech, "hours": [], "plans": {}}
    counts: list[Counter[str]] = []
    for whole in (talk, channels.music(terms.speech, terms.music), noise):
        samples = whole[: round(min(terms.scale, 1) * whole.size)]
        hours = samples.size / FS_HZ / 3600
        events = streamer.detect(samples.astype(np.float32), FS_HZ, plan=plans)
        counts.append(Counter(str(event.plan) for event in events if event.phase != "begin"))
        table["hours"].append(round(hours, 3))
    for name in plans:
        table["plans"][name] = [
            round(count[name] / hours, 1) for count, hours in zip(counts, table["hours"], strict=True)
        ]
    return table


def list_false(table: Mapping[str, Any]) -> list[str]:
    """Plans that tell anything, each with its figures; of the others that they do not."""
    speech_h, music_h, noise_h = table["hours"]
    told = {name: figures for name, figures in table["plans"].items() if any(figures)}
    silent = [f"`{name}`" for name in table["plans"] if name not in told]
    return [
        (
            f"All plans at once, on {speech_h:.2f} hours of speech ({table['speech_set']}), {music_h:.2f} of music and "
            f"{noise_h:.2f} of white noise; letters of Morse count one each."
        ),
        "",
        "| plan | speech, an hour | music | noise |",
        "|---|---|---|---|",
        *(f"| `{name}` | {' | '.join(f'{each:g}' for each in figures)} |" for name, figures in told.items()),
        "",
        f"Nothing was told by {', '.join(silent)}.",
    ]


def write_page(folder: Path, names: Sequence[str]) -> list[str]:
    """Make the page of all that is kept; the names of families that are not."""
    tables = {name: table for name in names if (table := find_kept(folder, name)) is not None}
    parts = [INTRO, "## Met and open", ""]
    parts += ["| family | lines met | open |", "|---|---|---|"]
    for name, table in tables.items():
        open_lines = [line for line in table["lines"] if line["met"] == "NO"]
        said = "; ".join(explain(name, line) for line in open_lines) or "none"
        n = len(table["lines"])
        parts.append(f"| {table['title']} | {n - len(open_lines)} of {n} | {said} |")
    if (false := find_kept(folder, FALSE)) is not None:
        parts += ["", "## False hits of every plan", "", *list_false(false)]
    for table in tables.values():
        made = f"Seed {table['seed']}, scale {table['scale']:g}, speech `{table['speech']}`{table.get('note', '')}."
        parts += ["", f"## {table['title']}", "", made, "", *list_rows(table)]
    PAGE.write_text("\n".join(parts) + "\n")
    return [name for name in names if name not in tables]


def explain(family: str, line: Mapping[str, Any]) -> str:
    figures = " / ".join(f"{figure:.4g}" for figure in line["figures"]["streamer"])
    why = next(
        (
            f": {why}"
            for (name, words), why in CAUSES.items()
            if name == family and line["name"].startswith(words)
        ),
        "",
    )
    return f"{line['name']}: {figures} (asked {line['must']}){why}"
