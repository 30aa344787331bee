"""Pictures that nobody has said the frames of: long frames for hum, short ones for clicks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from streamer.recordings import choose_frames
from streamer.recordings.export import plan_exports, run_exports
from streamer.recordings.pieces import SpectraSpec
from streamer.sources import parse_source
from streamer.stores.as_png.layout import Style
from tests.signals import dtmf_digits

FS = 8000
COLUMNS = 1000


def noise(seconds: float, *, seed: int = 0) -> NDArray[np.float64]:
    return 1e-3 * np.random.default_rng(seed).standard_normal(round(seconds * FS))


def hum() -> NDArray[np.float64]:
    t = np.arange(10 * FS) / FS
    return noise(10) + sum(0.1 / k * np.sin(2 * np.pi * 50 * k * t) for k in range(1, 7))


def click() -> NDArray[np.float64]:
    samples = noise(0.5)
    samples[FS // 4 : FS // 4 + 40] += noise(0.005, seed=1) * 500
    return samples


def digits() -> NDArray[np.float64]:
    samples, _ = dtmf_digits("5550123", FS)
    return samples + noise(len(samples) / FS)


def choose(path: Path, samples: NDArray[np.float64], **more: float | None) -> tuple[float, int] | None:
    """Milliseconds of a window, and samples of a hop."""
    soundfile.write(path, samples, FS, subtype="FLOAT")
    where = {"start_s": 0.0, "end_s": None, **more}
    found = choose_frames.choose_frames(parse_source(str(path)), columns=COLUMNS, **where)  # type: ignore[arg-type]
    return None if found is None else (int(found[0]) / FS * 1e3, int(found[1]))


@pytest.mark.parametrize(
    ("samples", "shortest_ms", "longest_ms"),
    [(hum(), 170, 340), (click(), 5, 5), (digits(), 20, 40), (noise(10), 85, 85)],
    ids=["hum", "click", "digits", "noise"],
)
def test_a_window_is_as_long_as_what_sounds_wants_it(
    tmp_path: Path, samples: NDArray[np.float64], shortest_ms: float, longest_ms: float
) -> None:
    chosen = choose(tmp_path / "a.wav", samples)
    assert chosen is not None
    window_ms, hop = chosen
    assert shortest_ms <= window_ms <= longest_ms
    # A frame for every column, but no finer than a picture can show, and no coarser than a quarter of a window.
    wanted = max(len(samples) // COLUMNS, round(window_ms * FS / 1e3) // 32)
    assert hop == min(wanted, round(window_ms * FS / 1e3) // 4)


def test_only_the_part_that_is_shown_is_looked_at(tmp_path: Path) -> None:
    both = np.concatenate([hum(), digits()])
    hums, dials = choose(tmp_path / "a.wav", both, end_s=10.0), choose(tmp_path / "a.wav", both, start_s=10.0)
    assert hums is not None
    assert dials is not None
    assert hums[0] >= 170
    assert dials[0] <= 40


@pytest.mark.parametrize("n_samples", [0, 1, 63])
def test_what_is_too_short_gets_no_frames_of_its_own(tmp_path: Path, n_samples: int) -> None:
    assert choose(tmp_path / "a.wav", np.zeros(n_samples)) is None


def test_a_click_of_ten_milliseconds_and_a_day_of_ten_samples_a_second_get_frames_too(tmp_path: Path) -> None:
    assert choose(tmp_path / "a.wav", click()[FS // 4 - 20 : FS // 4 + 60]) == (2.0, 1)
    soundfile.write(tmp_path / "slow.wav", np.sin(np.arange(100_000)), 10)
    found = choose_frames.choose_frames(
        parse_source(str(tmp_path / "slow.wav")), start_s=0, end_s=None, columns=COLUMNS
    )
    assert found is not None
    assert int(found[0]) >= choose_frames.LEAST_SAMPLES


def test_calls_of_milliseconds_get_shorter_frames_where_a_recording_reaches_higher_than_ears(
    tmp_path: Path,
) -> None:
    fs = 256_000
    samples = 3e-4 * np.random.default_rng(3).standard_normal(fs)
    call_hz = 25e3 + 80e3 * np.exp(-np.arange(1536) / fs / 3e-3)
    for start in range(9000, fs - 2000, 40_000):
        samples[start : start + 1536] += np.hanning(1536) * np.sin(2 * np.pi * np.cumsum(call_hz) / fs) / 4
    soundfile.write(tmp_path / "bats.wav", samples, fs)
    found = choose_frames.choose_frames(
        parse_source(str(tmp_path / "bats.wav")), start_s=0, end_s=None, columns=COLUMNS
    )
    assert found is not None
    assert int(found[0]) / fs < 0.004


def test_what_can_be_read_once_only_gets_the_usual_frames() -> None:
    assert choose_frames.choose_frames(parse_source("-"), start_s=0, end_s=None, columns=COLUMNS) is None


@pytest.mark.parametrize(
    ("templates", "given", "hop"),
    [
        (["{stem}.png"], {}, None),
        (["{stem}.png", "{stem}.npz"], {}, 170),
        (["{stem}.npz"], {}, 170),
        (["{stem}.png"], {"hop": "100"}, 100),
        (["{stem}.png"], {"window_length": "85ms"}, 170),
    ],
)
def test_numbers_are_always_of_the_usual_frames_and_what_was_asked_for_is_done(
    tmp_path: Path,
    templates: list[str],
    given: dict[str, str],
    hop: int | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[SpectraSpec] = []
    path = tmp_path / "a.wav"
    soundfile.write(path, digits(), FS)

    def note(spec: SpectraSpec, *where: Any) -> object:
        asked.append(spec)
        return make(spec, *where)

    make = SpectraSpec.make_measurement
    monkeypatch.setattr(SpectraSpec, "make_measurement", note)
    targets = [str(tmp_path / template) for template in templates]
    list(
        run_exports(
            plan_exports([parse_source(str(path))], targets, spec=SpectraSpec(**given), style=Style())
        )
    )  # type: ignore[arg-type]
    [spec] = asked
    frames = make(spec, FS).analysis.frames
    assert frames.hop_samples == (10 if hop is None else hop)
    assert frames.length_samples == (320 if hop is None else 680)
