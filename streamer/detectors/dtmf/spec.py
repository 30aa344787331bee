"""What a DTMF digit is, and the limits of a receiver of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from streamer.base.errors import SpecError
from streamer.base.families import load_shipped_family
from streamer.detectors.limits import list_too_high

_KEYPAD = {tones: digit for digit, tones in load_shipped_family("dtmf").digits.items()}
LOW_HZ = tuple(sorted({low_hz for low_hz, _ in _KEYPAD}))
HIGH_HZ = tuple(sorted({high_hz for _, high_hz in _KEYPAD}))
DIGITS = tuple(
    "".join(_KEYPAD[low_hz, high_hz] for high_hz in HIGH_HZ) for low_hz in LOW_HZ
)  # "123A", "456B", ...
DBFS_OVER_DBM0 = -3.14  # ITU-T G.711: a full-scale sine is +3.14 dBm0


@dataclass(frozen=True, slots=True, kw_only=True)
class DtmfSpec:
    """The limits of a DTMF receiver; the defaults meet ITU-T Q.24 but for its least level."""

    digits: str = "0123456789*#ABCD"  # the ones to report

    # Level and twist, per tone.
    min_level_dbfs: float = -66.0  # far below Q.24: for microphones
    max_low_over_high_db: float = 12.0  # "normal twist"; AT&T asks for 8
    max_high_over_low_db: float = 9.0  # "reverse twist"; AT&T asks for 4, MT8870 for 8
    max_twist_alone_db: float = (
        18.0  # either, of a pair that is long and alone: loudspeakers and rooms do that
    )

    # Frequency.
    max_deviation: float = 0.024  # a ratio; NTT accepts 1.8 % and refuses 3.0 %: the middle

    # Time.
    min_on_ms: float = 28.5  # Q.24: 40 ms must be accepted, 24 ms must not
    max_hole_ms: float = 24.5  # bridges a lost 20 ms packet (ETSI asks for 20), splits at NTT's 30 ms pause
    max_skew_ms: float = 8.0  # both tones start, and stop, within this

    # What else is heard.
    max_drift: float = 0.013  # of a frequency, from a digit's first half to its second: a ratio; no glides
    max_company: float = 0.11  # share of the spectrum that sounds with a digit and no longer: no chords
    min_snr_db: float = 11.0  # of the weaker tone in 58 Hz; noise alone reads up to 10
    max_doubt: float = 0.8  # see doubt_of; larger hears more digits over loud speech, and in speech alone

    def __post_init__(self) -> None:
        unknown = sorted(set(self.digits) - set("".join(DIGITS)))
        if unknown or not self.digits:
            raise SpecError(f'dtmf: digits is "{self.digits}"; it must hold some of {"".join(DIGITS)}')
        if not -100 <= self.min_level_dbfs <= 0:
            raise SpecError(f"dtmf: min_level_dbfs is {self.min_level_dbfs:g}; it must lie in -100..0 dBFS")
        for key, low, high in (
            ("max_low_over_high_db", 0, 30),
            ("max_high_over_low_db", 0, 30),
            ("max_twist_alone_db", 0, 30),
            ("max_deviation", 0.001, 0.035),
            ("min_on_ms", 20, 1000),
            ("max_hole_ms", 5, 100),
            ("max_skew_ms", 1, 30),
            ("max_drift", 0.001, 1),
            ("max_company", 0, 1),
            ("min_snr_db", 0, 60),
            ("max_doubt", 0, 10),
        ):
            value = getattr(self, key)
            if not low <= value <= high:
                raise SpecError(f"dtmf: {key} is {value:g}; it must lie in {low:g}..{high:g}")

    def list_tones(self) -> list[tuple[float, str]]:
        return [(hz, "") for hz in LOW_HZ + HIGH_HZ]

    def list_obstacles(self, fs_hz: float) -> list[str]:
        return list_too_high(LOW_HZ + HIGH_HZ, fs_hz)


PRESETS = {
    "default": DtmfSpec(),
    # ITU-T Q.24, AT&T: accepts 0..-25 dBm per tone, never -55; twist 8 and 4 dB; +-1.5 %, never +-3.5 %.
    "q24-att": DtmfSpec(
        min_level_dbfs=-40 + DBFS_OVER_DBM0,
        max_low_over_high_db=9.0,
        max_high_over_low_db=5.0,
        max_twist_alone_db=0.0,
        max_deviation=0.025,
    ),
    # ITU-T Q.24, NTT: accepts -3..-24 dBm per tone, never -29; twist 5 dB; +-1.8 %, never +-3.0 %.
    "q24-ntt": DtmfSpec(
        min_level_dbfs=-26.5 + DBFS_OVER_DBM0,
        max_low_over_high_db=6.0,
        max_high_over_low_db=6.0,
        max_twist_alone_db=0.0,
    ),
    # ETSI: accepts +-(1.5 % + 2 Hz), which is 1.8 % at 697 Hz, and holes of 20 ms.
    "etsi": DtmfSpec(max_deviation=0.025),
}
PRESETS["lenient"] = replace(
    PRESETS["default"],
    min_level_dbfs=-75.0,
    max_low_over_high_db=16.0,
    max_high_over_low_db=14.0,
    max_deviation=0.03,
    min_on_ms=24.0,
    max_skew_ms=12.0,
    max_doubt=1.2,
)
