"""What the doctor says of a capture, and of a machine without an audio library."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from streamer.commands.doctor.diagnosis import Diagnosis, Verdict
from streamer.commands.doctor.microphone import Captured, judge_capture


def by_subject(findings: Iterator[Diagnosis]) -> dict[str, Diagnosis]:
    return {diagnosis.subject: diagnosis for diagnosis in findings}


def capture(**changes: object) -> Captured:
    """Two seconds in blocks of 10 ms as they should be, but for the changes."""
    good = {
        "name": "mic:test",
        "fs_hz": 48000.0,
        "end_samples": [480 * n for n in range(1, 201)],
        "arrivals_s": [7 + 0.01 * n + 0.004 * (n % 3) for n in range(200)],
        "overflows": 0,
        "peak": 0.1,
    }
    return Captured(**{**good, **changes})  # type: ignore[arg-type]


def test_a_good_capture_is_ok_and_says_rate_and_level() -> None:
    found = by_subject(judge_capture(capture()))
    assert {diagnosis.verdict for diagnosis in found.values()} == {Verdict.OK}
    assert "48000 Hz promised" in found["capture"].text
    assert found["level"].text == "peak -20 dBFS"


@pytest.mark.parametrize(
    ("changes", "subject", "verdict"),
    [
        ({"fs_hz": 44100.0}, "capture", Verdict.PROBLEM),
        ({"overflows": 3}, "gaps", Verdict.NOTE),
        ({"peak": 0.0}, "level", Verdict.NOTE),
        ({"peak": 1.0}, "level", Verdict.NOTE),
    ],
)
def test_what_is_wrong_with_a_capture_is_told_with_what_to_do(
    changes: dict[str, object], subject: str, verdict: Verdict
) -> None:
    found = by_subject(judge_capture(capture(**changes)))
    assert found.pop(subject).verdict is verdict
    assert {diagnosis.verdict for diagnosis in found.values()} == {Verdict.OK}


def test_every_note_and_problem_says_what_to_do() -> None:
    for changes in ({"fs_hz": 44100.0}, {"overflows": 1}, {"peak": 0.0}, {"peak": 2.0}):
        for diagnosis in judge_capture(capture(**changes)):
            assert bool(diagnosis.remedy) == (diagnosis.verdict is not Verdict.OK)


def test_without_an_audio_library_the_main_job_still_can_run() -> None:
    # The child finds none either: what the process server preloads is looked for in its own environment.
    code = (
        "import ctypes.util, sys; ctypes.util.find_library = lambda name: None\n"
        "sys.modules['_sounddevice_data'] = None\n"
        "from streamer.sources.mic import list_devices\n"
        "import streamer.commands.doctor.microphone as doctor\n"
        "from streamer.sources import parse_source\n"
        "from multiprocessing import Pipe\n"
        "ours, theirs = Pipe()\n"
        "doctor._listen(parse_source(None), theirs)\n"
        "answer = ours.recv()\n"
        "doctor._ask_child = lambda microphone: iter([answer])\n"
        "[diagnosis] = doctor.check_audio(parse_source(None))\n"
        "print(diagnosis.verdict.value, diagnosis.format())\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.stdout.startswith("note"), result.stderr
    assert "apt install libportaudio2" in result.stdout
