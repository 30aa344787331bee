from __future__ import annotations

import pytest

from streamer.base.errors import SpecError
from streamer.base.families import load_family
from streamer.detectors.codes import CodeSpec


def test_a_code_has_the_tones_of_its_family_or_its_own():
    assert CodeSpec(name="a", family="zvei1").freqs_hz[0] == load_family("zvei1").digits["0"][0]
    assert CodeSpec(name="a", digits={"1": (1700, 700), "2": (700,)}).freqs_hz == (700, 1700)
    for wrong in ({}, {"family": "zvei1", "digits": {"1": (700,)}}):
        with pytest.raises(SpecError, match="write either family"):
            CodeSpec(name="a", **wrong)


def test_only_a_family_with_digits_is_a_code_and_those_of_several_tones_are_listed_first():
    for wrong in ("ctcss", "xxxx"):
        with pytest.raises(
            SpecError, match="here are: dtmf, r1, r2-forward, r2-backward, zvei1, zvei2, zvei3, "
        ):
            CodeSpec(name="a", family=wrong)
