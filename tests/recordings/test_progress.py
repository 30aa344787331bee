"""How callers are told how far work is, and that it can be cut short."""

from __future__ import annotations

import os
import signal
import threading
from functools import partial

import numpy as np
import pytest

import streamer
from streamer.recordings.progress import follow

X = np.zeros((2, 50_000))
N_FRAMES = 2 * ((50_000 - 256) // 64 + 1)


class FakeBar:
    """As tqdm is used."""

    made: list[FakeBar] = []  # noqa: RUF012

    def __init__(self, *, total: int | None = None, desc: str = "") -> None:
        self.total, self.desc, self.n, self.is_closed = total, desc, 0, False
        FakeBar.made.append(self)

    def update(self, n: int) -> None:
        self.n += n

    def close(self) -> None:
        self.is_closed = True


def measure(progress: object, **told: object) -> None:
    streamer.spectrogram(X, 8000, "lin:100-3900:10", 256, 64, progress=progress, **told)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_function_is_told_what_is_done_and_what_there_is(workers):
    calls: list[tuple[int, int]] = []
    measure(lambda *call: calls.append(call), workers=workers)
    assert [total for _, total in calls] == [N_FRAMES] * len(calls)
    assert [done for done, _ in calls] == sorted({done for done, _ in calls})
    assert calls[-1][0] == N_FRAMES


def test_detect_counts_the_samples_of_an_array():
    calls: list[tuple[int, int]] = []
    streamer.detect(X, 8000, progress=lambda *call: calls.append(call))
    assert [total for _, total in calls] == [50_000] * len(calls)
    assert [done for done, _ in calls] == [32_000, 50_000]


@pytest.mark.parametrize("progress", [FakeBar, partial(FakeBar, desc="calls")])
def test_a_kind_of_bar_is_made_brought_forward_and_closed(progress):
    FakeBar.made.clear()
    measure(progress)
    [bar] = FakeBar.made
    assert (bar.n, bar.total, bar.is_closed) == (N_FRAMES, N_FRAMES, True)


@pytest.mark.parametrize("total", [None, 10 * N_FRAMES])
def test_a_bar_that_is_there_is_brought_forward_and_left_open(total):
    bar = FakeBar(total=total)
    measure(bar)
    assert (bar.n, bar.total, bar.is_closed) == (N_FRAMES, total or N_FRAMES, False)


def test_tqdm_is_such_a_bar(capfd):
    tqdm = pytest.importorskip("tqdm")
    measure(tqdm.tqdm)
    measure(partial(tqdm.tqdm, desc="calls"))
    with tqdm.tqdm(unit="frame") as bar:
        measure(bar)
        assert (bar.n, bar.total) == (N_FRAMES, N_FRAMES)
    assert f"{N_FRAMES}/{N_FRAMES}" in capfd.readouterr().err


def test_true_draws_a_bar_that_stays(capsys):
    measure(True)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.rpartition("\r")[2].startswith("100 % ██████")
    assert said.err.endswith("\n")


@pytest.mark.parametrize("progress", [None, False])
def test_otherwise_nothing_is_said(progress, capsys):
    measure(progress)
    assert capsys.readouterr().err == ""


def test_what_can_be_told_nothing_is_refused_before_any_work():
    with pytest.raises(
        streamer.SpecError, match='progress is "3"; it must be True, a function of done and total, or a tqdm'
    ):
        measure(3)


@pytest.mark.parametrize("workers", [1, 3])
def test_ctrl_c_ends_the_work_at_once_and_leaves_no_thread(workers):
    told = []

    def interrupt(done: int, _total: int) -> None:
        told.append(done)
        os.kill(os.getpid(), signal.SIGINT)

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        measure(interrupt, workers=workers)
    assert told[-1] < N_FRAMES
    assert threading.active_count() == before


def test_a_bar_of_its_own_is_closed_when_the_work_is_cut_short():
    FakeBar.made.clear()

    def cut_short() -> None:
        with follow(FakeBar, 7) as report:
            report(3, 7)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cut_short()
    [bar] = FakeBar.made
    assert (bar.n, bar.is_closed) == (3, True)
