"""The screens of real runs on a real terminal, at every size: the ten checks that the design asks of captured text.

What it costs (check 10) is measured by `python -m tests.dashboard.cost`. Frozen and stalled screens with a made-up main
process, signals and the shell are in tests/dashboard/test_process.py.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from streamer.dashboard.terminal import END_SCREEN
from tests.dashboard.test_process import Desk
from tests.programs import STREAMER
from tests.virtual_mic import NAME, VirtualMic

SIZES = ((40, 8), (60, 15), (80, 24), (120, 40), (200, 60), (300, 80))
MARGIN = 5  # columns beyond the terminal's, in which nothing may land
LOOKS = {"colours": {}, "none": {"NO_COLOR": "1"}, "ascii": {"NO_COLOR": "1", "LC_ALL": "C"}}
DEMO = {"colours": "◆", "ascii": r"\*"}
LIVE = {"colours": "●", "ascii": r"\*"}


class Screened(Desk):
    """A terminal on which what is written beyond its right edge is seen too."""

    def __init__(self, *command: str, columns: int = 120, rows: int = 40, **environ: str) -> None:
        super().__init__(*command, columns=columns, rows=rows, **environ)
        self._set_size(columns, rows)

    def _set_size(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self.screen.resize(rows, columns + MARGIN)
        self.screen.reset()

    def resize(self, columns: int, rows: int) -> None:
        self._set_size(columns, rows)
        self.run.setwinsize(rows, columns)

    def text(self) -> str:
        return "\n".join(line[: self.columns] for line in self.screen.display)

    def look(self) -> list[str]:
        """A whole screen, as it stands between two."""
        self.wait_until(lambda: self.read() or self.sent.endswith(END_SCREEN.encode()))
        assert not any(line[self.columns :].strip() for line in self.screen.display)
        return self.text().split("\n")

    def is_painted(self, y: int) -> bool:
        """Whether anything is to be seen in this row."""
        row = self.screen.buffer[y]
        return any(row[x].data != " " or row[x].bg != "default" for x in range(self.columns))


@pytest.fixture
def sit_down() -> Iterator[Callable[..., Screened]]:
    desks: list[Screened] = []

    def sit(*command: str, **more: str) -> Screened:
        desks.append(Screened(*STREAMER, "live", *command, **more))
        return desks[-1]

    yield sit
    for desk in desks:
        desk.run.close(force=True)


def find_sgr(sent: bytes) -> set[int]:
    return {int(code) for sgr in re.findall(rb"\x1b\[([0-9;]*)m", sent) for code in sgr.split(b";") if code}


@pytest.mark.parametrize("look", ["colours", "ascii"])
def test_the_demo_says_what_it_is_and_what_was_dialled_at_every_size(
    sit_down: Callable[..., Screened], look: str
) -> None:
    desk = sit_down("--demo", **LOOKS[look])
    desk.wait_for(r"dtmf +5550123")
    for columns, rows in SIZES:
        desk.resize(columns, rows)
        desk.wait_for(rf"\A{DEMO[look]} DEMO  demo[^\n]*\d:\d\d:\d\d *\n([^\n]*\n)*dtmf +([\d│| ]*)5550123")
        desk.look()
        assert "│ │" not in desk.text()
        assert not re.search(r"dropped|windows/s|-200\.0|streamer", desk.text())
    if look == "ascii":
        assert find_sgr(desk.sent) <= {0, 1, 2, 4, 7}
        assert max(desk.sent) < 128


def space(bands: int) -> str:
    """So many probes, 5 Hz apart, one of them at 1000 Hz."""
    first = 1000 - 5 * (bands * 3 // 7)
    return f"lin:{first}-{first + 5 * (bands - 1)}:5"


@pytest.mark.parametrize(
    ("bands", "name", "look"),
    [
        ("lin:100-4000:10", "1000 Hz", "colours"),
        ("697,770,1000,1209", "1000 Hz", "colours"),
        *((space(n), "1000 Hz", "colours") for n in (8, 23, 50, 90, 400)),
        ("dtmf+1000", "1000 Hz", "ascii"),
    ],
)
def test_one_tone_is_read_out_by_its_exact_name_and_level_at_every_size(
    sit_down: Callable[..., Screened], bands: str, name: str, look: str
) -> None:
    source = "sim:tone:1000@-20.2:1h+noise:-70"
    desk = sit_down(source, "-b", bands, "-r", "16k", "-n", "8000", "--plan", "none", **LOOKS[look])
    for columns, rows in SIZES:
        desk.resize(columns, rows)
        desk.wait_for(rf"\A{LIVE[look]} LIVE [^\n]*\n([^\n]*\n)*[^\n]* {name}   -20\.2( *\n|[│|])")
        desk.look()


# A tone every half second, one and the other in turn: thirty of each, and no two rows that could be one.
TURNS = "sim:tone:700@-20:200ms,silence:300ms,tone:1100@-20:200ms,silence:300ms,loop:30+noise:-70"
TURNS_PLAN = """[[tone]]
name = "low"
freqs = [700]
[[tone]]
name = "high"
freqs = [1100]
"""


@pytest.mark.parametrize("bands", ["dtmf", "third-octave:50-3k", "lin:100-4000:10"])
def test_with_sixty_events_every_size_is_filled_and_twelve_lines_are_left(
    sit_down: Callable[..., Screened], tmp_path: Path, bands: str
) -> None:
    plan = tmp_path / "turns.toml"
    plan.write_text(TURNS_PLAN)
    desk = sit_down(TURNS, "-b", bands, "-r", "16k", "--plan", str(plan), "--speed", "max", "--hold")
    desk.wait_for(r"\A■ ENDED  [^\n]*60 events, nothing lost")
    for columns, rows in SIZES:
        desk.resize(columns, rows)
        desk.wait_for(r"\A■ ENDED  [^\n]*\n[^\0]*\d\d[.\d]*  ?(tone  )?high ")
        lines = desk.look()
        axis = next((y for y, line in enumerate(lines) if line.startswith("dBFS")), 0)
        bars = range(2, axis)
        blank = [y for y in range(rows) if not desk.is_painted(y) and y not in bars]
        assert len(blank) <= 0.1 * rows, (columns, rows, blank)
    desk.run.send("q")
    desk.wait_until(lambda: not desk.run.isalive())
    left = desk.sent.rpartition(b"\x1b[?1049l")[2].decode()
    assert left.count("\n") <= 12
    assert re.search(r"30 (low|high), 30 (low|high); the last \d+ of 60 events:", left)
    assert re.search(r"streamer: eof, 60 events; captured 30(\.\d)? ?s, dropped 0 samples", left)


def read_clock(desk: Screened) -> int:
    hours, minutes, seconds = re.findall(r"(\d+):(\d\d):(\d\d)", desk.screen.display[0])[-1]
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds)


def find_points(lines: list[str]) -> dict[str, set[tuple[int, ...]]]:
    """Where decimal points stand in each kind of line."""
    found: dict[str, set[tuple[int, ...]]] = {}
    for line in lines:
        for kind, pattern in {
            "event": r"\d\d:\d\d:\d\d\.\d{3}  [a-z]+ .*?(?=  \S+ Hz|  +\d+\.\d\+|$)",
            "band": r" *[\d.]+k? +-?\d+\.\d( +-?\d+\.\d)* ",
        }.items():
            if match := re.match(pattern, line):
                points = [m.start() for m in re.finditer(r"(?<=\d)\.(?=\d( |$))", match.group())]
                found.setdefault(kind, set()).add(tuple(points[-3:]))
    return found


def test_a_second_later_points_stand_in_their_columns_and_heads_and_axes_where_they_were(
    sit_down: Callable[..., Screened],
) -> None:
    desk = sit_down("sim:dtmf:123A456B789C*0#D@-10:60ms/60ms,silence:4.5s,loop+noise:-60")
    desk.wait_for(r"dtmf +123A456B789C\*0#D ")  # from now on the column of labels is as wide as it gets
    for columns, rows in SIZES:
        desk.resize(columns, rows)
        desk.wait_for(r"\A● LIVE  [^\n]*\d:\d\d:\d\d *\n([^\n]*\n)*[^\n]* Hz +-\d+\.\d")
        before, began_s = desk.look(), read_clock(desk)
        desk.wait_until(lambda then=began_s: desk.look() and read_clock(desk) > then)
        after = desk.look()
        for kind, points in find_points(before).items():
            assert len(points) == 1, (kind, points)
            assert find_points(after)[kind] == points
        readout = r"\d\.\d(?= *$| *│)"
        tape = [
            max(m.start() for line in lines[1:3] for m in re.finditer(readout, line))
            for lines in (before, after)
        ]
        assert tape[0] == tape[1]
        for head in ("heard at", "dBFS ", "last hour, events", "tally", "q quit"):
            places = [
                [(y, line.index(head)) for y, line in enumerate(lines) if head in line]
                for lines in (before, after)
            ]
            assert places[0] == places[1], head


def test_frozen_only_the_first_row_goes_on_and_the_end_key_brings_what_was_heard_since(
    sit_down: Callable[..., Screened],
) -> None:
    desk = sit_down(
        "sim:dtmf:123A456B789C*0#D@-10:60ms/60ms,silence:200ms,loop", "-b", "dtmf", columns=120, rows=40
    )
    desk.wait_for(r"dtmf +123A456")
    desk.run.send(" ")
    desk.wait_for(r"\A‖ FROZEN \+\d+ ● LIVE")
    before, began_s = desk.look(), read_clock(desk)
    desk.wait_until(lambda: desk.look() and read_clock(desk) >= began_s + 3)
    after = desk.look()
    assert before[1:] == after[1:]
    since = int(re.search(r"FROZEN \+(\d+)", after[0])[1])
    assert since > 10
    desk.run.send("\x1b[F")
    desk.wait_for(r"\A‖ FROZEN [^\n]*\n")
    desk.wait_until(lambda: desk.look()[1:] != after[1:])
    digits = [
        int(re.search(r"(\d+) digits", line)[1])
        for lines in (after, desk.look())
        for line in lines
        if " digits" in line
    ]
    assert digits[-1] - digits[0] >= since


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60), (300, 80)])
def test_down_each_bar_is_as_long_as_its_number_and_the_bold_row_is_read_out(
    sit_down: Callable[..., Screened], size: tuple[int, int]
) -> None:
    desk = sit_down(
        "sim:tone:697@-20:1h+tone:1477@-35:1h+tone:941@-62.5:1h",
        "-b",
        "dtmf",
        "--plan",
        "none",
        columns=size[0],
        rows=size[1],
    )
    desk.wait_for(r" 697 Hz   -20\.0")
    desk.wait_for(r"(?m)^ 941  -62\.\d ")
    lines = desk.look()
    head = next(line for line in lines if re.match(r" +now ", line))
    rows = {
        m[1]: (m, y)
        for y, line in enumerate(lines)
        if (m := re.match(r" *(\d{3,4})((?: +-?\d+\.\d)+) ", line))
    }
    assert set(rows) == {"697", "770", "852", "941", "1209", "1336", "1477", "1633"}
    for name, dbfs in (("697", -20.0), ("1477", -35.0), ("941", -62.5)):
        match, y = rows[name]
        cells = re.search(r" 0(?= |$)", head[match.end() :]).end()
        number = float(match[2].split()[0])
        assert number == pytest.approx(dbfs, abs=0.3)
        bar = re.match("[█▏▎▍▌▋▊▉]*", lines[y][match.end() :]).group()
        assert len(bar) == pytest.approx((number + 90) / 90 * cells, abs=1)
    bold = {name for name, (_, y) in rows.items() if desk.screen.buffer[y][3].bold}
    assert bold == {"697"}


def test_ten_digits_and_four_bursts_are_two_rows(sit_down: Callable[..., Screened], tmp_path: Path) -> None:
    plan = tmp_path / "burst.toml"
    plan.write_text('[[tone]]\nname = "burst"\nfreqs = [1750]\n')
    source = (
        "sim:dtmf:0123456789@-10:80ms/80ms,silence:5s"
        + ",tone:1750@-20:400ms,silence:400ms" * 4
        + "+noise:-70"
    )
    desk = sit_down(
        source,
        "-b",
        "dtmf",
        "--plan",
        "dtmf",
        "--plan",
        str(plan),
        "--speed",
        "max",
        "--hold",
        columns=80,
        rows=24,
    )
    desk.wait_for(r"\A■ ENDED  [^\n]*14 events, nothing lost")
    rows = [line for line in desk.look() if re.match(r"[ \d]\d:\d\d:\d\d\.\d{3}  ", line)]
    assert len(rows) == 2
    assert re.search(r"  tone  burst ×4 +400 ms ", rows[0])
    assert re.search(r"  dtmf  0123456789 +1\.5\d s .* 10 digits, 80 ms", rows[1])


@pytest.mark.audio
@pytest.mark.parametrize("look", ["colours", "none"])
def test_a_device_that_is_unplugged_has_no_level_and_leaves_a_hole_as_long_as_its_row_says(
    sit_down: Callable[..., Screened], mic: VirtualMic, look: str
) -> None:
    desk = sit_down(f"mic:{NAME}", "-b", "third-octave:50-8k", columns=80, rows=24, **mic.env, **LOOKS[look])
    desk.wait_for(r"\A[●○] (LIVE|SILENT)")
    desk.wait_until(lambda: desk.look() and read_clock(desk) > 0)
    began_s = time.monotonic()
    mic.unplug()
    try:
        desk.wait_for(rf"\A▲ WAITING \d+ s  mic:{NAME}")
        assert (
            time.monotonic() - began_s < 2
        )  # one is the promise; the suite may share its processors with anything
        desk.wait_for(rf"(?m)^\d\d:\d\d:\d\d\.\d{{3}}  error {NAME} is gone +▶ ([2-9]\.\d|\d\d) s")
        lines = desk.look()
        since = re.search(r"last sample (\d\d:\d\d:\d\d)", lines[0])[1]
        assert not any("LIVE" in line for line in lines)
        assert lines[1].rstrip().endswith(" --")
        assert sum(f"no samples since {since}" in line for line in lines) == 2
        axis = next(y for y, line in enumerate(lines) if line.startswith("dBFS"))
        assert not any(re.search("[▁▂▃▄▅▆▇█]", line) for line in lines[2:axis])
    finally:
        mic.plug()
    desk.wait_for(r"\A× LOSING")
    lost_s = float(desk.wait_for(r"gap +[\d.]+ s lost: device").split()[1])
    desk.wait_for(rf"── {lost_s:.1f} s lost ── device")
    assert lost_s >= 2
    desk.wait_for(rf"error {NAME} is gone +[\d.]+ m?s  it is back")
    assert look == "colours" or find_sgr(desk.sent) <= {0, 1, 2, 4, 7}


def test_a_recording_that_has_ended_stays_for_good_when_it_is_held(
    sit_down: Callable[..., Screened], dial: Path
) -> None:
    desk = sit_down(str(dial), "--speed", "max", "--hold")
    desk.wait_for(r"\A■ ENDED  dial\.wav ")
    desk.wait_for(r"dtmf +5550123 ")
    desk.wait_for(r"(?m)^any key ends *$")
    desk.run.send("q")
    desk.wait_until(lambda: not desk.run.isalive())
    assert desk.run.exitstatus == 0
    left = desk.sent.rpartition(b"\x1b[?1049l")[2]
    assert left.count(b"\n") <= 12
    assert b"5550123" in left


def test_without_samples_that_are_not_0_it_asks_whether_the_input_is_muted(
    sit_down: Callable[..., Screened],
) -> None:
    desk = sit_down("sim:silence:1h", "-b", "dtmf")
    desk.wait_for(r"\A○ SILENT \d+ s  [^\n]*muted\?")
    desk.wait_for(r"(?m)^ 697   -inf ")
