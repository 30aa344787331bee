"""python -m tests.family_bench [--family NAME,...] [--scale 1] [--seed N] [--only WORD]
                                [--speech tune|judge|blind|words] [--decoders streamer,spandsp,...]
                                [--kept FOLDER] [--guide FOLDER] [--again NAME,...]

Tables as Markdown: a line a test, a column a decoder, beside what ours must reach and whether it does. One family
takes about a minute at scale 1 for ours alone; --scale 0.3 is for working, --seed another set of signals. Limits are
tuned with --speech tune and judged with judge, blind and words: other languages and voices; recordings that hum are
left out of all (see hum). --kept FOLDER keeps each table in a file and measures no decoder's that is there, unless
--again names it; --guide FOLDER does that and makes the guide's page of it. Decoders: Debian's libspandsp2,
multimon-ng, minimodem, direwolf and morse2ascii; icad-tone-detection and pycw of PyPI.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from tests.family_bench import channels, guide, judge
from tests.family_bench.decoders import NAMES, find_decoders
from tests.family_bench.judge import Judge
from tests.family_bench.table import FAMILIES, make_lines


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.family_bench", description="Judge every tone family."
    )
    parser.add_argument("--family", default=",".join(FAMILIES), help=f"some of {','.join(FAMILIES)}")
    parser.add_argument("--scale", type=float, default=1.0, help="1: the whole of it; 0.3: fewer trials")
    parser.add_argument("--seed", type=int, default=0, help="another set of made-up signals")
    parser.add_argument("--only", default="", help="lines whose name has this in it")
    parser.add_argument(
        "--speech", choices=("tune", "judge", "blind", "words"), default="tune", help="whose speech"
    )
    parser.add_argument("--decoders", default="streamer", help=f"some of {','.join(NAMES)}, or all")
    parser.add_argument("--table", default="", help="only this table of the family, such as zvei1")
    parser.add_argument("--kept", type=Path, help="a folder of tables; what is there is not measured again")
    parser.add_argument("--guide", type=Path, metavar="FOLDER", help="as --kept, and the guide's page of it")
    parser.add_argument("--again", default="", help="decoders that are measured again, as ours has changed")
    arguments = parser.parse_args()
    judge.seed_set, channels.speech_set = arguments.seed, arguments.speech
    names = NAMES if arguments.decoders == "all" else arguments.decoders.split(",")
    decoders = find_decoders(list(names))
    folder = arguments.guide or arguments.kept
    for name in arguments.family.split(","):
        kept = None if folder is None else guide.find_kept(folder, name)
        known = set() if kept is None else set(kept["who"]) - set(arguments.again.split(","))
        table = judge_family(
            name, {who: each for who, each in decoders.items() if who not in known}, arguments
        )
        if folder is not None and table:
            guide.keep(folder, name, table if kept is None else guide.join(kept, table))
    if arguments.guide:
        if guide.find_kept(folder, guide.FALSE) is None:
            guide.keep(folder, guide.FALSE, guide.count_false(arguments.scale))
        missing = guide.write_page(folder, list(FAMILIES))
        print(f"{guide.PAGE}: {'without ' + ', '.join(missing) if missing else 'all families'}")


def judge_family(name: str, decoders: dict, arguments: argparse.Namespace) -> dict[str, Any]:  # type: ignore[type-arg]
    family = FAMILIES[name]
    judges = {
        who: Judge(family=family, decoder=decoder, scale=arguments.scale) for who, decoder in decoders.items()
    }
    for each in judges.values():
        each.tables = [table for table in each.tables if arguments.table in ("", table)]
    judges = {who: each for who, each in judges.items() if each.tables}
    print(f"\n### {family.title}\n", flush=True)
    if not judges:
        print(f"nothing to measure of {', '.join(family.tables)}")
        return {}
    for who, each in judges.items():
        if missing := sorted(set(family.tables) - set(each.tables)):
            print(f"{who} has no {', '.join(missing)}")
    table: dict[str, Any] = {"title": family.title, "who": list(judges), "lines": []}
    table |= {"seed": arguments.seed, "scale": arguments.scale, "speech": arguments.speech}
    print("\n" + "\n".join(guide.list_rows(table)))
    for line in make_lines(family):
        if arguments.only not in line.name:
            continue
        figures = {who: line.measure(each) for who, each in judges.items()}
        met = ("yes" if line.is_met(figures["streamer"]) else "NO") if "streamer" in figures else ""
        table["lines"].append({"name": line.name, "must": line.must, "figures": figures, "met": met})
        print(guide.format_row(table["lines"][-1], table["who"]), flush=True)
    return table


if __name__ == "__main__":
    main()
