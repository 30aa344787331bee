"""streamer bench decoders: a table of two decoders by one command, and one line for what cannot be."""

import json
import os
import signal
import sys

import click
import pytest

from streamer.base.errors import SpecError
from streamer.commands.main import load_command
from tests.programs import start

WORDS = ("--family", "tone-burst", "--only", "clean", "--scale", "0.1", "--decoder", "streamer")
MINE = ("--command", "mine=echo 0.4 1750 {file}", "--match", r"(?P<t>\S+) (?P<label>\d+)")


def run(capsys, *words):
    load_command("bench decoders").main(list(words), standalone_mode=False)
    return capsys.readouterr().out


def test_a_decoder_of_ones_own_stands_beside_ours(capsys, tmp_path):
    out = run(capsys, *WORDS, *MINE, "-o", str(tmp_path / "table.md"))
    assert "| clean, right % | 100 | 100 | 100 | yes |" in out
    assert "digest `" in out
    assert "mine echo 0.4 1750 '{file}'" in out
    assert (tmp_path / "table.md").read_text() == out


def test_the_figures_are_had_as_json(capsys, tmp_path):
    [table] = json.loads(run(capsys, *WORDS, *MINE, "--json", "-o", str(tmp_path / "table.json")))
    assert table["rows"][0]["figures"] == {"streamer": [100.0], "mine": [100.0]}
    assert json.loads((tmp_path / "table.json").read_text()) == [table]


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (("--family", "dtfm"), "did you mean dtmf"),
        (("--table", "zvei9"), 'table is "zvei9"'),
        (("--only", "twisst"), 'no line has --only "twisst".*twist normal'),
        (("--decoder", "multimon"), "did you mean multimon-ng"),
        (("--decoder", "none"), "there is no decoder"),
        (("--command", "no-such-program {file}"), "no program"),
        (("--command", f"streamer={sys.executable}"), 'called "streamer" already'),
        (("--command", "echo x", "--match", "("), "no regular expression"),
        (("--speech", "no/such"), "a folder of recordings"),
        (("--music", "no/such"), "a folder of recordings"),
        (("-o", "table.txt"), "must end in .md or .json"),
        (
            ("--family", "r1", "--decoder", "multimon-ng,pydtmf", "-q"),
            "nobody was judged|there is no decoder",
        ),
    ],
)
def test_what_cannot_be_is_told_in_a_line(words, match):
    with pytest.raises(SpecError, match=match):
        load_command("bench decoders").main(list(words), standalone_mode=False)


@pytest.mark.parametrize("flag", ["--scale", "--rate"])
def test_no_number_is_refused_as_one_that_is_too_large(flag):
    with pytest.raises(click.BadParameter, match="nan is not in the range"):
        load_command("bench decoders").main([*WORDS, flag, "nan"], standalone_mode=False)


def test_ctrl_c_waits_for_no_decoder(tmp_path):
    os.mkfifo(tmp_path / "begun")
    words = ("--command", f"sh -c 'echo > {tmp_path}/begun; sleep 60'", "--decoder", "none")
    program = start("bench", "decoders", *words, "--family", "tone-burst", "--only", "clean")
    (tmp_path / "begun").read_text()
    program.send_signal(signal.SIGINT)
    program.communicate(timeout=20)
    assert program.returncode == 130
