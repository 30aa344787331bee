"""The command line: words, exit codes, one line for each mistake, and a list of commands that loads none."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from streamer.base.errors import SpecError
from streamer.commands.main import COMMANDS, cli, load_command
from streamer.commands.talk import finish_talk
from tests.programs import STREAMER, run


@pytest.fixture(autouse=True)
def talk_of_its_own() -> Iterator[None]:
    """What `live` says goes a way of its own, which would stay when it is called in this process."""
    yield
    finish_talk()


def test_help_and_version_end_with_0() -> None:
    result = run("--help")
    assert result.returncode == 0
    for command in ("live", "detect", "bands", "devices", "generate", "plan", "config", "completion"):
        assert command in result.stdout
    version = run("--version")
    assert version.returncode == 0
    assert "numba" in version.stdout


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["live", "--frob"], 2, "--frob"),
        (["live", "/nowhere.wav"], 3, "/nowhere.wav"),
        (["live", "sim:tone:440:1s", "--bands", "700,30k"], 2, "30000 Hz"),
        (["live", "sim:tone:440:1s", "--bands", "third-octav:50-8k"], 2, "third-octave"),
        (["live", "sim:tone:440:1s", "--hop", "200%"], 2, "200%"),
        (["live", "sim:tone:440:1s", "--plan", "dmtf"], 2, "dtmf"),
        (["live", "sim:tune:440"], 2, "tune"),
        (["live", "cmd:no-such-program"], 3, "no-such-program"),
        (["live", "-", "--format", "s16be7", "--rate", "8k"], 2, "s16be7"),
        (["live", "--demo", "-o", "x.xls"], 2, "x.xls"),
        (["detect", "/nowhere.wav"], 3, "/nowhere.wav"),
        (["detect"], 2, "FILES"),
        (["bands", "697,-5"], 2, "-5"),
        (["plan", "check", "/nowhere.toml"], 2, "/nowhere.toml"),
        (["frobnicate"], 2, "frobnicate"),
    ],
)
def test_a_mistake_is_one_line_that_names_it(words: list[str], code: int, said: str) -> None:
    result = run(*words)
    assert result.returncode == code, result.stderr
    # Where the kernels have just been changed, a run says that it compiles them: talk, and no part of the error.
    lines = [line for line in result.stderr.splitlines() if "compiling kernels" not in line]
    assert len(lines) == 1, result.stderr
    [line] = lines
    assert said in line
    assert line.startswith("streamer: ")


@pytest.mark.parametrize(
    "words",
    [
        ["live", "sim:tone:440:1s"],
        ["detect", "sim:tone:440:1s"],
        ["identify", "sim:tone:440:1s"],
        ["spectrogram", "sim:tone:440:1s"],
        ["generate", "tone:440:1s"],
        ["scan", "."],
        ["plan", "import", "indications.conf"],
    ],
    ids=" ".join,
)
def test_an_output_without_a_name_is_refused_before_anything_is_done(words: list[str]) -> None:
    """`-o "$FILE"` of a script that never set FILE: a scan would have gone into the folder it stands in."""
    command = load_command(words[0])
    with pytest.raises(SpecError, match='--output is ""; write a name, '):
        command.main([*words[1:], "-o", ""], standalone_mode=False)


@pytest.mark.parametrize(
    "words",
    [
        ["live", "sim:tone:440:1s", "--duration"],
        ["detect", "sim:tone:440:1s", "--duration"],
        ["identify", "sim:tone:440:1s", "--duration"],
        ["wait", "sim:tone:440:1s", "--tone", "440", "--timeout"],
    ],
    ids=lambda words: words[0],
)
def test_no_time_at_all_is_refused_where_something_is_to_be_heard(words: list[str]) -> None:
    with pytest.raises(SpecError, match=r'(duration|timeout) is "0s", and that is no time at all'):
        load_command(words[0]).main([*words[1:], "0s"], standalone_mode=False)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_says_of_a_command_what_the_command_says_of_itself(name: str) -> None:
    command = load_command(name)
    assert command.name == name
    assert cli.commands[name].get_short_help_str(200) == command.get_short_help_str(200)


def test_help_loads_no_command() -> None:
    code = (
        "import sys; sys.argv = ['streamer', '--help']\n"
        "from streamer.commands.main import cli\n"
        "cli.main(standalone_mode=False)\n"
        "print(*sorted(name[18:] for name in sys.modules if name.startswith('streamer.commands.')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "descriptors interrupts main options talk"


def test_a_shell_is_offered_commands_and_the_options_of_one() -> None:
    def complete(*words: str) -> set[str]:
        from click.shell_completion import ShellComplete

        found = ShellComplete(cli, {}, "streamer", "_STREAMER_COMPLETE").get_completions(list(words), "--")
        return {item.value for item in found}

    assert "--demo" in complete("live")
    assert "--schema" in complete("plan", "show")
    with click.Context(cli) as context:
        assert {item.value for item in cli.shell_complete(context, "de")} == {"detect", "devices"}


@pytest.mark.parametrize("words", [["bands", "dtmf"], ["plan", "list"], ["guide"], ["--help"]])
def test_a_full_stdout_is_a_full_disk_and_no_internal_error(words: list[str]) -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run(
            [*STREAMER, *words], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False
        )
    assert done.returncode == 70
    assert (
        done.stderr == "streamer: stdout, or another file: No space left on device; make room on the disk\n"
    )
