"""python -m tests.family_bench [--family NAME,...] [--scale 1] [--seed N] [--only WORD]
                                [--speech tune|judge|blind|words] [--decoders streamer,spandsp,...]
                                [--kept FOLDER] [--guide FOLDER] [--again NAME,...]

Tables as Markdown: a line a test, a column a decoder, beside what ours must reach and whether it does. One family
takes about a minute at scale 1 for ours alone; --scale 0.3 is for working, --seed another set of signals. Limits are
tuned with --speech tune and judged with judge, blind and words: other languages and voices; recordings that hum are
left out of all (see hum). --kept FOLDER keeps each table in a file and measures no decoder's that is there, unless
--again names it; --guide FOLDER does that and makes the guide's page of it. It is what `streamer bench decoders` runs,
and what is kept besides.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from streamer.judge.decoders import PEERS, find_decoders
from streamer.judge.judge import Terms
from streamer.judge.run import judge_family
from streamer.judge.table import FAMILIES
from tests.family_bench import guide

NAMES = [name for name in PEERS if name != "pydtmf"]


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
    terms = Terms(seed=arguments.seed, scale=arguments.scale, speech=arguments.speech)
    names = NAMES if arguments.decoders == "all" else arguments.decoders.split(",")
    decoders, _ = find_decoders(list(names))
    folder = arguments.guide or arguments.kept
    for name in arguments.family.split(","):
        kept = None if folder is None else guide.find_kept(folder, name)
        known = set() if kept is None else set(kept["who"]) - set(arguments.again.split(","))
        asked = {who: each for who, each in decoders.items() if who not in known}
        print(f"\n### {FAMILIES[name].title}\n", flush=True)
        judged = judge_family(
            FAMILIES[name], asked, terms, only=arguments.only, table=arguments.table, show=show
        )
        print("\n" + "\n".join(judged.foot() if judged.who else ["nothing to measure"]), flush=True)
        if folder is not None and judged.who:
            table = guide.describe(judged)
            guide.keep(folder, name, table if kept is None else guide.join(kept, table))
    if arguments.guide:
        if guide.find_kept(folder, guide.FALSE) is None:
            guide.keep(folder, guide.FALSE, guide.count_false(terms))
        missing = guide.write_page(folder, list(FAMILIES))
        print(f"{guide.PAGE}: {'without ' + ', '.join(missing) if missing else 'all families'}")


def show(row: str) -> None:
    print(row, flush=True)


if __name__ == "__main__":
    main()
