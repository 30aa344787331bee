"""A function compiled at once with all that it calls: the same answers, and numba as it was before."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numba import njit, types

from streamer.analysis.kernels.at_once import finish_once

SIGNATURE = (types.float64[::1], types.int64)


def make_functions():
    """One that calls another twice, with numbers that its text names; as if both were ours."""

    def scale(x, at, by):
        x[at] = max(x[at], 0.5) * by + math.sin(by)

    def work(x, n):
        for i in range(n):
            scale(x, i, 2)
            scale(x, i, 3)
        return n

    for function in (scale, work):
        function.__module__ = "streamer.nowhere"
    scale = njit(scale)
    return njit(work), scale


def test_what_is_compiled_at_once_says_what_numba_says():
    (work, _), (theirs, _) = make_functions(), make_functions()
    with finish_once():
        work.compile(SIGNATURE)
    mine, wanted = np.arange(4.0), np.arange(4.0)
    assert work(mine, 4) == theirs(wanted, 4) == 4
    assert mine.tobytes() == wanted.tobytes()


def test_a_part_has_one_code_for_all_numbers_and_is_forgotten():
    work, scale = make_functions()
    with finish_once():
        work.compile(SIGNATURE)
    assert work.signatures
    assert not scale.signatures
    x = np.ones(1)
    scale(x, 0, 2)  # by itself, so compiled anew
    assert x[0] == pytest.approx(2 + math.sin(2))
    assert len(scale.signatures) == 1


def test_numba_is_as_before_when_a_function_cannot_be_compiled():
    from numba.core.dispatcher import Dispatcher

    before = Dispatcher.compile

    @njit
    def wrong(x, n):
        return x.nothing_of_the_kind + n

    with pytest.raises(Exception, match="nothing_of_the_kind"), finish_once():
        wrong.compile(SIGNATURE)
    assert Dispatcher.compile is before
