"""The page `plans` of the guide, made of what the kinds of decision say of themselves: python -m tests.plans.page"""

from __future__ import annotations

from pathlib import Path

import streamer
from streamer.detectors.registry import KINDS, load_kind
from streamer.plans.tables import list_keys

PAGE = Path(streamer.__file__).parent / "guide" / "plans.md"
INTRO = """# Plans: every section and key of a tone plan

A tone plan is a TOML file of such sections; `[[...]]` may stand there as often as there are things
to hear. This is what `streamer plan show --keys SECTION` says; `streamer plan check FILE` finds
what is wrong in a file, with its line. How each is heard: `streamer guide tones`, of `[dtmf]`
`streamer guide dtmf`. An example of your own: `streamer guide adding`; the shipped ones:
`streamer plan show NAME`.

Lengths are `"250ms"`, `"2s"` or `"5min"`, tolerances `"1.5%"`, `"38Hz"` or `"1.5%+10Hz"`, levels
`"-40dBFS"`; a range is `"0.6s-1.5s"` or `[600, 1500]` in milliseconds. A key may have the unit of
a plain number instead: `min_on_ms = 250`, `freq_hz = 1000`, `open_snr_db = 9`.
"""


def make_page() -> str:
    parts = [INTRO]
    for section in KINDS:
        kind = load_kind(section)
        parts += [f"\n## {kind.heading}\n", "| key | default | meaning |", "|---|---|---|"]
        for key, default, meaning in list_keys(kind.limits, kind.keys):
            told = "needed" if default == "(needed)" else "none" if default == "(none)" else f"`{default}`"
            parts.append(f"| `{key}` | {told} | {meaning.replace('|', 'or')} |")
        if kind.presets:
            names = " ".join(f"`{name}`" for name in kind.presets)
            parts.append(f'\n`preset = "..."` takes all from one of {names}.')
    return "\n".join([*parts, ""])


if __name__ == "__main__":
    PAGE.write_text(make_page())
