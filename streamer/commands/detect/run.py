"""The events in recordings, and who is told of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from streamer.base.errors import DONE, NOTHING_MATCHED, SpecError, StreamerError
from streamer.base.reading import Reading
from streamer.base.units import parse_frequency_hz, parse_lasting_s, parse_moment
from streamer.commands.cut_short import describe_cut, find_exit_code, raising_signals, take_all
from streamer.commands.failures import Failures
from streamer.commands.inputs import refuse_inputs_as_outputs
from streamer.commands.options import read_reading
from streamer.commands.progress import ProgressBar
from streamer.commands.talk import begin_work, tell
from streamer.detectors.copies import parse_copies
from streamer.events import End, Start, add_reading
from streamer.outputs import open_outputs
from streamer.outputs.digits import DigitLines
from streamer.outputs.formats import NOTHING_LISTENED_FOR, Format, format_json
from streamer.outputs.heard import Expectation, Hearing
from streamer.outputs.output import Output, raise_failure
from streamer.outputs.to_file import open_stdout
from streamer.outputs.words import TextLines
from streamer.plans.listening import can_explain, check_digits
from streamer.plans.plan import check_plans, choose_plans
from streamer.recordings.detect import Remark, Task
from streamer.recordings.jobs import Told, run_tasks
from streamer.sources import tell_apart
from streamer.sources.calibration import make_reading
from streamer.sources.folders import parse_sources


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The words of the command line, as they were given."""

    files: tuple[str, ...]
    rate: str | None
    channels: str | None
    sample_format: str | None
    plans: tuple[str, ...]
    copies: str
    duration: str | None
    jobs: int
    expect: str | None
    is_digits: bool
    explain: bool
    start_time: str | None
    unit: str | None
    weighting: str | None
    calibration: str | None
    is_json: bool
    outputs: tuple[str, ...]
    quiet: bool

    def choose_format(self, n_sources: int) -> Format:
        """Of what goes to stdout."""
        if self.is_digits and self.is_json:
            raise SpecError(
                "--json and --digits are given, and stdout takes one of them: give the other to -o FILE"
            )
        if self.is_digits:
            return DigitLines(names_sources=n_sources > 1)
        return format_json if self.is_json else TextLines()

    def choose_reading(self, tasks: Sequence[Task]) -> Callable[[Start], Reading]:
        """By whose start what its levels are told as is known; what cannot be is refused at once."""
        told = read_reading(self.unit, self.weighting, self.calibration)
        sources = {task.source.name: task.source for task in tasks}

        def choose(start: Start) -> Reading:
            source = sources.get(start.source, tasks[0].source)
            return make_reading(**told, source=source, name=start.source, channels=start.channels)

        if self.calibration is None:
            make_reading(**told, source=tasks[0].source, name=tasks[0].source.name, channels=1)
        return choose

    def make_tasks(self) -> list[Task]:
        rate_hz = None if self.rate is None else parse_frequency_hz(self.rate, name="rate")
        limit_s = None if self.duration is None else parse_lasting_s(self.duration, name="duration")
        joins_copies = parse_copies(self.copies)
        start_time = None if self.start_time is None else parse_moment(self.start_time, name="start-time")
        plans = choose_plans(self.plans or ("dtmf",))
        check_plans(plans)
        if self.is_digits:
            check_digits(plans)
        sources = parse_sources(
            self.files,
            sample_format=self.sample_format,
            rate_hz=rate_hz,
            channels=self.channels,
            start_time=start_time,
        )
        if start_time is not None and len(sources) > 1:
            raise SpecError(
                f"start-time is given for {len(sources)} files, and says when one begins: name one file"
            )
        for source in sources:
            if source.is_live:
                raise SpecError(
                    f"{source} never ends, and detect is for recordings: `streamer live {source}` listens"
                )
        return [
            Task(
                source=source,
                plans=plans,
                duration_s=limit_s,
                explain=self.explain,
                joins_copies=joins_copies,
                calibration=self.calibration,
            )
            for source in tell_apart(sources)
        ]


def run(options: Options) -> int:
    """Listen to all files and tell what is heard; the exit code."""
    tasks = options.make_tasks()
    expectation = None if options.expect is None else Expectation(options.expect)
    plans = tasks[0].plans
    refuse_inputs_as_outputs(options.outputs, [task.source for task in tasks], plans=plans)
    outputs = [open_stdout(options.choose_format(len(tasks))), *open_outputs(options.outputs)]
    hearing = Hearing(keeps_events=False) if expectation is None else expectation.hearing
    tally = Tally(outputs, hearing, options.choose_reading(tasks))
    begin_work(is_quiet=options.quiet)
    if not plans and not options.quiet:
        tell(NOTHING_LISTENED_FOR)
    try:
        is_unseen = options.quiet or sys.stdout.isatty()
        with ProgressBar(is_quiet=is_unseen, n_recordings=len(tasks)) as progress, raising_signals():

            def take(item: Told) -> bool:
                wants_more = tally.take(item)
                progress.show_done(tally.n_done)
                return wants_more

            records = run_tasks(tasks, n_processes=options.jobs, progress=progress)
            cut = _finish(outputs, take_all(records, take))
    finally:
        for output in outputs:
            output.discard()
    raise_failure(outputs)
    if cut is not None:
        tell(f"cut short {describe_cut(cut)}; {tally.n_done} of {len(tasks)} files were done")
        return find_exit_code(cut)
    if expectation is not None and not options.quiet:
        for line in expectation.describe():
            tell(line)
    elif not (options.quiet or options.is_json or options.explain):
        for line in hearing.describe_silent(plans, is_explained=can_explain(plans)):
            tell(line)
    tally.failures.tell_again(len(tasks))
    is_met = expectation is None or expectation.is_met
    return tally.failures.exit_code or (DONE if is_met else NOTHING_MATCHED)


def _finish(outputs: Sequence[Output], cut: BaseException | None) -> BaseException | None:
    """Have all of it written, however long readers take, unless a signal has come or comes."""
    try:
        for output in outputs:
            output.finish(timeout_s=3600 if cut is None else 2)
    except Exception:
        raise
    except BaseException as late:
        return _finish(outputs, cut or late)
    return cut


class Tally:
    """What has come so far, told to everybody as it comes."""

    def __init__(
        self, outputs: Sequence[Output], hearing: Hearing, choose_reading: Callable[[Start], Reading]
    ) -> None:
        self._outputs, self._hearing, self._choose_reading = outputs, hearing, choose_reading
        self.failures = Failures()
        self.n_done = 0  # files, those that failed among them

    def take(self, item: Told) -> bool:
        """Whether there is any use in more."""
        if isinstance(item, StreamerError):
            self.n_done += 1
            self.failures.take(item)
        elif isinstance(item, Remark):
            tell(item.text)
        else:
            if isinstance(item, Start):
                add_reading(item, self._choose_reading(item))
            self._hearing.take(item)
            self.n_done += isinstance(item, End) and item.reason == "eof"
            for output in self._outputs:
                output.put(item, waits=True)
        return all(output.error is None for output in self._outputs)
