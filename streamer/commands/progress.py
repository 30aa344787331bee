"""How far work on recordings is: a bar on stderr where that is a terminal, and elsewhere nothing."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Self

from streamer.base.text import printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, Task, TaskID
    from rich.text import Text


class ProgressBar:
    """A line per recording at work, gone at the end, and one for all where they are several.

    Called with a recording's name, seconds done and in all if known.
    """

    def __init__(
        self, *, is_quiet: bool = False, console: Console | None = None, n_recordings: int = 1
    ) -> None:
        self._n_recordings = n_recordings
        self._shown: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._all: TaskID | None = None
        if is_quiet or (console is None and not sys.stderr.isatty()):
            return
        from rich.console import Console as RichConsole

        self._shown = _make_progress(console or RichConsole(stderr=True))

    def __enter__(self) -> Self:
        if self._shown:
            self._shown.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._shown:
            self._shown.stop()

    def show_done(self, n_done: int) -> None:
        """So many recordings are over."""
        if self._shown is None or self._n_recordings == 1:
            return
        if self._all is None:
            self._all = self._shown.add_task("", total=self._n_recordings)
        what = f"{n_done} of {self._n_recordings} recordings"
        self._shown.update(self._all, completed=n_done, description=what)

    def __call__(self, name: str, done_s: float, total_s: float | None) -> None:
        if self._shown is None:
            return
        if name not in self._tasks:
            self._tasks[name] = self._shown.add_task(printable(name), total=total_s)
        is_done = total_s is not None and done_s >= total_s
        self._shown.update(self._tasks[name], completed=done_s, visible=not is_done)


def _make_progress(console: Console) -> Progress:
    from rich.progress import (
        BarColumn,
        Progress,
        ProgressColumn,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class PaceColumn(ProgressColumn):
        """Seconds of the recording per second."""

        def render(self, task: Task) -> Text:
            is_of_time = task.speed and not task.description.endswith(" recordings")
            return Text(f"{task.speed:.0f} x real time" if is_of_time else "", style="dim")

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        PaceColumn(),
        TimeRemainingColumn(compact=True),
        console=console,
        transient=True,
    )
