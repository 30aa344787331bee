"""What the README and the guide say is there, and what is there is in the README or the guide."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import click
import pytest

from streamer.base import errors
from streamer.commands.live.load_settings import SETTINGS
from streamer.commands.main import COMMANDS, load_command
from streamer.plans.plan import list_plans
from tests.pages import PAGES, README, ROOT, TOLD, find_blocks
from tests.programs import digits_of, read_lines, run


def list_commands() -> list[tuple[tuple[str, ...], click.Command]]:
    found: list[tuple[tuple[str, ...], click.Command]] = []
    for name in COMMANDS:
        command = load_command(name)
        found.append((tuple(name.split()), command))
        if isinstance(command, click.Group):
            found += [((name, sub), each) for sub, each in command.commands.items()]
    return found


def find_told(path: tuple[str, ...]) -> str:
    """What the page `commands` says of one: its rows of a table that has several, else its section."""
    sections = re.split(r"^## ", PAGES["commands"], flags=re.MULTILINE)[1:]
    [section] = [each for each in sections if path[0] in each.partition("\n")[0].split(", ")]
    rows = re.findall(rf"^\| `{' '.join(path)}\b.*$", section, re.MULTILINE)
    return "\n".join(rows) or section


@pytest.mark.parametrize(("path", "command"), list_commands(), ids=str)
def test_every_command_and_flag_is_told_where_its_command_is(
    path: tuple[str, ...], command: click.Command
) -> None:
    told = find_told(path)
    assert " ".join(path) in told
    for parameter in command.params:
        if isinstance(parameter, click.Option) and "--debug" not in parameter.opts:
            for option in (*parameter.opts, *parameter.secondary_opts):
                if option.startswith("--"):
                    assert re.search(rf"`{option}[` ]", told), f"{' '.join(path)} {option}"


def test_the_readme_or_the_guide_names_the_flag_that_all_commands_have() -> None:
    assert "`--debug`" in TOLD


@pytest.mark.parametrize("page", PAGES)
def test_every_command_that_is_spoken_of_takes_the_flags_it_is_given(page: str) -> None:
    text = re.sub(r"^ *```.*?^ *```$", "", PAGES[page], flags=re.DOTALL | re.MULTILINE)
    commands = dict(list_commands())
    for words in re.findall(r"`streamer ([^`]+)`", text):
        named = tuple(re.findall(r"^[a-z]+", word)[0] for word in words.split() if re.match(r"[a-z]", word))
        if not named or named[0] == "COMMAND":
            continue
        command = commands.get(named[:2]) or commands[named[:1]]
        known = {option for each in command.params for option in (*each.opts, *each.secondary_opts)}
        given = re.findall(r"(?<![\w-])--?[a-z][\w-]*", words)
        assert set(given) <= {*known, "--help"}, words
        if named[0] == "guide" and len(words.split()) == 2 and "TOPIC" not in words:
            assert words.split()[1] in PAGES, words


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.key)
def test_every_setting_is_in_the_guide_with_its_default(setting: Any) -> None:
    assert f"| `{setting.key}` | `{setting.default}` |" in PAGES["settings"]


def test_every_shipped_plan_is_told() -> None:
    assert "`streamer guide families`" in TOLD
    for name in list_plans():
        family, _, country = name.partition("call-progress")
        assert f"`{name}`" in PAGES["families"] or (not family and f"`{country}`" in PAGES["families"])


def test_every_exit_code_is_told() -> None:
    codes = {code for name, code in vars(errors).items() if name.isupper() and isinstance(code, int)}
    told = re.findall(r"^\| (\d+) \|", PAGES["exit-codes"], re.MULTILINE)
    assert {int(code) for code in told} == codes


def test_every_key_and_type_of_a_record_is_told() -> None:
    schema = json.loads(run("plan", "show", "--schema", "event").stdout)
    for record in schema["$defs"].values():
        assert [key for key in record["properties"] if f"`{key}`" not in PAGES["events"]] == []
        kinds = record["properties"].get("type", {}).get("enum", [])
        assert [kind for kind in kinds if f"`{kind}`" not in PAGES["events"]] == []


def test_the_first_two_commands_set_up_all_they_need() -> None:
    first, second = re.findall(r"```sh\n(python3 -m venv [^\n]*)\n```", README)[:2]
    for command in (first, second):
        assert command.startswith("python3 -m venv .venv && .venv/bin/pip install -q ")
    assert first.endswith(".venv/bin/streamer live --demo")
    assert second.endswith(".venv/bin/python -m pytest -q -n 2")


def test_between_installing_and_the_first_plain_streamer_it_is_put_on_the_path(tmp_path: Path) -> None:
    [activate] = re.findall(r"`(\. \.venv/bin/activate)`", README.partition("\nstreamer live")[0])
    venv.create(tmp_path / ".venv", with_pip=False)
    script = tmp_path / ".venv" / "bin" / "streamer"
    script.touch(mode=0o755)
    command = f"{activate} && command -v streamer"
    result = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.stdout.strip() == str(script)


def test_the_python_example_runs() -> None:
    [code] = find_blocks("README", "python")
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == "(60, 55) 100.0 0.064"
    assert [line.split()[0] for line in lines[1:]] == ["4", "2"]


def test_the_recording_example_gives_what_is_shown(tmp_path: Path) -> None:
    made = re.search(r"^\$ streamer (generate .*)$", README, re.MULTILINE)
    shown = re.search(r"^\$ streamer detect dial.wav\n(.*)$", README, re.MULTILINE)
    assert made
    assert shown
    words = shlex.split(made[1])
    path = tmp_path / "dial.wav"
    words[words.index("dial.wav")] = str(path)
    assert run(*words).returncode == 0
    assert run("detect", str(path)).stdout.splitlines()[0].split() == shown[1].split()


def test_the_event_example_is_what_is_printed(tmp_path: Path) -> None:
    [shown] = [each for each in map(json.loads, find_blocks("events", "json")) if "label" in each]
    path = tmp_path / "dial.wav"
    run("generate", "silence:200ms,dtmf:555-0123@-10:50ms/50ms+noise:-40", "-o", str(path), "-r", "8k")
    lines = read_lines(run("detect", str(path), "--json").stdout)
    assert digits_of(lines) == "5550123"
    [first] = [line for line in lines if line["type"] == "dtmf" and line["phase"] == "end"][:1]
    assert list(first) == list(shown)


def test_the_readme_stays_short_and_names_files_that_are_there() -> None:
    assert len(README.splitlines()) <= 200
    road = README.partition("## How it works")[2].partition("\n## ")[0]
    files = re.findall(r"`([\w/]+\.py)`", road)
    assert len(files) >= 6
    assert [file for file in files if not (ROOT / "streamer" / file).exists()] == []


def test_the_map_of_folders_is_true() -> None:
    rows = re.findall(r"^\| `(\w+)/` \|[^|]*\|([^|]*)\|$", PAGES["how-it-works"], re.MULTILINE)
    folders = {path.parent.name for path in (ROOT / "streamer").glob("*/__init__.py")}
    assert {folder for folder, _ in rows} == folders
    for folder, road in rows:
        for file in re.findall(r"`([\w./]+)`", road):
            assert (ROOT / "streamer" / folder / file).exists(), f"{folder}/{file}"


def test_the_readme_counts_the_judged_lines_as_the_guide_has_them() -> None:
    rows = re.findall(r"^\| [^|]+ \| (\d+) of (\d+) \|", PAGES["judged"], re.MULTILINE)
    met, asked = (sum(int(row[i]) for row in rows) for i in range(2))
    assert f"{met} of {asked} tests" in README


def test_pictures_are_there() -> None:
    for path in re.findall(r"!\[[^\]]*\]\(([^)]*)\)", README):
        assert (ROOT / path).is_file()
