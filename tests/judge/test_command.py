"""Any command is a decoder: what it is given, and that it may hang, crash and flood."""

import hashlib
import os
import re
import select
import shutil
import sys
from contextlib import suppress

import numpy as np
import pytest

from streamer.base.errors import SpecError
from streamer.judge import dtmf
from streamer.judge.decoders.child import run
from streamer.judge.decoders.command import MOST_HANGS, Command, parse_command
from streamer.judge.decoders.programs import find_morse2ascii, find_multimon
from streamer.judge.decoders.reading import Reader
from streamer.judge.families import key_morse
from streamer.judge.judge import Judge, Terms
from streamer.judge.scenes import render
from streamer.judge.table import FAMILIES

SIGNALS = [np.arange(400, dtype=np.int16), np.arange(-300, 300, dtype=np.int16)]
# Says of each file, or of its standard input, what its samples are, and the file's name before it if asked.
PARROT = """
import hashlib, sys, wave
for name in sys.argv[2:] or [sys.stdin.buffer]:
    if str(name).endswith(".raw"):
        samples = open(name, "rb").read()
    else:
        with wave.open(name) as file:
            assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, int(sys.argv[1]))
            samples = file.readframes(-1)
    before = f"{name}:" if len(sys.argv) > 3 else ""
    print(before + hashlib.sha256(samples).hexdigest()[:8])
"""


def labels(said):
    return [[each.label for each in told] for told in said]


@pytest.fixture
def parrot(tmp_path):
    path = tmp_path / "parrot.py"
    path.write_text(PARROT)
    return (sys.executable, "-S", str(path), "{rate}")


@pytest.mark.parametrize("files", [("{file}",), ("{raw}",), ("{files}",), ()], ids=str)
def test_a_command_is_given_the_samples_whichever_way_it_wants_them(parrot, files):
    command = Command(words=(*parrot, *files), jobs=2)
    said = labels(command.hear(SIGNALS, "dtmf", "dtmf", 8000))
    assert said == [[hashlib.sha256(pcm.tobytes()).hexdigest()[:8]] for pcm in SIGNALS]
    assert command.failures == []


def test_a_command_is_given_the_rate_it_wants(parrot):
    command = Command(words=(*parrot, "{file}"), rate_hz=16000)
    assert labels(command.hear(SIGNALS[:1], "dtmf", "dtmf", 8000)) != [[]]
    assert command.failures == []


def test_family_and_plan_are_told_to_who_asks():
    command = Command(words=("echo", "{family}/{table}"))
    assert labels(command.hear(SIGNALS, "selcall", "zvei1", 8000)) == [["selcall/zvei1"]] * 2


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("echo 5; echo 'no such thing' >&2; exit 3", "ended with 3: no such thing"),
        ("echo 5; kill -SEGV $$", "was ended by SIGSEGV"),
        ("yes", "printed more than 16 MB"),
    ],
)
def test_who_crashes_or_floods_has_given_no_answer(words, why):
    command = Command(words=("sh", "-c", words))
    assert command.hear(SIGNALS[:1], "dtmf", "dtmf", 8000) == [[]]
    assert command.failures == [why]


def test_who_hangs_is_ended_and_after_three_times_in_a_row_asked_no_more():
    command = Command(words=("sleep", "60"), timeout_s=0.02)
    assert command.hear(SIGNALS * 3, "dtmf", "dtmf", 8000) == [[]] * 6
    hung, not_asked = command.failures[:MOST_HANGS], command.failures[MOST_HANGS:]
    assert all(why.startswith("did not end within 0.") for why in hung)
    assert not_asked == ["was not asked any more, having hung 3 times"] * 3


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="of Linux")
def test_what_it_has_begun_ends_with_it(tmp_path):
    ran = run(("sh", "-c", f"sleep 60 & echo $! > {tmp_path}/pid; yes"), timeout_s=60)
    assert ran.failure == "printed more than 16 MB"
    with suppress(ProcessLookupError):  # gone
        fd = os.pidfd_open(int((tmp_path / "pid").read_text()))
        ended, _, _ = select.select([fd], [], [], 20)
        os.close(fd)
        assert ended


def test_rubbish_is_no_label():
    judge = Judge(
        family=dtmf.DTMF, decoder=Command(words=("sh", "-c", r"printf '\377\000{\n\033[2J ,\n{\"label\":7}'"))
    )
    assert judge.said([np.zeros(100)], "dtmf") == [[]]
    assert judge.decoder.failures == []


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("x=", "names no program|no program"),
        ("no-such-decoder {file}", 'no program "no-such-decoder"'),
        ("echo 'a", "cannot be split"),
        ("echo --in={files}", "a word of its own"),
    ],
)
def test_a_command_that_cannot_be_one_is_refused_at_once(text, match):
    with pytest.raises(SpecError, match=match):
        parse_command(text)


def test_a_command_has_the_name_it_is_given_or_its_programs():
    assert parse_command("mine=echo a=b {file}") == ("mine", ("echo", "a=b", "{file}"))
    assert parse_command("/bin/echo {file}") == ("echo", ("/bin/echo", "{file}"))


@pytest.mark.skipif(not shutil.which("morse2ascii"), reason="no morse2ascii here")
def test_a_peer_is_asked_for_the_letters_that_were_sent_and_not_for_what_they_mean():
    sent = key_morse(np.random.default_rng(1), "PARIS QTH PARIS", hz=700, wpm=20)
    judge = Judge(family=FAMILIES["morse"], decoder=find_morse2ascii())
    [said] = judge.said([render(sent, np.random.default_rng(2))], "morse")
    assert [each.label.split() for each in said] == [["paris", "qth", "paris"]]


@pytest.mark.skipif(not shutil.which("multimon-ng"), reason="no multimon-ng here")
def test_a_peer_by_its_adapter_and_as_a_command_has_the_same_figures():
    words = ("multimon-ng", "-q", "-t", "raw", "-a", "DTMF", "{raw}")
    command = Command(words=words, rate_hz=22050, reader=Reader(match=re.compile("DTMF: (.)")), jobs=2)
    lines = [line for line in dtmf.LINES if "hole" in line.name or "crackle" in line.name]
    figures = [
        [line.measure(Judge(family=dtmf.DTMF, decoder=decoder, terms=Terms(scale=0.02))) for line in lines]
        for decoder in (find_multimon(), command)
    ]
    assert figures[0] == figures[1]
    assert 0 < figures[0][0][0] <= 100
