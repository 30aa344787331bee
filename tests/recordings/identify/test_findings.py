"""What is told of signals that no plan knows: a plan that hears them, with frequencies right to 0.1 %."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

import streamer
from streamer.events import Event, FamilyRecord, SummaryRecord, UnknownRecord
from streamer.sources.synthetic.language import parse_signal
from tests.other_senders import FS_HZ, identify


def hear(spec: str, plan: Path, *, fs_hz: float = FS_HZ) -> list[Event]:
    signal = parse_signal(spec, fs_hz=fs_hz, seed=0)
    assert signal.n_samples is not None
    samples = np.concatenate(list(signal.blocks(1 << 15, n_samples=signal.n_samples)))[:, 0]
    return streamer.detect(samples, fs_hz, plan=plan)


# What is sent, of which kind it is, the frequencies of its parts, their lengths in ms, and how often it comes.
UNKNOWN = {
    "a tone": ("tone:1234.5:3s", "tone", [(1234.5,)], [3000], 1),
    "a pair": ("tone:700.7+1111.1:2s", "tone", [(700.7, 1111.1)], [2000], 1),
    "a close pair": ("tone:1000+1030:3s", "tone", [(1000, 1030)], [3000], 1),
    "a rhythm of pairs": (
        "cadence:1234.5+1500/300,0/200,1234.5+1500/300,0/1000x4",
        "cadence",
        [(1234.5, 1500), (1234.5, 1500)],
        [300, 300],
        4,
    ),
    "a siren": ("cadence:610/500,815/500x6", "cadence", [(610,), (815,)], [500, 500], 6),
    "an oven": ("cadence:2730/150,0/700x5", "cadence", [(2730,)], [150], 5),
    "a page": ("cadence:640/700,915/1200", "sequence", [(640,), (915,)], [700, 1200], 1),
    "a chime": (
        "cadence:806/200,1010/200,1213/400",
        "sequence",
        [(806,), (1010,), (1213,)],
        [200, 200, 400],
        1,
    ),
    "a hum": ("tone:222:5s", "tone", [(222,)], [5000], 1),
    "a whistle": ("tone:5230:2s", "tone", [(5230,)], [2000], 1),
    "calls": (
        "cadence:900/60,990/60,1085/60,1190/60,1310/60,silence:1s,cadence:1310/60,900/60,1190/60,990/60,1085/60",
        "code",
        [(900,), (990,), (1085,), (1190,), (1310,)],
        [60, 60, 60, 60, 60],
        2,
    ),
    "keying": ("morse:CQ CQ DE K5XYZ:12wpm:pitch=1800Hz", "keying", [(1800,)], [], 40),
}


MELODY = "cadence:392/400,523.3/400,659.3/400,587.3/400,783.9/400,493.9/400,440/400"


@pytest.mark.parametrize(
    ("spec", "plans"),
    [
        (f"{MELODY},1750/700,{MELODY.removeprefix('cadence:')}", []),  # A6, nearly
        (f"{MELODY},425/2500,{MELODY.removeprefix('cadence:')}", []),
        (f"{MELODY}x5+hum:50@-30", ["mains50"]),  # goes on, as no note does
        (f"{MELODY},dtmf:5550123,{MELODY}", ["dtmf"]),
        ("cadence:1750/700", ["tone-burst"]),
        ("cadence:610/500,815/500x6,tone:1750:700ms,cadence:610/500,815/500x6", ["tone-burst"]),  # a siren
    ],
    ids=["1750 Hz", "a dial tone", "hum", "a number", "a burst alone", "a burst in a siren"],
)
def test_a_note_of_a_melody_is_no_family_of_its_own(spec: str, plans: list[str]) -> None:
    found = identify(f"sim:noise:-60,silence:500ms,{spec},silence:1s", fs_hz=FS_HZ)
    told = [record.plan for record in found if isinstance(record, FamilyRecord)]
    assert told[:1] == plans


@pytest.mark.parametrize(
    ("spec", "tones"),
    [
        ("cadence:481+621/500,0/500x4", [(None, (481, 621))]),
        ("dtmf:4224", [("4", (770, 1209)), ("2", (697, 1336))]),
        (
            "zvei1:11235:offset=0.4%",
            [("1", (1064.2,)), ("1", (2610.4,)), ("2", (1164.6,)), ("3", (1275.1,)), ("5", (1536.1,))],
        ),
        ("morse:CQ CQ DE K5XYZ CQ:pitch=803Hz", [(None, (803,))]),
    ],
    ids=["a busy tone", "digits", "a call that is off", "Morse"],
)
def test_of_a_family_it_tells_the_frequencies_that_were_measured(
    spec: str, tones: list[tuple[str | None, tuple[float, ...]]]
) -> None:
    found = identify(f"sim:noise:-60,silence:500ms,{spec},silence:1s", fs_hz=FS_HZ)
    family = next(record for record in found if isinstance(record, FamilyRecord))
    told = [(step.label, tuple(step.freqs_hz)) for step in family.steps]
    assert [label for label, _ in told] == [label for label, _ in tones]
    for (_, heard), (_, sent) in zip(told, tones, strict=True):
        assert heard == pytest.approx(sent, rel=1e-3)


@pytest.mark.parametrize(("spec", "kind", "tones", "lengths_ms", "times"), UNKNOWN.values(), ids=UNKNOWN)
def test_what_no_plan_knows_becomes_a_plan_that_hears_it(
    spec: str, kind: str, tones: list[tuple[float, ...]], lengths_ms: list[float], times: int, tmp_path: Path
) -> None:
    fs_hz = 16000.0 if "5230" in spec else FS_HZ
    spec = f"noise:-50,silence:500ms,{spec},silence:1s"
    found = identify(f"sim:{spec}", fs_hz=fs_hz)
    (unknown,) = [record for record in found if isinstance(record, UnknownRecord)]
    assert not [record for record in found if isinstance(record, FamilyRecord)]
    assert (unknown.kind, unknown.times) == (kind, times)
    told = [hz for step in unknown.steps for hz in step.freqs_hz]
    assert told == pytest.approx([hz for chord in tones for hz in chord], rel=1e-3)
    if lengths_ms:
        assert [1e3 * step.duration_s for step in unknown.steps] == pytest.approx(lengths_ms, rel=0.05)
    plan = tmp_path / "drafted.toml"
    plan.write_text(unknown.toml)
    events = hear(spec, plan, fs_hz=fs_hz)
    assert events
    assert kind in ("code", "keying") or {event.label for event in events} == {unknown.label}
    assert len(events) == (times if kind in ("sequence", "code") else len(events))


def test_in_a_voice_there_is_no_sender(tmp_path: Path) -> None:
    """Half a minute of text, read by another program."""
    if shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng is not installed")
    said = tmp_path / "said.wav"
    words = (
        "Please leave a message after the tone, or press one to hear all options again. Nine lions are moving along "
        "a long alley, evening after evening; we were away a year ago, and you know how it was when nobody would. "
    )
    subprocess.run(["espeak-ng", "-v", "en-us+f3", "-w", str(said), words * 2], check=True)
    found = identify(str(said))
    assert [type(record) for record in found] == [SummaryRecord]
    shares = found[0].shares
    assert shares.get("speech", 0) > 0.8


def test_what_else_there_is_is_told_by_seconds() -> None:
    (summary,) = identify("sim:silence:8s,noise:-30:12s", fs_hz=FS_HZ)
    assert isinstance(summary, SummaryRecord)
    assert summary.shares["noise"] == pytest.approx(0.6, abs=0.06)  # a second is both
    assert summary.shares["silence"] == pytest.approx(0.4, abs=0.06)
    assert summary.quietest_dbfs is not None
    assert summary.quietest_dbfs < -100
    assert summary.loudest_dbfs == pytest.approx(-30, abs=1)


@pytest.mark.parametrize("begin_ms", [0, 160, 240, 280])
def test_a_cadence_is_found_wherever_in_it_listening_began(begin_ms: int, tmp_path: Path) -> None:
    signal = parse_signal("cadence:1234.5/300,0/300x16", fs_hz=44_100)
    assert signal.n_samples is not None
    samples = np.concatenate(list(signal.blocks(1 << 15, n_samples=signal.n_samples)))
    begin = round(begin_ms * 44.1)
    soundfile.write(tmp_path / "x.wav", samples[begin : begin + round(9.05 * 44_100)], 44_100)
    found = identify(str(tmp_path / "x.wav"))
    (unknown,) = [each for each in found if isinstance(each, UnknownRecord)]
    assert (unknown.kind, "1234.5/" in unknown.toml) == ("cadence", True)
