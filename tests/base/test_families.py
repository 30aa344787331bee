from __future__ import annotations

import numpy as np
import pytest

from streamer.base import families
from streamer.plans.bands import parse_bank


def test_there_are_50_ctcss_tones_none_closer_than_2_hz():
    bank = parse_bank("ctcss")
    assert len(bank) == 50
    assert np.diff(bank.freqs_hz).min() > 2


@pytest.mark.parametrize("name", families.SELCALL_HZ)
def test_selcall_digits_are_parted_by_at_least_0_8_percent_and_named(name):
    bank = parse_bank(name)
    assert np.min(bank.freqs_hz[1:] / bank.freqs_hz[:-1]) > 1.008
    assert set(bank.labels) <= {f"{name} {digit}" for digit in "0123456789ABCDEF"}
    assert families.SELCALL_DIGIT_MS[name] > 0


def test_quick_call_codes_agree_with_genaves_examples():
    group_2, group_4 = families.QCII_HZ["2"], families.QCII_HZ["4"]
    assert (group_2[1], group_2[6]) == (600.9, 788.5)  # code 16
    assert (group_4[6], group_4[1]) == (445.7, 339.6)  # code 61
    assert list(parse_bank("qcii:4").freqs_hz) == sorted(group_4)
