import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.base.errors import SpecError
from streamer.sources.synthetic.sounds import Signal, Sound
from streamer.sources.synthetic.voices import CHUNK_SAMPLES, KEY_HZ, Noise, Sweep, Tones
from tests.signals import KeyPress, burst, dtmf_digits, sine

FS = 8000.0


def tone(freq_hz=440.0, level_dbfs=0.0, **when):
    return Sound(label="tone", voice=Tones(freqs_hz=(freq_hz,), levels_dbfs=(level_dbfs,)), **when)


def test_a_tone_hours_into_the_signal_is_still_exact():
    # 440 Hz repeats after 400 samples at 16 kHz
    late = tone().render(400 * 10**9, 200, fs_hz=16000.0, seed=(0, 0))
    assert late == pytest.approx(sine(440.0, 200, 16000.0), abs=1e-12)


def test_the_ramps_of_a_burst_are_raised_cosines_inside_it():
    plain = burst([1000.0], 800, FS)
    ramped = burst([1000.0], 800, FS, ramp_samples=80)
    assert np.array_equal(ramped[80:-80], plain[80:-80])
    n = np.arange(80) + 0.5
    assert ramped[:80] == pytest.approx(plain[:80] * (1 - np.cos(np.pi * n / 80)) / 2, abs=1e-12)
    assert ramped[-80:] == pytest.approx(plain[-80:] * (1 + np.cos(np.pi * n / 80)) / 2, abs=1e-12)


def test_sounds_lie_where_they_should_and_nowhere_else():
    signal = Signal(
        fs_hz=FS,
        sounds=(
            tone(start_sample=5000, n_samples=3000),
            tone(1000.0, start_sample=100, n_samples=50),
            tone(1500.0, start_sample=6000, n_samples=10, channel=1),
        ),
        round_samples=9000,
        channels=2,
    )
    samples = signal.read()
    expected = np.zeros((9000, 2))
    expected[5000:8000] += sine(440.0, 3000, FS)[:, None]
    expected[100:150] += sine(1000.0, 50, FS)[:, None]
    expected[6000:6010, 1] += sine(1500.0, 10, FS)
    assert samples.dtype == np.float32
    assert samples == pytest.approx(expected, abs=1e-6)


def test_rounds_repeat_while_what_underlies_them_goes_on():
    sounds = (tone(1000.0, n_samples=40), tone(300.0, -20.0))
    signal = Signal(fs_hz=FS, sounds=sounds, round_samples=100, rounds=3)
    samples = signal.read(400)[:, 0]
    beneath = sine(300.0, 400, FS, level_dbfs=-20.0)
    above = np.concatenate([np.tile(np.append(sine(1000.0, 40, FS), np.zeros(60)), 3), np.zeros(100)])
    assert signal.n_samples == 300
    assert samples == pytest.approx(beneath + above, abs=1e-6)


def test_an_endless_signal_has_no_length():
    signal = Signal(fs_hz=FS, sounds=(tone(),), round_samples=0)
    assert signal.n_samples is None
    assert signal.read(3).shape == (3, 1)
    with pytest.raises(SpecError, match="never ends"):
        signal.read()


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(1, 3 * CHUNK_SAMPLES), min_size=1, max_size=5),
    st.sampled_from([None, "alaw", "ulaw"]),
)
def test_the_samples_do_not_depend_on_the_blocks_they_come_in(sizes, law):
    sounds = (
        tone(start_sample=700, n_samples=6000, ramp_samples=33),
        Sound(label="noise", voice=Noise(level_dbfs=-20.0), start_sample=123, n_samples=9000),
        Sound(label="hiss", voice=Noise(level_dbfs=-40.0, number=1)),
        Sound(
            label="glide",
            voice=Sweep(from_hz=100.0, to_hz=3000.0, duration_s=1.0, level_dbfs=-6.0),
            n_samples=8000,
        ),
    )
    signal = Signal(fs_hz=FS, sounds=sounds, round_samples=9500, rounds=2, channels=2, seed=3, law=law)
    whole = signal.read()
    for size in sizes:
        blocks = list(signal.blocks(size))
        assert all(1 <= len(block) <= size for block in blocks)
        assert np.array_equal(np.concatenate(blocks), whole)


def test_dtmf_digits_come_with_their_times():
    samples, presses = dtmf_digits("1D", FS, on_ms=40.0, off_ms=60.0, level_dbfs=-10.0, high_over_low_db=2.0)
    assert presses == [KeyPress("1", 480, 320), KeyPress("D", 1280, 320)]
    assert len(samples) == 2080
    assert not samples[:480].any()
    assert not samples[800:1280].any()
    assert not samples[1600:].any()
    for press in presses:
        low_hz, high_hz = KEY_HZ[press.digit]
        expected = sine(low_hz, 320, FS, level_dbfs=-10.0) + sine(high_hz, 320, FS, level_dbfs=-8.0)
        assert samples[press.start_sample : press.start_sample + 320] == pytest.approx(expected, abs=1e-6)


def test_edges_do_not_drift_at_rates_that_milliseconds_do_not_divide():
    _, presses = dtmf_digits("5" * 1000, 11025.0, on_ms=33.3, off_ms=33.3)
    assert presses[-1].start_sample == round((33.3 + 999 * 66.6) * 11.025)
