"""The doctor's findings: right where all is well, and telling where something is missing."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

from streamer.base.errors import SpecError
from streamer.commands.doctor.checks import (
    EXTRAS,
    check_cache,
    check_kernels,
    check_shared_memory,
    check_terminal,
    check_versions,
    examine,
    sum_exactly,
)
from streamer.commands.doctor.diagnosis import Verdict
from streamer.sources import parse_source
from tests.programs import run
from tests.reference import dtft
from tests.virtual_mic import NAME, VirtualMic, require_virtual_mic


def test_on_this_machine_processes_memory_and_kernels_are_in_order() -> None:
    for check in (check_versions, check_cache, check_kernels, check_shared_memory):
        assert [diagnosis.format() for diagnosis in check() if diagnosis.verdict is not Verdict.OK] == []


def test_a_child_is_waited_for_while_the_process_server_compiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamer.commands.doctor.checks.ANSWER_S", 0.0)
    monkeypatch.setattr("streamer.commands.doctor.checks.is_anything_missing", lambda: True)
    [diagnosis] = check_shared_memory()
    assert diagnosis.verdict is Verdict.OK


def test_the_doctor_knows_every_extra_that_people_may_want() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]
    wanted = {
        extra: tuple(re.split("[<>=]", need)[0] for need in needs)
        for extra, needs in project["optional-dependencies"].items()
        if extra not in ("test", "dev")
    }
    assert wanted == EXTRAS


def test_the_doctors_exact_sum_is_the_definition() -> None:
    samples = np.random.default_rng(0).normal(size=50)
    freqs_hz = np.array([17.3, 440.0, 3999.9])
    values = sum_exactly(samples, freqs_hz, 8000.0)
    np.testing.assert_allclose(values, dtft(samples, freqs_hz, 8000.0), atol=1e-13)


def test_off_a_terminal_the_dashboard_is_a_note() -> None:
    [diagnosis] = check_terminal({"TERM": "xterm"})
    assert diagnosis.verdict is Verdict.NOTE


def test_the_doctor_listens_to_microphones_only() -> None:
    with pytest.raises(SpecError, match="mic or mic:NAME"):
        examine(parse_source("sim:tone:440"))


@pytest.mark.slow
@pytest.mark.audio
def test_a_microphone_is_measured_one_that_is_not_there_is_told_and_a_hanging_server_is_survived() -> None:
    require_virtual_mic()
    with VirtualMic() as mic:
        result = run("doctor", f"mic:{NAME}", "--json", "--rate", "48k", env=mic.env)
        report = json.loads(result.stdout)
        found = {diagnosis["subject"]: diagnosis for diagnosis in report["findings"]}
        assert result.returncode == 0, report
        assert report["can_run"]
        assert found["live analysis"]["verdict"] == found["capture"]["verdict"] == "ok"
        assert "48000 Hz promised" in found["capture"]["text"]
        assert found["level"]["text"] == "all samples are 0"  # nothing was played
        nobody = run("doctor", "mic:no-such-device", env=mic.env)
        mic.freeze()
        hanging = run("doctor", "--json", env=mic.env, timeout_s=100)
        mic.thaw()
    assert nobody.returncode == 3
    assert 'no input device matches "no-such-device"' in nobody.stdout
    assert hanging.returncode == 70
    problems = [
        diagnosis for diagnosis in json.loads(hanging.stdout)["findings"] if diagnosis["verdict"] == "problem"
    ]
    assert [problem["text"] for problem in problems] == ["listing the devices did not end within 8 s"]
