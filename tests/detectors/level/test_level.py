"""Alarms of a level: when they begin and end, by the definitions, and when they are not told."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.analysis.analyser import Analyser
from streamer.analysis.bank import Levels
from streamer.base.errors import SpecError
from streamer.base.reading import PLAIN, Curve, Reading, Sensitivity
from streamer.detectors.level import LevelDetector, LevelSpec
from streamer.detectors.level.schedule import read_schedule
from streamer.detectors.level.spec import list_doubts
from streamer.events import Event
from streamer.events.clocks import WallClock
from streamer.plans.plan import PlanError, parse_plan

FS_HZ = 8000.0


class NoAudio:
    def read(self, *_: int) -> None:
        raise AssertionError("all is in the levels")


def make_tone(*parts: tuple[float, float]) -> np.ndarray:
    """1 kHz of so many dBFS for so many seconds each."""
    envelope = np.concatenate([np.full(round(s * FS_HZ), 10 ** (dbfs / 20)) for dbfs, s in parts])
    return (envelope * np.sin(2 * np.pi * 1000 * np.arange(len(envelope)) / FS_HZ)).astype(np.float32)


def hear(
    spec: LevelSpec,
    samples: np.ndarray,
    *,
    cuts: tuple[int, ...] = (),
    clock: WallClock | None = None,
    reading: Reading | None = None,
) -> list[Event]:
    detector = LevelDetector(spec, fs_hz=FS_HZ)
    if reading is not None:
        detector.read_by(reading)
    if clock is not None:
        detector.keep_time(clock)
    analysis = detector.analysis
    values = np.empty((analysis.frames.frames_within(len(samples)), len(analysis.bank)), analysis.value_dtype)
    Analyser(analysis).compute(samples, values)
    events: list[Event] = []
    for first, stop in zip((0, *cuts), (*cuts, len(values)), strict=True):
        run = Levels(analysis=analysis, channel=1, first_frame=first, values=values[first:stop])
        events += detector.feed(run, NoAudio())  # type: ignore[arg-type]
    return [*events, *detector.flush()]


def make_spec(**more: object) -> LevelSpec:
    given: dict[str, object] = {"name": "a", "freq_hz": 1000.0, "above_dbfs": -30.0} | more
    if "below_dbfs" in more:
        del given["above_dbfs"]
    if "band_hz" in more:
        del given["freq_hz"]
    return LevelSpec(**given)  # type: ignore[arg-type]


def test_it_begins_when_it_has_lasted_and_ends_when_it_is_back_by_the_hysteresis() -> None:
    samples = make_tone((-60, 3), (-20, 4), (-31, 2), (-40, 3))
    begin, end = hear(make_spec(for_ms=2000.0, average_ms=500.0), samples)
    assert (begin.type, begin.phase, end.phase, begin.id, end.id) == ("level", "begin", "end", 1, 1)
    assert begin.t_s == end.t_s == pytest.approx(3.0, abs=0.1)
    assert begin.known_sample / FS_HZ == pytest.approx(5.0, abs=0.3)
    assert end.duration_s == pytest.approx(6.0, abs=0.1)  # -31 is less than 3 dB back
    assert end.level_dbfs == pytest.approx(-20.0, abs=0.01)


def test_what_does_not_last_is_not_told_and_a_moment_within_the_hysteresis_does_not_break_it() -> None:
    spec = make_spec(for_ms=2000.0, average_ms=125.0)
    assert hear(spec, make_tone((-60, 1), (-20, 1.8), (-60, 1))) == []
    assert len(hear(spec, make_tone((-60, 1), (-20, 1.3), (-32, 0.5), (-20, 1.3), (-60, 1)))) == 2


@pytest.mark.parametrize(("low_hz", "high_hz", "heard"), [(900, 1100, True), (1300, 1500, False)])
def test_a_band_below_its_limit(low_hz: float, high_hz: float, heard: bool) -> None:
    spec = make_spec(band_hz=(low_hz, high_hz), below_dbfs=-50.0, for_ms=1000.0)
    events = hear(spec, make_tone((-20, 4), (-80, 4), (-20, 4)))
    if heard:
        begin, end = events
        assert begin.t_s == pytest.approx(4.0, abs=0.1)
        assert end.duration_s == pytest.approx(4.0, abs=0.2)
    else:
        assert [event.t_s for event in events] == [
            pytest.approx(0.0, abs=0.01)
        ] * 2  # silent from the beginning


def test_once_and_cooldown() -> None:
    thrice = make_tone((-60, 2), (-20, 2), (-60, 2), (-20, 2), (-60, 10), (-20, 2), (-60, 2))
    every = {"for_ms": 500.0, "average_ms": 250.0}
    assert [e.phase for e in hear(make_spec(**every), thrice)] == ["begin", "end"] * 3
    assert [e.id for e in hear(make_spec(once=True, **every), thrice)] == [1, 1]
    told = hear(make_spec(cooldown_ms=5000.0, **every), thrice)
    assert [round(e.t_s) for e in told] == [2, 2, 18, 18]


@pytest.mark.parametrize(
    ("active", "quiet", "n_told"),
    [
        (None, None, 2),
        ("Mon-Fri 07:00-19:00", None, 2),
        ("Mon-Fri 07:00-19:00", "12:00-13:00", 0),
        ("Sat,Sun", None, 0),
        ("22:00-13:00", None, 2),
        (None, "Wed", 0),
    ],
)
def test_it_is_told_in_its_hours_alone(active: str | None, quiet: str | None, n_told: int) -> None:
    noon = WallClock(FS_HZ, start=datetime(2026, 11, 25, 12, 30).astimezone())  # a Wednesday
    hours = {
        key: read_schedule(text, name=key) for key, text in (("active", active), ("quiet", quiet)) if text
    }
    spec = make_spec(for_ms=500.0, **hours)
    samples = make_tone((-60, 2), (-20, 3), (-60, 2))
    assert len(hear(spec, samples, clock=noon)) == n_told
    assert len(hear(spec, samples, clock=WallClock(FS_HZ))) == 2  # when that was is not known


def test_what_lasts_into_its_hours_is_told_when_they_begin() -> None:
    early = WallClock(FS_HZ, start=datetime(2026, 11, 25, 6, 59, 50).astimezone())
    spec = make_spec(for_ms=500.0, active=read_schedule("07:00-19:00", name="active"))
    begin, end = hear(spec, make_tone((-60, 2), (-20, 20)), clock=early)
    assert begin.t_s == pytest.approx(2.0, abs=0.1)
    assert begin.known_sample / FS_HZ == pytest.approx(10.0, abs=0.2)
    assert end.duration_s == pytest.approx(20.0, abs=0.1)


@given(st.lists(st.integers(1, 500), max_size=6, unique=True).map(sorted))
def test_it_is_the_same_however_frames_are_cut(cuts: list[int]) -> None:
    samples = make_tone((-60, 3), (-20, 4), (-31, 2), (-60, 3), (-25, 5))
    spec = make_spec(for_ms=700.0)
    assert hear(spec, samples, cuts=tuple(cut for cut in cuts if cut < 500)) == hear(spec, samples)


@pytest.mark.parametrize(
    ("text", "moments"),
    [
        ("Mon-Fri 07:00-19:00", {(0, 7, 0): True, (4, 18, 59): True, (4, 19, 0): False, (5, 12, 0): False}),
        ("22:00-06:00", {(0, 23, 0): True, (1, 5, 59): True, (1, 6, 0): False}),
        ("Fri 22:00-06:00", {(4, 23, 0): True, (5, 5, 0): True, (4, 5, 0): False, (5, 23, 0): False}),
        ("Sat-Mon", {(5, 0, 0): True, (0, 23, 59): True, (1, 0, 0): False}),
        ("Sun 20:00-24:00, Mon 00:00-06:00", {(6, 23, 59): True, (0, 5, 0): True, (0, 6, 0): False}),
    ],
)
def test_days_and_hours_are_read_as_people_write_them(
    text: str, moments: dict[tuple[int, int, int], bool]
) -> None:
    schedule = read_schedule(text, name="active")
    for (day, hour, minute), is_in in moments.items():
        assert schedule.has(datetime(2026, 11, 23 + day, hour, minute)) is is_in  # the 23rd is a Monday


@pytest.mark.parametrize(
    "text", ["", "Mon-", "25:00-26:00", "07:00", "Foo 07:00-08:00", "07:00-07:00", 7, "Mon 24:30-25:00"]
)
def test_what_is_no_schedule_is_refused_by_its_name(text: object) -> None:
    with pytest.raises(SpecError, match="active is"):
        read_schedule(text, name="active")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"above_dbfs": None}, "above_dbfs or below_dbfs"),
        ({"below_dbfs": -10.0, "above_dbfs": -20.0, "name": "both"}, "above_dbfs or below_dbfs"),
        ({"freq_hz": None}, "band"),
        ({"average_ms": 10.0}, "average_ms is 10"),
        ({"hysteresis_db": -1.0}, "hysteresis"),
    ],
)
def test_what_cannot_be_meant_is_refused(more: dict[str, object], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        LevelSpec(**({"name": "a", "freq_hz": 1000.0, "above_dbfs": -30.0} | more))  # type: ignore[arg-type]


def test_an_alarm_is_read_as_people_write_it_and_each_mistake_is_told_once() -> None:
    good = """[[level]]
name = "fan"
band = "90-110"
below = "-50dBFS"
for = "10s"
once = true
active = ["Mon-Fri 07:00-19:00", "Sat"]
"""
    plan = parse_plan(good, name="a.toml")
    [spec] = plan.entries["level"]
    assert (spec.once, spec.band_hz, spec.for_ms, spec.below_dbfs) == (True, (90.0, 110.0), 10_000.0, -50.0)
    for was, now, line in (
        ('"90-110"', '"110-90"', 3),
        ('"-50dBFS"', '"nan"', 4),
        ("true", '"yes"', 6),
        ('"Mon-Fri 07:00-19:00"', '"Mon-Fry 07:00-19:00"', 7),
    ):
        with pytest.raises(PlanError) as caught:
            parse_plan(good.replace(was, now), name="a.toml")
        assert [finding.line for finding in caught.value.findings] == [line]


def test_hours_that_never_come_are_doubted() -> None:
    never = make_spec(
        active=read_schedule("10:00-11:00", name="active"), quiet=read_schedule("09:00-12:00", name="quiet")
    )
    assert list(list_doubts(never)) == ["active and quiet leave no minute of the week: it is never told"]
    assert list(list_doubts(make_spec())) == []


# --- of what is calibrated


def calibrated(spl_db: float = 120.0, correction: Curve | None = None) -> Reading:
    return Reading(sensitivities=(Sensitivity(spl_at_0_dbfs_db=spl_db, correction=correction),))


def test_a_limit_in_db_spl_is_that_of_the_calibration() -> None:
    samples = make_tone((-60, 3), (-34, 4), (-60, 3))
    spec = make_spec(freq_hz=1000.0, above_dbfs=None, above_dbspl=85.0, average_ms=500.0)
    begin, end = hear(spec, samples, reading=calibrated())  # 86 dB SPL
    assert (begin.phase, end.phase) == ("begin", "end")
    assert end.level_dbspl == pytest.approx(86.0, abs=0.01)
    assert end.level_dbfs == pytest.approx(-34.0, abs=0.01)
    assert end.detail == {"above_dbspl": 85.0}
    assert hear(spec, samples, reading=calibrated(118.0)) == []
    assert hear(spec, samples, reading=calibrated(correction=Curve((900.0,), (2.0,)))) == []


@pytest.mark.parametrize(("hz", "wanted_db"), [(100, -19.1), (1000, 0.0), (2500, 1.3)])
def test_a_weighted_band_hears_each_of_its_parts_by_its_own_weight(hz: float, wanted_db: float) -> None:
    t = np.arange(round(4 * FS_HZ)) / FS_HZ
    samples = (0.1 * np.sin(2 * np.pi * hz * t)).astype(np.float32)
    spec = make_spec(band_hz=(20.0, 3900.0), above_dbfs=None, above_dbspl=20.0, weighting="A")
    events = hear(spec, samples, reading=calibrated())
    assert events[-1].level_dbspl == pytest.approx(100 + wanted_db, abs=0.3)
    assert events[-1].detail == {"above_dbspl": 20.0, "weighting": "A"}


def test_sound_pressure_of_what_is_not_calibrated_is_refused_by_the_name_of_the_entry() -> None:
    spec = make_spec(freq_hz=1000.0, above_dbfs=None, above_dbspl=85.0)
    with pytest.raises(SpecError, match=r"^a has a limit in dB SPL, and the source is not calibrated"):
        LevelDetector(spec, fs_hz=FS_HZ).read_by(PLAIN)
    with pytest.raises(SpecError, match="not calibrated"):
        hear(spec, make_tone((-20, 1)))  # by somebody who knows of no calibrations


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("above_dbspl = 85\nabove_dbfs = -20", "either above_dbfs"),
        ("above_dbspl = 300", "0..200 dB SPL"),
        ('above = "85dBSPL"', "above_dbspl"),
        ('above_dbspl = 85\nweighting = "B"', "weighting"),
    ],
)
def test_what_is_asked_of_sound_pressure_wrongly_is_told(keys: str, said: str) -> None:
    with pytest.raises(PlanError, match=said):
        parse_plan(f'[[level]]\nname = "a"\nband_hz = "100-3000"\n{keys}\n', name="p.toml")
    plan = parse_plan(
        '[[level]]\nname = "a"\nband_hz = "100-3000"\nabove_dbspl = "85dBSPL"\nweighting = "A"\n',
        name="p.toml",
    )
    assert plan.entries["level"][0].limit == 85
