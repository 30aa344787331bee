"""Every example of the page `adding` is what it says: one file and one line, and the program has it."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from types import ModuleType

import click
import numpy as np
import pytest
from click.testing import CliRunner

import streamer
from streamer.commands.main import COMMANDS, Entry, load_command
from streamer.detectors.registry import KINDS, load_kind
from streamer.outputs import OUTPUTS, check_outputs, open_outputs
from streamer.plans.plan import load_plan
from streamer.recordings.export import plan_exports, run_exports
from streamer.recordings.pieces import SpectraSpec
from streamer.sources import open_source, parse_source
from streamer.sources.registry import SOURCES, SourceKind
from streamer.stores import STORES
from streamer.stores.as_png.layout import Style
from tests.outputs.records import DIGIT, START
from tests.pages import find_blocks
from tests.programs import run
from tests.signals import sine

FS_HZ = 8000.0
BLOCKS = find_blocks("adding", "python")
TABLES = {"KINDS": KINDS, "SOURCES": SOURCES, "OUTPUTS": OUTPUTS, "STORES": STORES, "COMMANDS": COMMANDS}


@pytest.fixture
def add(monkeypatch: pytest.MonkeyPatch):
    """The file of a table's example is there, and its line in the table."""

    def add_example(table: str) -> None:
        [at] = [i for i, block in enumerate(BLOCKS) if block.startswith(f"{table}[")]
        shown = re.match(r"# (streamer/[\w/]+)\.py\n", BLOCKS[at - 1])
        assert shown
        name = shown[1].replace("/", ".")
        file = ModuleType(name)
        monkeypatch.setitem(sys.modules, name, file)
        exec(compile(BLOCKS[at - 1], f"{name}.py", "exec"), file.__dict__)
        key, value = re.fullmatch(rf'{table}\["(.*?)"\] = (.*)\n', BLOCKS[at], re.DOTALL).groups()
        monkeypatch.setitem(TABLES[table], key, eval(value, {"SourceKind": SourceKind, "Entry": Entry}))

    yield add_example
    load_kind.cache_clear()


def test_every_example_is_of_a_table_and_stands_above_its_line() -> None:
    lines = [block.partition("[")[0] for block in BLOCKS if not block.startswith("# streamer/")]
    assert sorted(lines) == sorted(TABLES)
    assert len(BLOCKS) == 2 * len(TABLES)


def test_the_detector_hears_what_its_plan_asks_for(add, tmp_path: Path) -> None:
    add("KINDS")
    plan = tmp_path / "blip.toml"
    plan.write_text('[[blip]]\nname = "ping"\nfreq = 1000\nabove = "-20dBFS"\n')

    def ping(level_dbfs: float):
        return sine(1000.0, 800, FS_HZ, level_dbfs=level_dbfs)

    x = np.concatenate([np.zeros(4000), ping(-10.0), np.zeros(4000), ping(-30.0)])
    [event] = streamer.detect(x, FS_HZ, plan=str(plan))
    assert event.label == "ping"
    assert (event.t_s, event.duration_s) == pytest.approx((0.5, 0.1), abs=0.03)
    assert load_plan(str(plan))
    told = CliRunner().invoke(load_command("plan"), ["show", "--keys", "blip"]).output
    assert "where to listen" in told
    refused = CliRunner().invoke(load_command("plan"), ["check", "-r", "1500", str(plan)])
    assert "1000 Hz is not below 750 Hz" in refused.output + str(refused.exception)


def test_the_source_is_opened_by_its_prefix(add) -> None:
    add("SOURCES")
    with open_source(parse_source("noise:-20dBFS", rate_hz=FS_HZ)) as source:
        block = next(source.read_blocks(80000))
    assert 10 * np.log10(2 * np.mean(block.astype(float) ** 2)) == pytest.approx(-20.0, abs=0.1)


def test_the_source_is_one_that_detect_hears(add) -> None:
    add("SOURCES")
    ended = CliRunner().invoke(load_command("detect"), ["noise:-20dBFS", "--duration", "1s", "-q"])
    assert (ended.exit_code, ended.output) == (0, "")


def test_the_output_counts_what_it_is_given(add, tmp_path: Path) -> None:
    add("OUTPUTS")
    with pytest.raises(streamer.SpecError, match="names no file"):
        check_outputs(["count:"])
    target = f"count:{tmp_path / 'counts.txt'}"
    check_outputs([target])
    [output] = open_outputs([target])
    for record in (START, DIGIT, DIGIT):
        output.put(record)
    assert output.finish()
    assert (tmp_path / "counts.txt").read_text() == "5 2\n"


def test_what_the_output_refuses_is_refused_by_who_only_opens_it(add, tmp_path: Path) -> None:
    add("OUTPUTS")
    with pytest.raises(streamer.SpecError, match="names no file"):
        open_outputs(["count:"])
    with pytest.raises(streamer.SpecError, match='"colour" is no option'):
        open_outputs([f"count:{tmp_path / 'counts.txt'}#colour=red"])


def test_an_output_that_cannot_close_has_failed_and_is_let_go_of(add, tmp_path: Path) -> None:
    add("OUTPUTS")
    [output] = open_outputs([f"count:{tmp_path / 'nowhere' / 'counts.txt'}"])
    assert output.finish()
    output.discard()
    assert output.describe_error().endswith("nowhere/counts.txt: No such file or directory")


def test_the_store_has_the_loudest_band_of_each_frame(add, tmp_path: Path) -> None:
    add("STORES")
    target = tmp_path / "a.loudest"
    exports = plan_exports(
        [parse_source("sim:tone:440:1s,tone:880:1s", rate_hz=FS_HZ)],
        [str(target)],
        spec=SpectraSpec(bands="440,880", window_length="100ms", hop="100ms"),
        style=Style(),
    )
    list(run_exports(exports))
    labels = target.read_text().splitlines()
    assert labels == ["440"] * 10 + ["880"] * 10


def test_the_command_is_found_by_its_name(add) -> None:
    add("COMMANDS")
    command = load_command("middles")
    assert isinstance(command, click.Command)
    assert CliRunner().invoke(command, ["697,770"]).output == "697\n770\n"
    assert (command.help or "").startswith(COMMANDS["middles"].help)


def test_the_family_is_known_by_its_name(tmp_path: Path) -> None:
    [text] = [text for text in find_blocks("adding", "toml") if text.startswith("title")]
    folder = tmp_path / "streamer" / "families"
    folder.mkdir(parents=True)
    (folder / "ours.toml").write_text(text)
    env = os.environ | {"XDG_CONFIG_HOME": str(tmp_path)}
    assert all(hz in run("bands", "ours", env=env).stdout for hz in ("1060", "2400", "2600"))
    sent = tmp_path / "sent.wav"
    assert run("generate", "ours:0110,silence:1s", "-o", str(sent), env=env).returncode == 0
    plan = tmp_path / "plan.toml"
    plan.write_text('[[code]]\nname = "ours"\nfamily = "ours"\nmin_digits = 3\n')
    heard = run("detect", str(sent), "--plan", str(plan), "--expect", "0110", env=env)
    assert heard.returncode == 0, heard.stdout + heard.stderr
