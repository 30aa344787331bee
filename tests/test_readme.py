"""What the README says is there, and what is there is in the README."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import venv
from pathlib import Path

import click
import pytest

from streamer.commands.guide import list_pages
from streamer.commands.live.load_settings import SETTINGS
from streamer.commands.main import COMMANDS, load_command
from streamer.plans.plan import list_plans
from tests.programs import digits_of, read_lines, run

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def list_commands() -> list[tuple[tuple[str, ...], click.Command]]:
    found: list[tuple[tuple[str, ...], click.Command]] = []
    for name in COMMANDS:
        command = load_command(name)
        found.append(((name,), command))
        if isinstance(command, click.Group):
            found += [((name, sub), each) for sub, each in command.commands.items()]
    return found


@pytest.mark.parametrize(("path", "command"), list_commands(), ids=str)
def test_every_command_and_flag_is_in_the_readme(path: tuple[str, ...], command: click.Command) -> None:
    assert " ".join(path) in README
    for parameter in command.params:
        if isinstance(parameter, click.Option) and "--debug" not in parameter.opts:
            long = [option for option in parameter.opts if option.startswith("--")]
            assert any(option in README for option in long), f"{' '.join(path)} {long}"


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.key)
def test_every_setting_is_in_the_readme(setting: object) -> None:
    assert f"`{setting.key}`" in README  # type: ignore[attr-defined]


def test_every_shipped_plan_is_in_the_readme_or_on_the_page_it_names() -> None:
    assert "`streamer guide families`" in README
    told = README + list_pages()["families"]
    for name in list_plans():
        family, _, country = name.partition("call-progress")
        assert f"`{name}`" in told or (not family and f"`{country}`" in told)


def test_the_first_two_commands_set_up_all_they_need() -> None:
    first, second = re.findall(r"```sh\n(python3 -m venv [^\n]*)\n```", README)[:2]
    for command in (first, second):
        assert command.startswith("python3 -m venv .venv && .venv/bin/pip install -q ")
    assert first.endswith(".venv/bin/streamer live --demo")
    assert second.endswith(".venv/bin/python -m pytest -q")


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
    [code] = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
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
    [shown] = [
        line
        for line in read_lines("\n".join(re.findall(r"^\{.*\}$", README, re.MULTILINE)))
        if "label" in line
    ]
    path = tmp_path / "dial.wav"
    run("generate", "silence:200ms,dtmf:555-0123@-10:50ms/50ms+noise:-40", "-o", str(path), "-r", "8k")
    lines = read_lines(run("detect", str(path), "--json").stdout)
    assert digits_of(lines) == "5550123"
    [first] = [line for line in lines if line["type"] == "dtmf" and line["phase"] == "end"][:1]
    assert list(first) == list(shown)


def test_the_readme_stays_short_and_its_map_is_true() -> None:
    assert len(README.splitlines()) <= 250
    rows = re.findall(r"^\| `(\w+)/` \|[^|]*\|([^|]*)\|$", README, re.MULTILINE)
    folders = {path.parent.name for path in (ROOT / "streamer").glob("*/__init__.py")}
    assert {folder for folder, _ in rows} == folders
    for folder, road in rows:
        for file in re.findall(r"`([\w./]+)`", road):
            assert (ROOT / "streamer" / folder / file).exists(), f"{folder}/{file}"


def test_pictures_are_there() -> None:
    for path in re.findall(r"!\[[^\]]*\]\(([^)]*)\)", README):
        assert (ROOT / path).is_file()
