"""What TAB gives in a real bash, and what the other shells are told."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click
import pexpect
import pytest

from streamer.commands.completion import VALUES, complete_value
from streamer.commands.main import cli
from streamer.plans.plan import list_plans
from tests.test_readme import list_commands

LINES = [
    ("detect dial-to", "detect dial-tones.wav"),
    ("live dial-to", "live dial-tones.wav"),
    ("live --plan tone-", "live --plan tone-burst"),
    ("live --plan=tone-", "live --plan=tone-burst"),
    ("live --plan my-", "live --plan my-plan.toml"),
    ("plan show fa", "plan show fax"),
    ("live --profile rt", "live --profile rta"),
    ("live --unit dbm", "live --unit dbm0"),
    ("live -w ham", "live -w hamming"),
    ("live -b third-oct", "live -b third-octave:50-8k"),
    ("live -b third-octave:5", "live -b third-octave:50-8k"),
    ("spectrogram --scale comp", "spectrogram --scale complex"),
    ("detect --format ula", "detect --format ulaw"),
    ("guide fau", "guide faults"),
    ("live -o dial-to", "live -o dial-tones.wav"),
    ("live sim", "live sim:"),
    ("dev", "devices"),
    ("live --dem", "live --demo"),
]


@pytest.fixture(scope="module")
def bash(tmp_path_factory: pytest.TempPathFactory) -> pexpect.spawn:
    folder = tmp_path_factory.mktemp("home")
    (folder / "dial-tones.wav").touch()
    (folder / "my-plan.toml").touch()
    env = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PS1": "$ ",
        "TERM": "dumb",
    }
    shell = pexpect.spawn("bash", ["--norc", "-i"], cwd=str(folder), env=env, encoding="utf-8", timeout=30)
    shell.setwinsize(24, 200)
    shell.sendline("bind 'set bell-style none'; bind 'set enable-bracketed-paste off'")
    shell.sendline(
        """bind -x '"\\C-g": printf "<%s>\\n" "$READLINE_LINE"'"""
    )  # shows what stands on the line
    shell.sendline('eval "$(streamer completion bash)"; echo rea""dy')
    shell.expect("ready\r\n")
    return shell


@pytest.mark.parametrize(("begun", "completed"), LINES)
def test_tab_completes_a_word(bash: pexpect.spawn, begun: str, completed: str) -> None:
    bash.send(f"streamer {begun}\t\x07\x15")
    bash.expect(r"<([^<>]*)>")
    assert bash.match is not None
    assert bash.match[1].rstrip() == f"streamer {completed}"


def test_plans_and_words_come_with_what_they_mean() -> None:
    plans = {item.value: item.help for item in complete_value(click.Option(["--plan", "plans"]), "")}
    assert list(plans) == list(list_plans())
    assert plans["dtmf"] == "DTMF digits from telephones, radios and microphones"
    assert all(item.help for item in complete_value(click.Option(["--bands"]), ""))


def test_every_parameter_with_values_is_there() -> None:
    names = {parameter.name for _, command in list_commands() for parameter in command.params}
    assert set(VALUES) <= names


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_are_told_values_too(shell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    monkeypatch.setenv("COMP_WORDS", "streamer live --profile r")
    monkeypatch.setenv("COMP_CWORD", "3" if shell == "zsh" else "r")
    told = kind(cli, {}, "streamer", "_STREAMER_COMPLETE").complete()
    assert "rta" in told
    assert "Third-octave" in told
