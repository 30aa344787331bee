"""How far work on an array is, told in the ways that callers like: by a bar of its own, a function, or a tqdm."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Protocol, runtime_checkable

from streamer.base.errors import SpecError
from streamer.base.text import shorten
from streamer.base.units import format_duration

REDRAW_S = 0.1
WIDTH = 30  # characters

Report = Callable[[int, int], None]  # done, in all


@runtime_checkable
class Bar(Protocol):
    """What tqdm and others like it are."""

    def update(self, n: int, /) -> object: ...

    def close(self) -> object: ...


Progress = bool | Report | Bar | Callable[..., Bar] | None


@contextmanager
def follow(progress: Progress, total: int) -> Iterator[Report | None]:
    """What to report to as work goes on, in the forms that a caller may ask for it; None where nobody wants to know.

    progress: True for a bar on stderr; a function of what is done and what there is in all; a tqdm; or tqdm itself,
    which is called with total=
    """
    if progress is None or progress is False:
        yield None
    elif progress is True:
        bar: Bar = _OwnBar(total)
        with _Followed(bar) as followed:
            yield followed.report
    elif _makes_bars(progress):
        make: Any = progress
        with _Followed(make(total=total)) as followed:
            yield followed.report
    elif isinstance(progress, Bar):
        if getattr(progress, "total", 0) is None:
            progress.total = total  # type: ignore[attr-defined]
        yield _Followed(progress).report  # the caller closes it, who may go on with it
    elif callable(progress):
        report: Any = progress
        yield report
    else:
        raise SpecError(
            f"progress is {shorten(progress)}; it must be True, a function of done and total, or a tqdm"
        )


def _makes_bars(progress: object) -> bool:
    """A class like tqdm, or one with some of its arguments."""
    made = progress.func if isinstance(progress, partial) else progress
    return isinstance(made, type) and hasattr(made, "update") and hasattr(made, "close")


class _Followed:
    """A bar that counts what is new, told by what is done."""

    def __init__(self, bar: Bar) -> None:
        self._bar, self._told = bar, 0

    def report(self, done: int, _total: int) -> None:
        self._bar.update(done - self._told)
        self._told = done

    def __enter__(self) -> _Followed:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._bar.close()


class _OwnBar:
    """A line on stderr, in a terminal as in a notebook, which stays when all is done."""

    def __init__(self, total: int) -> None:
        self._total, self._done = total, 0
        self._began_s = self._drawn_s = time.monotonic()

    def update(self, n: int) -> None:
        self._done += n
        now_s = time.monotonic()
        if now_s - self._drawn_s >= REDRAW_S:
            self._drawn_s = now_s
            left_s = (now_s - self._began_s) * (self._total - self._done) / max(1, self._done)
            self._draw(f"{format_duration(float(f'{left_s:.2g}'))} left")

    def close(self) -> None:
        self._draw(f"{format_duration(float(f'{time.monotonic() - self._began_s:.2g}'))}")
        sys.stderr.write("\n")

    def _draw(self, remark: str) -> None:
        filled = WIDTH * self._done // max(1, self._total)
        bar = "█" * filled + "░" * (WIDTH - filled)
        sys.stderr.write(f"\r{100 * self._done // max(1, self._total):3d} % {bar} {remark:<14}")
        sys.stderr.flush()
