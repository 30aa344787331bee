"""What a run is to do, read from the command line, settings and plans: when it begins, and again while it runs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from streamer.commands.inputs import refuse_inputs_as_outputs
from streamer.commands.live.load_settings import choose_display, find_files, load_settings
from streamer.commands.live.spec import MonitorSpec, Options, choose_plans, make_spec
from streamer.detectors.copies import parse_copies
from streamer.outputs import check_outputs, wants_levels
from streamer.plans.bands import list_band_files
from streamer.plans.listening import SetUp, check_digits, make_set_up
from streamer.plans.plan import find_plan

# What cannot be changed while samples come; by the names that settings have.
FIXED = {
    "source": "rate or channels",
    "speed": "speed",
    "n_workers": "workers",
    "has_dashboard": "dashboard",
    **{name: name for name in ("unit", "weighting", "calibration")},
}

LOOK_S = 1.0

_Stamp = tuple[int, int, int]  # of a file: when it was written, which one it is, its size


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Wanted:
    """contents: of every file that was read, and of None those that were looked for and are not there."""

    spec: MonitorSpec
    set_up: SetUp
    notes: tuple[str, ...]
    contents: Mapping[Path, bytes | None]

    def list_fixed(self, before: Wanted) -> list[str]:
        """What of it cannot be had before the next start."""
        return [
            name for field, name in FIXED.items() if getattr(self.spec, field) != getattr(before.spec, field)
        ]


class Reader:
    """Reads all of it, as often as it is asked to."""

    def __init__(self, options: Options, flags: Mapping[str, Any]) -> None:
        """flags: of the command line, that are settings"""
        self._options, self._flags = options, flags

    def read(self) -> Wanted:
        """Raises StreamerError with everything that is wrong."""
        options = self._options
        loaded = load_settings(flags=self._flags, config=options.config, profile=options.profile)
        settings = loaded.values
        plans = choose_plans(options, settings)
        if options.is_digits:
            check_digits(plans)
        spec = make_spec(options, settings, plans)
        check_outputs(spec.output_paths)
        plan_files = [find_plan(plan) for plan in plans]
        refuse_inputs_as_outputs(
            spec.output_paths,
            [spec.source],
            plans=[str(path) for path in plan_files],
            bands=settings.bands,
            config=options.config,
        )
        set_up = make_set_up(
            plans,
            partial(choose_display, settings),
            silence_s=settings.silence_s,
            needs_plans=options.is_digits or "plan" in settings.given,
            joins_copies=parse_copies(options.copies),
            is_shown=spec.has_dashboard or wants_levels(spec.output_paths),
            find_reading=spec.make_reading,
        )
        files = [
            *find_files(config=options.config, profile=loaded.profile),
            *plan_files,
            *map(Path, list_band_files(settings.bands)),
        ]
        return Wanted(
            spec=spec, set_up=set_up, notes=loaded.notes, contents={path: _read(path) for path in files}
        )


class Watch:
    """Tells when one of the files has changed, and has stayed as it is from one look to the next."""

    def __init__(self, paths: Mapping[Path, object]) -> None:
        self._stamps = {path: _stamp(path) for path in paths}
        self._told = dict(self._stamps)
        self._looked_s = time.monotonic()

    def has_changed(self, now_s: float) -> bool:
        if now_s - self._looked_s < LOOK_S:
            return False
        self._looked_s = now_s
        before, self._stamps = self._stamps, {path: _stamp(path) for path in self._stamps}
        if self._stamps != before or self._stamps == self._told:
            return False
        self._told = dict(self._stamps)
        return True


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes() if path.is_file() else None
    except OSError:
        return None


def _stamp(path: Path) -> _Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
