"""A pass over a live source, in real time: as long as it was asked for, or until Ctrl-C."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from streamer.api.asking import make_display
from streamer.api.feeds import EngineFeed
from streamer.api.open_stream import OpenStream
from streamer.commands.cut_short import CutShort
from streamer.commands.interrupts import Interrupted
from streamer.events import End, ErrorRecord, Event, Record
from streamer.live.stream import Stream
from streamer.plans.listening import Listening, make_set_up
from streamer.plans.plan import Plan
from streamer.recordings import Progress
from streamer.recordings.detect import Recording, Task
from streamer.recordings.identify.findings import Findings
from streamer.sources import SourceInfo
from streamer.sources.calibration import find_reading
from streamer.stores.measured import Levels

BEAT_HZ, BEAT = 100.0, "85ms"  # of the levels by which time passes


def listen_live(
    task: Task,
    plans: list[Plan],
    findings: Findings,
    take: Callable[[Record], object],
    progress: Progress,
) -> BaseException | None:
    """The records of a pass, to whoever takes them; the signal's exception, if one has ended it."""
    by_plans = make_set_up(
        plans,
        make_display([BEAT_HZ], BEAT, "100%", "hann"),
        needs_plans=False,
        find_reading=partial(find_reading, task.calibration, source=task.source),
    )

    def set_up(info: SourceInfo) -> Listening:
        listening = by_plans(info)
        return replace(listening, detectors=[*listening.detectors, *findings.survey(info, listening.reading)])

    cut: BaseException | None = None
    now_s, n_events = 0.0, 0
    with OpenStream(EngineFeed(Stream(task.source, set_up), str(task.source))) as stream:
        assert stream.info is not None
        take(Recording(stream.info, ()).make_start(task.plans))
        while True:
            try:
                for item in stream:
                    if isinstance(item, Levels):
                        now_s = max(now_s, float(item.times_s[-1]))
                        progress(stream.info.name, now_s, task.duration_s)
                    elif isinstance(item, Event | ErrorRecord):
                        n_events += isinstance(item, Event) and item.phase == "begin"
                        take(item)
                    if task.duration_s is not None and now_s >= task.duration_s:
                        stream.stop()
                break
            except (CutShort, Interrupted) as error:
                cut = error  # what was captured is still told
                stream.stop()
        stats = stream.stats
    stats.sample, stats.t_s = stats.captured, now_s
    take(stats)
    books = {name: getattr(stats, name) for name in ("captured", "analysed", "dropped", "pending")}
    reason = "duration" if cut is None else "interrupted"
    take(End(reason=reason, events=n_events, sample=stats.captured, t_s=now_s, **books))
    return cut
