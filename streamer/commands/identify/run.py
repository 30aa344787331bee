"""One pass over a source, and what it comes to, as a plan or as records."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from streamer.base.errors import DONE, SpecError, StreamerError
from streamer.base.files import check_folder, describe_unwritable, write_whole
from streamer.base.text import shorten
from streamer.base.units import parse_frequency_hz, parse_lasting_s
from streamer.commands.cut_short import describe_cut, find_exit_code, raising_signals, take_all
from streamer.commands.identify.text import Found, write_plan
from streamer.commands.inputs import refuse_inputs_as_outputs
from streamer.commands.progress import ProgressBar
from streamer.commands.talk import answer, begin_work, tell
from streamer.events import End, ErrorRecord, Event, Record, Start, Stats, encode_line
from streamer.plans.plan import Plan, leave_out_parts, list_plans, load_plan
from streamer.recordings.detect import Remark, Task, listen
from streamer.recordings.identify.findings import Findings
from streamer.sources import parse_source


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The words of the command line, as they were given."""

    source: str
    rate: str | None
    channels: str | None
    sample_format: str | None
    plans: tuple[str, ...]
    duration: str | None
    calibration: str | None
    is_json: bool
    output: str | None
    quiet: bool

    def load_plans(self) -> list[Plan]:
        """Those that were named; else all there are, but for what is a part of another, and what cannot be read."""
        if self.plans:
            return [load_plan(name) for name in self.plans]
        loaded = []
        for name in list_plans():
            try:
                loaded.append(load_plan(name))
            except SpecError as error:
                tell(error)
        return leave_out_parts(loaded)

    def make_task(self, plans: Sequence[Plan]) -> Task:
        source = parse_source(
            self.source,
            sample_format=self.sample_format,
            rate_hz=None if self.rate is None else parse_frequency_hz(self.rate, name="rate"),
            channels=self.channels,
        )
        return Task(
            source=source,
            plans=self.plans or tuple(plan.name for plan in plans),
            duration_s=None if self.duration is None else parse_lasting_s(self.duration, name="duration"),
            calibration=self.calibration,
        )


@dataclass(slots=True, eq=False)
class _Tally:
    """What comes of the pass: findings take the events, --json's other records are kept."""

    findings: Findings
    start: Start | None = None
    rest: list[Record] = field(default_factory=list)
    done_s: float = 0.0

    def take(self, item: Record | Remark) -> bool:
        if isinstance(item, Remark):
            return True
        if isinstance(item, Event):
            self.findings.take(item)
        elif isinstance(item, Start):
            self.start = item
        elif isinstance(item, ErrorRecord | Stats | End):
            self.rest.append(item)
            self.done_s = max(self.done_s, item.t_s or 0.0)
        return True


def run(options: Options) -> int:
    """Listen to all of it and tell what is there; the exit code."""
    plans = options.load_plans()
    task = options.make_task(plans)
    path = None if options.output is None else _check_output(options.output)
    targets = () if path is None else (str(path),)
    refuse_inputs_as_outputs(targets, [task.source], plans=options.plans)
    tally = _Tally(Findings(plans))

    begin_work(is_quiet=options.quiet)
    failure: StreamerError | None = None
    cut: BaseException | None = None
    with ProgressBar(is_quiet=options.quiet) as progress, raising_signals():
        try:
            if task.source.is_live:
                from streamer.commands.identify.live_pass import (
                    listen_live,
                )  # who reads files needs no engine

                cut = listen_live(task, plans, tally.findings, tally.take, progress)
            else:
                cut = take_all(listen(task, progress=progress, beside=tally.findings.survey), tally.take)  # type: ignore[arg-type]
        except StreamerError as error:
            if tally.start is None:
                raise
            failure = error
    if tally.start is not None:
        _tell_all(options, path, tally.start, tally)
    if failure is not None:
        tell(failure)
        return failure.exit_code
    if cut is not None:
        tell(f"cut short {describe_cut(cut)} after {tally.done_s:.1f} s; what was found until then is told")
        return find_exit_code(cut)
    return DONE


def _tell_all(options: Options, path: Path | None, start: Start, tally: _Tally) -> None:
    found: list[Found] = tally.findings.conclude()
    plan = write_plan(start.source, tally.done_s, found)
    if path is not None:
        write_whole(path, "\n".join([*plan, ""]), name=f"--output {shorten(str(path))}")
    if options.is_json:
        records = [start, *found, *tally.rest]
        sys.stdout.write("".join(encode_line(record).decode() + "\n" for record in records))
    elif path is None:
        answer(*plan)


def _check_output(target: str) -> Path:
    path = Path(target)
    if path.suffix.lower() != ".toml":
        raise SpecError(f"--output is {shorten(target)}; the plan's name must end in .toml")
    try:
        check_folder(path)
    except OSError as error:
        raise describe_unwritable(f"--output {shorten(target)}", error) from error
    return path
