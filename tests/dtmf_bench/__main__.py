"""python -m tests.dtmf_bench [--scale 1] [--only WORD] [--seed N] [--speech judge|blind|words]
                               [--decoders streamer,spandsp,multimon-ng,pydtmf]

Prints the table as Markdown, a row a line of requirements, a column a decoder. At scale 1 it is a matter of
half an hour for ours, and of days for pydtmf.
"""

from __future__ import annotations

import argparse

from tests.dtmf_bench import cases
from tests.dtmf_bench.cases import CASES
from tests.dtmf_bench.decoders import FINDERS, find_decoders

OURS_ALONE = ("start / end error", "begin / end told")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.dtmf_bench", description="Compare DTMF decoders.")
    parser.add_argument(
        "--scale", type=float, default=1.0, help="1: the whole of it; 0.1: a tenth of the trials"
    )
    parser.add_argument("--only", default="", help="cases whose name has this in it")
    parser.add_argument(
        "--decoders", default="streamer,spandsp,multimon-ng", help=f"some of {','.join(FINDERS)}"
    )
    parser.add_argument("--seed", type=int, default=0, help="another set of made-up signals")
    parser.add_argument("--speech", choices=("judge", "blind", "words"), default="judge", help="whose speech")
    arguments = parser.parse_args()
    cases.seed_set, cases.speech_set = arguments.seed, arguments.speech
    decoders = find_decoders(arguments.decoders.split(","))
    print(f"| test | {' | '.join(decoders)} | ours must | met |")
    print(f"|---|{'---|' * len(decoders)}---|---|")
    for case in CASES:
        if arguments.only not in case.name:
            continue
        cells, met = [], ""
        for name, decoder in decoders.items():
            if name != "streamer" and case.name.startswith(OURS_ALONE):
                cells.append("-")
                continue
            figures = case.measure(decoder, arguments.scale)
            cells.append(case.show(figures))
            if name == "streamer":
                met = "yes" if case.meets(figures) else "NO"
        print(f"| {case.name} | {' | '.join(cells)} | {case.target} | {met} |", flush=True)


if __name__ == "__main__":
    main()
