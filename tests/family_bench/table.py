"""The families, each with its lines and what ours must reach; a line as text."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from tests.family_bench import extras, families, judge
from tests.family_bench.extras import both, not_these, right, snrs
from tests.family_bench.families import Family
from tests.family_bench.judge import Judge

Measure = Callable[[Judge], tuple[float, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """must: figures; a bare number is the least of what is right and the most of anything else."""

    name: str
    measure: Measure
    must: str

    @property
    def more_is_better(self) -> bool:
        return (
            ("right" in self.name and "taken" not in self.name)
            or "bridged" in self.name
            or "one event" in self.name
        )

    def is_met(self, figures: tuple[float, ...]) -> bool:
        return all(
            self._is_enough(figure, must) for figure, must in zip(figures, self.must.split("/"), strict=True)
        )

    def _is_enough(self, figure: float, must: str) -> bool:
        number = re.search(r"[\d.]+", must)
        if number is None:  # - is told and not judged
            return True
        is_least = ">=" in must or ("<=" not in must and self.more_is_better)
        wanted = float(number[0])
        return figure >= wanted - 1e-9 if is_least else figure <= wanted + 1e-9


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
    musts = {**USUAL, **family.targets}
    lines = [
        Line(name=name, measure=measure, must=musts[key])
        for key, (name, measure) in COMMON.items()
        if musts.get(key)
    ]
    return lines + [
        Line(name=name, measure=measure, must=must) for name, measure, must in EXTRAS[family.name]
    ]


def list_families() -> list[Family]:
    F = Family
    return [
        F(
            name="r1",
            title="MF R1",
            tables=("mf-r1",),
            make=families.make_r1,
            is_label=r"KP\d*|KP\d*ST|\d\d+",
            tolerance=1.5,
            times=5,
            trials=24,
            targets={
                "snr": "100/100/100/>=99",
                "times": "100",
                "channel": "100/100",
                "speech": ">=95",
                "false": "<=5/<=20/0",
                "edges": "<=2/<=2",
                "more": "0",
            },
        ),
        F(
            name="r2",
            title="MFC R2",
            tables=("mfc-r2-forward", "mfc-r2-backward"),
            make=families.make_r2,
            is_label=r".*(forward|backward).*\d+.*",
            score=families.score_digit,
            tolerance=0.5,
            beyond=5,
            times=5,
            trials=30,
            targets={
                "beyond": "0",
                "times": "100",
                "channel": "100/100",
                "speech": ">=98",
                "false": "<=20/<=40/0",
                "edges": "<=2/<=2",
                "known": "<=25/<=30",
            },
        ),
        F(
            name="sit",
            title="SIT",
            tables=("sit",),
            make=families.make_sit,
            is_label=r"sit.*",
            score=extras.any_sit,
            tolerance=1.2,
            beyond=9,
            times=10,
            trials=24,
            known_from="end",
            targets={
                "beyond": "0",
                "times": "100",
                "channel": "100/100",
                "speech": "100",
                "false": "0/0/0",
                "edges": "<=3/<=3",
                "known": "<=60/<=60",
            },
        ),
        F(
            name="fax",
            title="fax CNG, CED, ANSam",
            tables=("fax",),
            make=families.make_fax,
            is_label=r"fax-.*|ansam",
            score=families.score_fax,
            tolerance=0.6,
            beyond=5,
            times=10,
            trials=18,
            targets={
                "snr": "100/100/>=99/>=97",
                "beyond": "0",
                "times": "100",
                "channel": "100/>=99",
                "speech": ">=95",
                "false": "0/<=2/0",
                "edges": "<=3/<=5",
                "known": "<=1100/<=1100",
                "more": "<=0.25",
            },
        ),
        F(
            name="call-progress",
            title="call progress",
            tables=tuple(f"call-progress-{c}" for c in families.CALL_PROGRESS),
            make=families.make_call_progress,
            is_label=r"\w\w-[a-z0-9-]+",
            tolerance=1,
            beyond=8,
            times=8,
            trials=4,
            targets={
                "snr": "100/100/>=99/>=95",
                "beyond": "0",
                "times": "100",
                "channel": "100/>=98",
                "speech": ">=95",
                "false": "<=1/<=3/0",
                "edges": "<=5/<=10",
                "known": "-/-",
                "more": "0",
            },
        ),
        F(
            name="selcall",
            title="selcall",
            tables=tuple(families.SELCALL),
            make=families.make_selcall,
            is_label=r"[0-9A-F]{4,}",
            tolerance=1.2,
            beyond=3.3,
            times=10,
            trials=8,
            known_from="end",
            targets={
                "snr": "100/100/>=99/>=97",
                "beyond": "0",
                "times": "100",
                "channel": ">=99/>=99",
                "speech": ">=97",
                "false": "0/<=1/0",
                "edges": "<=3/<=3",
                "known": "<=100/<=150",
            },
        ),
        F(
            name="two-tone",
            title="two-tone (QCII)",
            tables=("two-tone",),
            make=families.make_two_tone,
            is_label=r"[\d.]+/[\d.]+",
            score=families.score_page,
            tolerance=0.8,
            times=10,
            targets={
                "times": "100",
                "channel": "100/100",
                "speech": ">=97",
                "false": "0/0/0",
                "edges": "<=5/<=5",
                "known": "<=2000/<=2050",
            },
        ),
        F(
            name="tone-burst",
            title="1750 Hz burst",
            tables=("tone-burst",),
            make=families.make_tone_burst,
            is_label="1750",
            tolerance=0.5,
            beyond=2.5,
            times=10,
            targets={
                "beyond": "0",
                "times": "100",
                "channel": "100/100",
                "speech": "100",
                "false": "0/<=1/0",
                "edges": "<=5/<=5",
                "known": "<=350/<=370",
            },
        ),
        F(
            name="ctcss",
            title="CTCSS",
            tables=("ctcss",),
            make=families.make_ctcss,
            is_label=r"[\d.]+",
            tolerance=0.5,
            low_hz=50,
            trials=25,
            targets={
                "channel": "100/100",
                "false": "<=5/<=50/0",
                "edges": "<=20/<=30",
                "known": "<=250/<=300",
            },
        ),
        F(
            name="eas",
            title="EAS and NOAA attention",
            tables=("eas",),
            make=families.make_eas,
            is_label="eas-attention|noaa-alarm",
            tolerance=0.3,
            beyond=4,
            trials=8,
            targets={
                "beyond": "0",
                "channel": "100/100",
                "speech": "100",
                "false": "0/0/0",
                "edges": "<=5/<=10",
                "known": "<=4100/<=4150",
                "more": "0",
            },
        ),
        F(
            name="same",
            title="SAME headers",
            tables=("eas",),
            make=families.make_same,
            is_label=r"same|.*ZCZC.*",
            score=families.score_header,
            tolerance=0.4,
            beyond=10,
            trials=8,
            targets={
                "beyond": "0",
                "channel": "100/100",
                "speech": "100",
                "false": "0/0/0",
                "edges": "<=10/<=20",
                "known": "<=400/<=400",
            },
        ),
        F(
            name="alarms",
            title="T3/T4 alarms",
            tables=("alarms",),
            make=families.make_alarm,
            is_label="t3|t4",
            tolerance=5,
            times=10,
            trials=8,
            targets={
                "snr": "100/100/100/>=98",
                "times": "100",
                "channel": "100/>=98",
                "speech": ">=97",
                "false": "0/0/0",
                "edges": "<=5/<=30",
                "known": "<=7200/<=7200",
                "more": "0",
            },
        ),
        F(
            name="morse",
            title="Morse",
            tables=("morse",),
            make=families.make_morse,
            is_label=r"(?s).+",
            score=families.score_letters,
            tolerance=2,
            trials=8,
            counts_letters=True,
            targets={"channel": "100/>=99", "false": "<=30/<=60/0", "others": "", "speech": ""},
        ),
        F(
            name="mains",
            title="mains hum",
            tables=("mains50", "mains60"),
            make=families.make_mains,
            is_label="mains-.*",
            is_own=families.is_hum,
            score=families.score_hum,
            tolerance=0.8,
            low_hz=50,
            targets={"false": "0/<=2/0", "edges": "<=30/<=30", "known": "<=700/<=750"},
        ),
        F(
            name="selcal",
            title="SELCAL (aviation)",
            tables=("selcal",),
            make=families.make_selcal,
            is_label=r"[A-Z0-9]{2}-?[A-Z0-9]{2}",
            tolerance=0.2,
            targets={"false": "0/0/-"},
        ),
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

FAMILIES = {family.name: family for family in list_families()}
