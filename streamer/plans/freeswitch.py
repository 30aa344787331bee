"""FreeSWITCH's tone descriptors, %(on,off,hz,...), as its vars.xml and teletone files have them."""

from __future__ import annotations

import re
from xml.sax.saxutils import unescape

from streamer.plans.imported import Countries, write_plans

# us-ring=%(2000,4000,440,480), by itself or in an attribute of vars.xml
_NAMED = re.compile(r"""(?:^|["'])\s*([A-Za-z][\w-]{0,39})\s*=\s*([^"']*%\([^"']*)""", re.ASCII)
_TONES = re.compile(r"%\( *([\d.]+) *, *([\d.]+) *, *([\d., ]*\d) *\)", re.ASCII)  # on and off in ms, hertz
_LOUDNESS = re.compile(r"v=-?[\d.]+", re.ASCII)  # says how loud, and nothing of the tones
_COUNTRY = re.compile(r"([a-z]{2})-(\w[\w-]*)", re.ASCII)
WITHOUT_COUNTRY = "tones"  # the --country of those whose names begin with none


def has_descriptors(text: str) -> bool:
    return _NAMED.search(text) is not None or "%(" in text


def import_descriptors(text: str, *, name: str) -> dict[str, str]:
    """Country -> the text of a plan for it, by the two letters that names begin with."""
    return write_plans(read_descriptors(text), name=name, kind="a file of FreeSWITCH's tone descriptors")


def read_descriptors(text: str) -> Countries:
    """What each name's descriptor says, in Asterisk's shorthand; what is more than tones stays as it is."""
    countries: Countries = {}
    without_comments = re.sub(r"<!--.*?-->", lambda found: "\n" * found[0].count("\n"), text, flags=re.DOTALL)
    for number, line in enumerate(without_comments.splitlines(), 1):
        for key, value in _NAMED.findall(line):
            in_country = _COUNTRY.fullmatch(key)
            country, tone = in_country.groups() if in_country else (WITHOUT_COUNTRY, key)
            countries.setdefault(country, []).append((number, tone, _translate(unescape(value.strip()))))
    return countries


def _translate(script: str) -> str:
    """480+620/500,0/500 for %(500,500,480,620); a script that does more, such as loops, as it stands."""
    elements = []
    for part in filter(None, (part.strip() for part in script.split(";"))):
        if tones := _TONES.fullmatch(part):
            on_ms, off_ms, hz = tones.groups()
            elements += [f"{re.sub(r' *, *', '+', hz)}/{on_ms}", *([f"0/{off_ms}"] if off_ms != "0" else [])]
        elif not _LOUDNESS.fullmatch(part):
            return script
    return ",".join(elements)
