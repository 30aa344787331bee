"""The lines of every family's table."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from streamer.judge import dtmf, extras, families, judge
from streamer.judge.extras import both, not_these, right, snrs
from streamer.judge.families import Family
from streamer.judge.judge import Measure
from streamer.judge.line import Line
from streamer.judge.targets import FAMILIES

COMMON: Mapping[str, tuple[str, Measure]] = {
    "clean": ("clean, right %", judge.clean),
    "levels": ("loud to faint (-6..-40 dBFS), worst, right %", judge.levels),
    "snr": ("S/N 20 / 10 / 6 / 3 dB, right %", judge.snr),
    "tolerance": ("frequency at tolerance, right %", judge.at_tolerance),
    "beyond": ("frequency well beyond, taken %", judge.well_beyond),
    "times": ("times at tolerance, right %", judge.times),
    "channel": ("NBFM channel / clicks, right %", judge.channel),
    "speed": ("off-speed +-1 % (or the tolerance, if tighter), worst, right %", judge.off_speed),
    "rates": ("11.025 .. 48 kHz at 20 dB, worst, right %", judge.rates),
    "speech": ("with speech 6 dB under the tone (above 300 Hz), right %", judge.beside_speech),
    "false": ("false in speech / music / noise, an hour", judge.false_hits),
    "others": ("all other families' signals and DTMF: taken %", judge.others),
    "edges": ("start / end error p95 at 20 dB, ms", judge.edges),
    "known": ("known after the item's start, p50 / p95, ms", judge.known),
    "more": ("more events than items, per item (20 dB)", judge.more_events),
}
USUAL = {
    "clean": "100",
    "levels": "100",
    "snr": "100/100/100/100",
    "tolerance": "100",
    "speed": "100",
    "rates": "100",
    "others": "0",
}


def make_lines(family: Family) -> list[Line]:
    if family is dtmf.DTMF:
        return dtmf.LINES
    musts = {**USUAL, **family.targets}
    lines = [
        Line(name=name, measure=measure, must=musts[key])
        for key, (name, measure) in COMMON.items()
        if musts.get(key)
    ]
    return lines + [
        Line(name=name, measure=measure, must=must) for name, measure, must in EXTRAS[family.name]
    ]


EXTRAS: Mapping[str, list[tuple[str, Measure, str]]] = {
    "r1": [
        ("twist +-6 dB, right %", right(extras.twisted(families.make_r1, 0, 6)), ">=99"),
        ("56 ms on, 40 ms off, right %", right(partial(families.make_r1, on_ms=56, off_ms=40)), "100"),
        ("+-(1.5 % + 10 Hz), right %", right(extras.r1_off), ">=95"),
        ("not R1 (single, three, twist 20, 15 ms), taken %", not_these(*extras.NOT_R1), "<=1.4"),
    ],
    "r2": [
        ("twist +-5 dB, right %", right(extras.twisted(families.make_r2, 0, 5)), "100"),
        ("6 ms hole bridged, right %", right(partial(families.make_r2, ms=400), change=extras.holed), "100"),
        ("not R2 (single, three, 60 Hz off, twist 20, 6.5 ms), taken %", not_these(*extras.NOT_R2), "0"),
    ],
    "sit": [
        ("which SIT at clean / 10 dB, right %", extras.which_sit, "100/>=99"),
        ("ITU's 950/1400/1800, right %", right(extras.itu_sit), "100"),
        ("not SIT (two of three, downwards, chord, 100 ms, slow), taken %", not_these(*extras.NOT_SIT), "0"),
    ],
    "fax": [
        (
            "CNG +-37 Hz / CED +-14.5 Hz, right %",
            both(right(extras.cng_off), right(extras.ced_off)),
            "100/100",
        ),
        ("one CNG burst, right %", extras.one_cng, "100"),
        (
            "not fax (1100 steady or 0.2/0.2, 2225, 2060, 2100 for 0.5 s ...), taken %",
            not_these(*extras.NOT_FAX),
            "0",
        ),
    ],
    "call-progress": [
        ("another country's clearly different tone taken %", not_these(extras.abroad, n=3), "0"),
        (
            "right tones, wrong cadence (x 0.4-0.55, x 1.6-2.2), taken %",
            not_these(extras.wrong_rhythm, n=4),
            "0",
        ),
    ],
    "selcall": [
        ("4 to 8 digits, right %", right(extras.call_of()), "100"),
        ("first tone 0.69 s (wake-up), right %", right(extras.call_of(5, first_ms=690)), "100"),
        ("same call twice, 0.55 s apart, right %", extras.twice, "100"),
        ("+-20 % tone length, right %", right(extras.call_of(5, pace=1.2)), "100"),
        ("another system's call taken (>= 4 digits) %", not_these(extras.another_system), "0"),
        ("one tone between two digits, taken as a whole call %", not_these(extras.off_table), "0"),
    ],
    "two-tone": [
        ("S/N 0 dB, right %", snrs(0), ">=99"),
        (
            "150 ms gap / short A 0.75 B 2 s, right %",
            both(right(extras.page(1, 3, 0.15)), right(extras.page(0.75, 2))),
            "100/100",
        ),
        (
            "not a page (short A or B, apart, one tone, both at once), taken %",
            not_these(*extras.NOT_A_PAGE),
            "0",
        ),
    ],
    "tone-burst": [
        ("S/N 0 / -3 dB, right %", snrs(0, -3), "100/>=98"),
        ("not 1750 (1700, 1800, 0.15 s, A6, whistle), taken %", not_these(*extras.NOT_1750), "0"),
    ],
    "ctcss": [
        ("S/N 0 / -3 / -6 / -10 / -15 dB, right %", snrs(0, -3, -6, -10, -15), "100/100/100/100/>=95"),
        ("250 / 300 / 500 ms of tone at 10 dB, right %", extras.short_ctcss, ">=99/100/100"),
        ("under speech 12 dB over it, above 300 Hz, right %", extras.voiced(12, 300), ">=98"),
        ("under speech 20 dB over it, above 300 Hz, right %", extras.voiced(20, 300), ">=90"),
        (
            "under whole-band speech 12 dB over it: right / another tone %",
            extras.voiced_wrong(12),
            ">=75/<=3",
        ),
        ("0.6 % off, right / another; 0.72 % off, another %", extras.off_and_another, ">=98/<=0/<=0"),
        ("100 ms drop-out, one event %", extras.with_hole, "100"),
        ("reverse burst: end error p95, ms", extras.reverse_burst, "<=60"),
        ("50 + 150 Hz hum at -6 / -12 dB, right %", extras.with_hum, "100/100"),
        ("not CTCSS (DCS, 50, 60, 300 Hz, 60 ms blip, sweep), taken %", not_these(*extras.NOT_CTCSS), "0"),
    ],
    "eas": [
        ("S/N 0 dB, right %", snrs(0), "100"),
        ("not an alert (one of the pair, 2 s, C6, 840+980), taken %", not_these(*extras.NOT_AN_ALERT), "0"),
    ],
    "same": [
        (
            "the header's text exact: clean / 20 / 10 / 6 / 3 / 0 dB, right %",
            extras.exact_header,
            "100/100/100/100/>=99/>=80",
        ),
        ("one burst only: heard / text exact, right %", extras.one_burst, "100/100"),
        ("not SAME (other FSK, random bits in its tones, a tone), taken %", not_these(*extras.NOT_SAME), "0"),
    ],
    "alarms": [
        (
            "2850..3450 Hz, right %",
            both(right(partial(families.make_alarm, hz=2850)), right(partial(families.make_alarm, hz=3450))),
            "100/100",
        ),
        (
            "not T3/T4 (endless 0.5/0.5 and 0.1/0.1, 4 x 0.5, 1000 Hz, busy), taken %",
            not_these(*extras.NOT_AN_ALARM),
            "0",
        ),
    ],
    "morse": [
        ("S/N 0 / -3 / -6 / -9 dB, letters right %", snrs(0, -3, -6, -9), "100/>=99/>=98/>=88"),
        ("10 / 15 / 25 / 35 WPM, letters right %", extras.paced, "100/100/100/100"),
        ("any pitch 400..1200 Hz and 14..30 WPM, letters right %", extras.any_pitch, "100"),
        (
            "hand keying / fading 18 dB / second signal 6 dB down, letters right %",
            extras.hand_keyed,
            ">=98/>=97/>=98",
        ),
    ],
    "mains": [
        ("under whole-band speech 24 dB over it, right %", extras.under_speech(24), ">=97"),
        ("not this mains (the other one, bass notes, kick drum), taken %", not_these(*extras.NOT_HUM), "0"),
    ],
    "selcal": [
        (
            "HF: noise and fading, S/N 6 dB, all tones shifted by -60..+60 Hz, right %",
            extras.drifting,
            ">=95",
        ),
    ],
}

ALL = {dtmf.DTMF.name: dtmf.DTMF, **FAMILIES}
