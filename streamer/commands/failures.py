"""What went wrong with recordings: told as it comes, and again at the end where many lines may stand between."""

from __future__ import annotations

from collections.abc import Sequence

from streamer.base.errors import DONE, StreamerError
from streamer.commands.talk import tell

SHOWN = 20


class Failures:
    """Of a run over several recordings. The exit code is that of the first."""

    def __init__(self) -> None:
        self._found: list[StreamerError] = []

    def take(self, error: StreamerError) -> None:
        self._found.append(error)
        tell(error)

    @property
    def exit_code(self) -> int:
        return self._found[0].exit_code if self._found else DONE

    def tell_again(self, n_recordings: int) -> None:
        if self._found and n_recordings > SHOWN:
            tell(f"{len(self._found)} of {n_recordings} recordings failed, or are not whole:")
            tell_list([str(error) for error in self._found])


def tell_list(lines: Sequence[str], *, rest: str = "they are told above") -> None:
    """rest: where all of them are"""
    for line in lines[:SHOWN]:
        tell(line)
    if len(lines) > SHOWN:
        tell(f"and {len(lines) - SHOWN} more; {rest}")
