"""Listen, find out how loud full scale is, and keep it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from streamer.api.feeds import EngineFeed
from streamer.api.open_stream import OpenStream
from streamer.base.errors import DONE, NOTHING_MATCHED, SpecError
from streamer.base.reading import read_weighting
from streamer.base.text import printable, shorten
from streamer.base.units import NUMBER, parse_frequency_hz, parse_lasting_s
from streamer.commands.calibrate.ear import Ear
from streamer.commands.calibrate.measure import Heard, measure_noise, measure_tone
from streamer.commands.cut_short import (
    CutShort,
    describe_cut,
    find_exit_code,
    raising_signals,
    stopping_after,
)
from streamer.commands.interrupts import Interrupted
from streamer.commands.talk import answer, begin_work, tell
from streamer.events import ErrorRecord
from streamer.live.stream import Stream
from streamer.plans.listening import Listening
from streamer.sources import SourceInfo, SourceSpec, parse_source
from streamer.sources.calibration import (
    MAX_SPL_DB,
    MIN_SPL_DB,
    Calibration,
    check_name,
    keep,
    load_calibrations,
)
from streamer.sources.correction import CorrectionFile, read_correction
from streamer.stores.measured import Levels

_LEVEL = re.compile(rf"({NUMBER})\s*(?:dB)?\s*(?:\(?([ACZ])\)?)?\s*(?:SPL)?", re.IGNORECASE | re.ASCII)
TELL_EVERY_S = 2.0
SLACK_S = 2.0  # for what is being opened, where samples tell of the time


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The words of the command line, as they were given."""

    source: str | None
    level: str
    tone: str | None
    noise: bool
    weighting: str | None
    channel: int
    correction: str | None
    name: str | None
    duration: str
    timeout: str
    dry_run: bool
    rate: str | None
    sample_format: str | None
    quiet: bool

    def read_level(self) -> tuple[float, str]:
        """What the calibrator gives or the meter reads, and how that is weighted."""
        found = _LEVEL.fullmatch(self.level.strip())
        if found is None or not 20 <= float(found[1]) <= 200:
            raise SpecError(
                f"level is {shorten(self.level)}; write dB SPL within 20..200, such as 94 or, read by a meter, 72dBA"
            )
        said, asked = (found[2] or "").upper(), read_weighting(self.weighting) if self.weighting else ""
        if said and asked and said != asked:
            raise SpecError(f"level is {shorten(self.level)} and weighting is {asked}; leave one of them out")
        weighting = said or asked or "Z"
        if weighting != "Z" and not self.noise:
            raise SpecError(
                f"weighting is {weighting}, and a calibrator's level has none: add --noise if a meter reads it"
            )
        if self.noise and self.tone is not None:
            raise SpecError(
                "--tone and --noise are given; a meter reads whatever sounds: leave one of them out"
            )
        return float(found[1]), weighting

    def parse_source(self) -> SourceSpec:
        source = parse_source(
            self.source,
            sample_format=self.sample_format,
            rate_hz=None if self.rate is None else parse_frequency_hz(self.rate, name="rate"),
        )
        if source.kind != "mic" and self.name is None and not self.dry_run:
            raise SpecError(
                f"{source} is no device with a name: say by --name what --calibration will call it, or only look by "
                "--dry-run"
            )
        if self.name is not None:
            check_name(self.name)
        return replace(source, channels=f"{self.channel}" if source.sample_format is None else None)


def run(options: Options) -> int:
    """The exit code."""
    level_db, weighting = options.read_level()
    source = options.parse_source()
    tone_hz = None if options.tone is None else parse_frequency_hz(options.tone, name="tone")
    duration_s = parse_lasting_s(options.duration, name="duration")
    if not 0.5 <= duration_s <= 600:
        raise SpecError(f"duration is {shorten(options.duration)}; write a time within 500ms..10m")
    timeout_s = parse_lasting_s(options.timeout, name="timeout")
    correction = None if options.correction is None else read_correction(Path(options.correction))
    begin_work(is_quiet=options.quiet)

    ears: list[Ear] = []

    def set_up(info: SourceInfo) -> Listening:
        if options.noise:
            curve = None if correction is None else correction.curve
            judge = partial(measure_noise, fs_hz=info.fs_hz, weighting=weighting, correction=curve)
        else:
            judge = partial(measure_tone, fs_hz=info.fs_hz, tone_hz=tone_hz)
        ears[:] = [Ear(judge, fs_hz=info.fs_hz, duration_s=duration_s)]  # anew where the device comes back
        return Listening(display=ears[0].analysis, detectors=[("", 1, ears[0])])

    engine = Stream(source, set_up, speed=None)
    try:
        with (
            raising_signals(),
            stopping_after(engine, duration_s + timeout_s + SLACK_S),
            OpenStream(EngineFeed(engine, str(source))) as stream,
        ):
            name = _listen(stream, ears, duration_s + timeout_s, source=str(source), is_quiet=options.quiet)
    except (CutShort, Interrupted) as cut:
        tell(f"cut short {describe_cut(cut)}; nothing was calibrated")
        return find_exit_code(cut)
    heard = ears[0].heard if ears else None
    if heard is None or heard.fault:
        why = f"not {duration_s:g} s came in one piece" if heard is None else heard.fault
        tell(f"{printable(name)}, channel {options.channel}: {why}; nothing was calibrated")
        return NOTHING_MATCHED
    found = _conclude(options, heard, (level_db, weighting), correction, name)
    for line in () if options.quiet else _describe(heard, found, correction, duration_s):
        tell(line)
    answer(found.describe())
    if not options.dry_run:
        path = keep([found])
        if not options.quiet:
            tell(f"kept in {path}")
    return DONE


def _listen(stream: OpenStream, ears: list[Ear], most_s: float, *, source: str, is_quiet: bool) -> str:
    """Until the ear is content, the recording is over or so much has gone by; the source's name."""
    told, name = "", source
    told_s = time.monotonic()
    for item in stream:
        name = stream.info.name if stream.info is not None else name
        if isinstance(item, ErrorRecord):
            tell(item.message)
        if ears[0].is_done:
            break
        fault = ears[0].heard.fault if ears[0].heard is not None else ""
        is_live = stream.info is not None and stream.info.is_live
        if is_live and fault and not is_quiet and fault != told and time.monotonic() - told_s >= TELL_EVERY_S:
            told, told_s = fault, time.monotonic()
            tell(f"waiting: {fault}")
        if is_live and isinstance(item, Levels) and float(item.times_s[-1]) >= most_s:
            break
    return name


def _conclude(
    options: Options, heard: Heard, level: tuple[float, str], correction: CorrectionFile | None, name: str
) -> Calibration:
    """level: what was there, dB, and its weighting"""
    level_db, weighting = level
    spl_db = level_db - heard.level_dbfs
    if heard.freq_hz is not None and correction is not None:
        spl_db += correction.curve.at_db(heard.freq_hz)
    if not MIN_SPL_DB <= spl_db <= MAX_SPL_DB:
        raise SpecError(
            f"0 dBFS would be {spl_db:.1f} dB SPL, which is no microphone: is it {level_db:g} dB that it hears?"
        )
    how = (
        f"{level_db:g} dB SPL at {heard.freq_hz:.1f} Hz"
        if heard.freq_hz
        else f"{level_db:g} dB({weighting}) by a meter"
    )
    return Calibration(
        device=options.name or name.removeprefix("mic:"),
        channel=options.channel,
        spl_at_0_dbfs_db=round(spl_db, 3),
        how=how,
        date=datetime.now().astimezone().isoformat(timespec="seconds"),
        correction_file="" if options.correction is None else Path(options.correction).name,
        correction=None if correction is None else correction.curve,
    )


def _describe(
    heard: Heard, found: Calibration, correction: CorrectionFile | None, duration_s: float
) -> Iterator[str]:
    """What was heard, and what is odd about it."""
    if heard.freq_hz is None:
        yield f"heard {heard.level_dbfs:.2f} dBFS for {duration_s:g} s, spread over {heard.spread_db:.2f} dB"
    else:
        yield (
            f"heard {heard.freq_hz:.1f} Hz at {heard.level_dbfs:.2f} dBFS, steady within {heard.spread_db:.2f} dB for "
            f"{duration_s:g} s, {min(heard.over_rest_db, 120):.0f} dB over everything else, not clipped"
        )
    if heard.remark:
        yield heard.remark
    if correction is not None and correction.sens_factor_db is not None:
        yield (
            f'the correction file has a "Sens Factor" of {correction.sens_factor_db:g} dB, which is not used: what was '
            "heard counts"
        )
    before = [
        each for each in load_calibrations() if (each.device, each.channel) == (found.device, found.channel)
    ]
    if before:
        moved_db = found.spl_at_0_dbfs_db - before[0].spl_at_0_dbfs_db
        yield f"that is {moved_db:+.2f} dB from the last time ({before[0].date[:10]})"
