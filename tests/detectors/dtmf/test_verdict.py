import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.detectors.dtmf import doubts
from streamer.detectors.dtmf.doubts import EARLY
from streamer.detectors.dtmf.records import NO_REJECT, REJECTS, WEIGHED, make_limits
from streamer.detectors.dtmf.spec import PRESETS, DtmfSpec
from streamer.detectors.dtmf.verdict import Refusal, Reject
from tests.detectors.dtmf.pieces import make_timing
from tests.detectors.dtmf.twin.verdict import (
    Heard,
    PairTones,
    Shape,
    doubt_of,
    doubt_of_phase,
    doubt_of_shape,
    judge,
)

CLEAN_SHAPE = Shape(
    start_sample=1000,
    stop_sample=1800,
    stopped=True,
    start_skew_ms=0,
    stop_skew_ms=0,
    start_misfit=0,
    core_misfit=0,
    stop_misfit=0,
)
CLEAN_HEARD = Heard(
    tones=PairTones(freqs_hz=(697, 1209), deviation=0, amplitudes=(0.1, 0.1)),
    length_ms=100,
    snr_db=40,
    company_db=-40,
    company_peak_db=7,
    company_clear_db=8,
    newcomer_db=-40,
    newcomer_ratio=0,
)
IN_COMPANY = replace(CLEAN_HEARD, company_db=5, company_peak_db=15, company_clear_db=25, newcomer_db=0)


def change(heard, **figures):
    """The same with other figures, of the tones or of the rest."""
    of_tones = {name: figures.pop(name) for name in ("deviation", "amplitudes") if name in figures}
    return replace(heard, tones=replace(heard.tones, **of_tones), **figures)


def test_a_clean_digit_is_beyond_doubt():
    assert doubt_of(CLEAN_SHAPE, CLEAN_HEARD) == 0
    assert judge(CLEAN_SHAPE, CLEAN_HEARD, DtmfSpec()) is None


@pytest.mark.parametrize(
    ("figures", "reject"),
    [
        ({"deviation": 0.03}, Reject.FREQUENCY),
        ({"amplitudes": (1e-4, 1e-4)}, Reject.QUIET),
        ({"amplitudes": (0.39, 0.1)}, None),
        ({"amplitudes": (0.5, 0.1)}, Reject.LOW_STRONGER),
        ({"amplitudes": (0.1, 0.3)}, Reject.HIGH_STRONGER),
        ({"snr_db": 9}, Reject.NOISY),
        ({"newcomer_ratio": 0.2}, Reject.COMPANY),
    ],
)
def test_a_limit_missed_is_named_with_value_and_limit(figures, reject):
    refusal = judge(CLEAN_SHAPE, change(CLEAN_HEARD, **figures), DtmfSpec())
    assert (refusal.reject if refusal else None) is reject
    if refusal:
        assert refusal.value != refusal.limit


def test_a_refusal_says_by_how_much_where_it_can():
    quiet = judge(CLEAN_SHAPE, change(CLEAN_HEARD, amplitudes=(1e-4, 1e-4)), DtmfSpec())
    assert str(quiet) == "a tone below min_level: -80 dBFS, the limit is -66 dBFS"
    off = judge(CLEAN_SHAPE, change(CLEAN_HEARD, deviation=0.03), DtmfSpec())
    assert str(off) == "a tone off its frequency: 3 %, the limit is 2.4 %"
    assert str(Refusal(Reject.HIGH_STRONGER, 10.04, 9.0)).endswith(": 10 dB, the limit is 9 dB")
    assert str(Refusal(Reject.START_SKEW, math.inf, 8.0)) == "its tones do not start together"
    assert str(Refusal(Reject.GONE)) == "its samples are gone"


def test_in_company_a_digit_must_be_true_and_alone_it_need_not():
    off = 0.018
    assert judge(CLEAN_SHAPE, change(CLEAN_HEARD, deviation=off), DtmfSpec()) is None
    refusal = judge(CLEAN_SHAPE, change(IN_COMPANY, deviation=off), DtmfSpec())
    assert refusal is not None
    assert refusal.reject is Reject.DOUBT
    assert judge(CLEAN_SHAPE, IN_COMPANY, DtmfSpec()) is None


def test_in_company_a_digit_must_be_true_by_its_phase_too_and_alone_it_need_not():
    off = replace(CLEAN_SHAPE, phase_deviation=0.012)
    assert judge(off, CLEAN_HEARD, DtmfSpec()) is None
    refusal = judge(off, IN_COMPANY, DtmfSpec())
    assert refusal is not None
    assert refusal.reject is Reject.DOUBT


def test_a_digit_is_off_its_frequency_or_moves_and_a_voice_does_both():
    breathy, off, drift = replace(CLEAN_HEARD, snr_db=22), 0.015, 0.012
    assert doubt_of_phase(replace(CLEAN_SHAPE, phase_deviation=off), breathy) == 0
    assert doubt_of_phase(replace(CLEAN_SHAPE, phase_drift=drift), breathy) == 0
    both = replace(CLEAN_SHAPE, phase_deviation=off, phase_drift=drift)
    assert judge(both, CLEAN_HEARD, DtmfSpec()) is None  # a codec does that to a sender that is off
    assert doubt_of_phase(both, replace(breathy, snr_db=11, length_ms=50)) == 0  # and so does noise
    refusal = judge(replace(both, core_misfit=0.2), breathy, DtmfSpec())
    assert refusal is not None
    assert refusal.reject is Reject.DOUBT


def test_noise_is_no_company_up_to_the_tones_own_power():
    noisy = replace(CLEAN_HEARD, snr_db=18.5, company_db=-10, company_peak_db=8, company_clear_db=9)
    assert doubt_of(CLEAN_SHAPE, noisy) == 0


def test_before_its_stop_a_digit_is_borne_less_doubt():
    swelling = replace(CLEAN_SHAPE, start_misfit=0.45)
    assert EARLY * DtmfSpec().max_doubt < doubt_of_shape(swelling) < DtmfSpec().max_doubt
    assert judge(swelling, CLEAN_HEARD, DtmfSpec()) is None
    assert judge(replace(swelling, stopped=False), CLEAN_HEARD, DtmfSpec()) is not None


SHAPE_DOUBTS = (
    "start_skew_ms",
    "stop_skew_ms",
    "start_misfit",
    "core_misfit",
    "stop_misfit",
    "phase_deviation",
)
HEARD_DOUBTS = ("deviation", "company_db", "company_peak_db", "company_clear_db", "newcomer_db")


@given(
    shape=st.fixed_dictionaries({name: st.floats(0, 1) for name in SHAPE_DOUBTS}),
    heard=st.fixed_dictionaries(
        {"deviation": st.floats(0, 0.02)} | {n: st.floats(-20, 20) for n in HEARD_DOUBTS[1:]}
    ),
    name=st.sampled_from(SHAPE_DOUBTS + HEARD_DOUBTS),
    more=st.floats(0, 10),
)
def test_doubt_never_falls_as_anything_gets_worse(shape, heard, name, more):
    worse_shape, worse_heard = dict(shape), dict(heard)
    (worse_shape if name in shape else worse_heard)[name] += more
    doubt = doubt_of(replace(CLEAN_SHAPE, **shape), change(CLEAN_HEARD, **heard))
    worse = doubt_of(replace(CLEAN_SHAPE, **worse_shape), change(CLEAN_HEARD, **worse_heard))
    assert worse >= doubt >= 0


def test_presets_are_ordered_by_what_they_let_through():
    assert (
        PRESETS["q24-ntt"].min_level_dbfs
        > PRESETS["q24-att"].min_level_dbfs
        > PRESETS["default"].min_level_dbfs
    )
    assert PRESETS["lenient"].max_doubt > PRESETS["default"].max_doubt


def write(shape: Shape, heard: Heard) -> np.void:
    """The same as the compiled loops have it."""
    weighed = np.zeros(1, WEIGHED)
    for name in Shape.__dataclass_fields__:
        weighed[name] = getattr(shape, name)
    for name in Heard.__dataclass_fields__.keys() - {"tones", "rough_doubt"}:
        weighed[name] = getattr(heard, name)
    weighed["low_hz"], weighed["high_hz"] = heard.tones.freqs_hz
    weighed["low"], weighed["high"] = heard.tones.amplitudes
    weighed["deviation"], weighed["reject"] = heard.tones.deviation, NO_REJECT
    return weighed[0]


FIGURES = {
    **{name: st.floats(0, 1) for name in SHAPE_DOUBTS},
    "phase_drift": st.floats(0, 0.03),
    "stopped": st.booleans(),
}
BESIDE = {
    "deviation": st.floats(0, 0.03),
    "amplitudes": st.tuples(st.floats(1e-5, 1), st.floats(1e-5, 1)),
    "length_ms": st.floats(20, 400),
    "snr_db": st.floats(0, 60),
    "newcomer_ratio": st.floats(0, 0.2),
    **{name: st.floats(-20, 20) for name in HEARD_DOUBTS[1:]},
}


@settings(deadline=None)
@given(shape=st.fixed_dictionaries(FIGURES), heard=st.fixed_dictionaries(BESIDE))
def test_the_compiled_verdict_is_that_of_its_plain_twin(shape, heard):
    shape, heard = replace(CLEAN_SHAPE, **shape), change(CLEAN_HEARD, **heard)
    weighed, limits = write(shape, heard), make_limits(make_timing(8000))[0]
    for mine, theirs in (
        (doubts.doubt_of_shape(weighed), doubt_of_shape(shape)),
        (doubts.doubt_of_phase(weighed), doubt_of_phase(shape, heard)),
        (doubts.doubt_of(weighed), doubt_of(shape, heard)),
    ):
        assert mine == pytest.approx(theirs, rel=1e-9, abs=1e-12)
    wanted = judge(shape, heard, DtmfSpec())
    is_refused = doubts.refuse_tones(weighed, limits, 0.0) or doubts.refuse_heard(weighed, limits)
    assert is_refused == (wanted is not None)
    if wanted:
        assert REJECTS[weighed["reject"]] == wanted.reject
        assert (weighed["reject_value"], weighed["reject_limit"]) == pytest.approx(wanted[1:])
