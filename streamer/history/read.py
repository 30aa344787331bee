"""A history read while it is written, or long after: stretches of lines, and the lines of its events."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np

from streamer.base.errors import SpecError
from streamer.base.text import shorten
from streamer.history.lines import Stretch, read_header, read_last_start_s, read_stretch
from streamer.history.shelf import Kind, list_files, list_files_within, read_bounds_s, read_start_s

MINUTE_S = 60


def is_history(folder: Path) -> bool:
    return any((folder / kind.folder).is_dir() for kind in Kind)


def check_history(folder: Path) -> None:
    """SpecError for a folder that holds none."""
    if not is_history(folder):
        raise SpecError(
            f"{shorten(folder)} holds no history; `streamer live -o history:{shorten(folder)}` keeps one there"
        )


def find_extent(folder: Path) -> tuple[int, int] | None:
    """Unix seconds from the first line on disk to the end of the last; None where there is none."""
    begins: list[int] = []
    ends: list[int] = []
    for kind, step_s in ((Kind.FINE, 1), (Kind.COARSE, MINUTE_S)):
        files = list_files(folder, kind)
        begins += map(read_start_s, files[:1])
        lasts = (_find_last_start_s(path, kind) for path in reversed(files))
        ends += [last + step_s for last in lasts if last is not None][:1]
    return (min(begins), max(ends)) if ends else None


def read_lines(folder: Path, *, since_s: float, until_s: float, is_coarse: bool) -> Iterator[Stretch]:
    """Stretches, each of one file, in the order in which they were begun. Several may have lines of the same time.

    is_coarse: by the minute; a minute that a crash has left without its line is made of its seconds
    """
    fine = list_files_within(folder, Kind.FINE, since_s=since_s, until_s=until_s)
    if not is_coarse:
        yield from _read_files(fine, Kind.FINE, since_s, until_s)
        return
    there: set[tuple[str, int]] = set()
    coarse = list_files_within(folder, Kind.COARSE, since_s=since_s, until_s=until_s)
    for stretch in _read_files(coarse, Kind.COARSE, since_s, until_s):
        there |= {(stretch.header.run, start_s) for start_s in stretch.starts_s.tolist()}
        yield stretch
    for path in fine:
        last_s = _find_last_start_s(path, Kind.FINE)
        if last_s is None or not since_s <= last_s < until_s:
            continue
        minute_s = last_s // MINUTE_S * MINUTE_S
        for stretch in _read_files([path], Kind.FINE, minute_s, minute_s + MINUTE_S):
            if (stretch.header.run, minute_s) not in there:
                yield _join(stretch, minute_s)


def _join(stretch: Stretch, start_s: int) -> Stretch:
    """All its lines as one of a minute."""
    total = stretch.frames.sum()
    shares = (stretch.frames / total).astype(np.float32)
    return Stretch(
        header=msgspec.structs.replace(stretch.header, step_s=MINUTE_S),
        starts_s=np.array([start_s]),
        frames=total.reshape(1),
        mean_power=np.tensordot(shares, stretch.mean_power, axes=1)[np.newaxis],
        max_power=stretch.max_power.max(axis=0)[np.newaxis],
    )


def read_event_lines(folder: Path, *, since_s: float, until_s: float) -> Iterator[bytes]:
    """Lines of NDJSON, whole ones, of files that have any of [since, until): each is to be looked at by its time."""
    for path in list_files_within(folder, Kind.EVENTS, since_s=since_s, until_s=until_s):
        try:
            with path.open("rb") as file:
                yield from (line.rstrip(b"\n") for line in file if line.endswith(b"\n"))
        except FileNotFoundError:
            continue


def list_unreadable(folder: Path, *, since_s: float, until_s: float) -> list[Path]:
    """Files of levels that do not say what they hold, or say it wrongly; one that is just begun is none of them."""
    found = []
    for kind in (Kind.FINE, Kind.COARSE):
        for path in list_files_within(folder, kind, since_s=since_s, until_s=until_s):
            try:
                if path.stat().st_size and read_header(path) is None:
                    found.append(path)
            except FileNotFoundError:
                continue
    return found


def _read_files(paths: list[Path], kind: Kind, since_s: float, until_s: float) -> Iterator[Stretch]:
    for path in paths:
        first_s, end_s = read_bounds_s(path, kind)  # what else it has is no line: zeros that a crash has left
        try:
            stretch = read_stretch(path, since_s=max(since_s, first_s), until_s=min(until_s, end_s))
        except FileNotFoundError:  # thrown away meanwhile
            continue
        if stretch is not None:
            yield stretch


def _find_last_start_s(path: Path, kind: Kind) -> int | None:
    first_s, end_s = read_bounds_s(path, kind)
    try:
        return read_last_start_s(path, since_s=first_s, until_s=end_s)
    except FileNotFoundError:
        return None
