"""The doctor's findings: right where all is well, and telling where something is missing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from streamer.base.errors import SpecError
from streamer.commands.doctor import (
    Captured,
    Finding,
    Verdict,
    check_cache,
    check_kernels,
    check_shared_memory,
    check_terminal,
    check_versions,
    examine,
    judge_capture,
    sum_exactly,
)
from streamer.sources import parse_source
from tests.programs import run
from tests.reference import dtft
from tests.virtual_mic import NAME, VirtualMic, require_virtual_mic


def by_subject(findings: Iterator[Finding]) -> dict[str, Finding]:
    return {finding.subject: finding for finding in findings}


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


def test_on_this_machine_processes_memory_and_kernels_are_in_order() -> None:
    for check in (check_versions, check_cache, check_kernels, check_shared_memory):
        assert [finding.format() for finding in check() if finding.verdict is not Verdict.OK] == []


def test_the_doctors_exact_sum_is_the_definition() -> None:
    samples = np.random.default_rng(0).normal(size=50)
    freqs_hz = np.array([17.3, 440.0, 3999.9])
    values = sum_exactly(samples, freqs_hz, 8000.0)
    np.testing.assert_allclose(values, dtft(samples, freqs_hz, 8000.0), atol=1e-13)


def test_a_good_capture_is_ok_and_says_rate_and_level() -> None:
    found = by_subject(judge_capture(capture()))
    assert {finding.verdict for finding in found.values()} == {Verdict.OK}
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
    assert {finding.verdict for finding in found.values()} == {Verdict.OK}


def test_off_a_terminal_the_dashboard_is_a_note() -> None:
    [finding] = check_terminal({"TERM": "xterm"})
    assert finding.verdict is Verdict.NOTE


def test_the_doctor_listens_to_microphones_only() -> None:
    with pytest.raises(SpecError, match="mic or mic:NAME"):
        examine(parse_source("sim:tone:440"))


def test_every_note_and_problem_says_what_to_do() -> None:
    for changes in ({"fs_hz": 44100.0}, {"overflows": 1}, {"peak": 0.0}, {"peak": 2.0}):
        for finding in judge_capture(capture(**changes)):
            assert bool(finding.remedy) == (finding.verdict is not Verdict.OK)


def test_without_an_audio_library_the_main_job_still_can_run() -> None:
    # The child finds none either: what the process server preloads is looked for in its own environment.
    code = (
        "import ctypes.util, sys; ctypes.util.find_library = lambda name: None\n"
        "sys.modules['_sounddevice_data'] = None\n"
        "from streamer.sources.mic import list_devices\n"
        "import streamer.commands.doctor as doctor\n"
        "from streamer.sources import parse_source\n"
        "from multiprocessing import Pipe\n"
        "ours, theirs = Pipe()\n"
        "doctor._listen(parse_source(None), theirs)\n"
        "answer = ours.recv()\n"
        "doctor._ask_child = lambda microphone: iter([answer])\n"
        "[finding] = doctor.check_audio(parse_source(None))\n"
        "print(finding.verdict.value, finding.format())\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.stdout.startswith("note"), result.stderr
    assert "apt install libportaudio2" in result.stdout


@pytest.mark.slow
@pytest.mark.audio
def test_a_microphone_is_measured_one_that_is_not_there_is_told_and_a_hanging_server_is_survived() -> None:
    require_virtual_mic()
    with VirtualMic() as mic:
        result = run("doctor", f"mic:{NAME}", "--json", "--rate", "48k", env=mic.env)
        report = json.loads(result.stdout)
        found = {finding["subject"]: finding for finding in report["findings"]}
        assert result.returncode == 0, report
        assert report["can_run"]
        assert found["live analysis"]["verdict"] == found["capture"]["verdict"] == "ok"
        assert "48000 Hz promised" in found["capture"]["text"]
        assert found["level"]["text"] == "all samples are 0"  # nothing was played
        nobody = run("doctor", "mic:no-such-device", env=mic.env)
        mic.freeze()
        hanging = run("doctor", "--json", env=mic.env, timeout_s=100)
        mic.thaw()
    assert nobody.returncode == 70
    assert 'no input device matches "no-such-device"' in nobody.stdout
    assert hanging.returncode == 70
    problems = [
        finding for finding in json.loads(hanging.stdout)["findings"] if finding["verdict"] == "problem"
    ]
    assert [problem["text"] for problem in problems] == ["listing the devices did not end within 8 s"]
