"""Values against exactly summed ones, identities of the transform, and bits that no schedule can change."""

from __future__ import annotations

import threading
import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.analysis.analyser import Analyser, Way, choose_way
from streamer.analysis.bank import Analysis, Bank
from streamer.analysis.frames import FrameSpec, make_taper
from streamer.base.errors import SpecError
from tests.reference import dtft, dtft_frames, goertzel_recurrence

DTYPES = [np.float32, np.float64]
ERROR = {np.float32: 2e-6, np.float64: 2e-12}  # of the largest value


class AnyBands(Analysis):
    """An analysis that may look at 0, at fs/2 and beyond, where a bank may not."""

    def __post_init__(self):
        pass


def analyse(
    samples, freqs_hz, *, fs_hz=8000, length, hop=None, window="hann", dtype=np.float64, kind=Analysis
):
    frames = FrameSpec(length_samples=length, hop_samples=hop or length, window=window)
    analyser = Analyser(kind(bank=Bank(freqs_hz=freqs_hz), frames=frames, fs_hz=fs_hz), dtype)
    out = np.full((frames.frames_within(len(samples)), len(freqs_hz)), np.nan, analyser.complex_dtype)
    analyser.compute(samples.astype(dtype), out)
    return out


def noise(size, seed=0):
    """In float32 already, so that both precisions measure the same samples."""
    return np.random.default_rng(seed).standard_normal(size).astype(np.float32)


def assert_near(values, expected, dtype):
    assert abs(values - expected).max() <= ERROR[dtype] * abs(expected).max()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("length", [1, 2, 3, 31, 32, 33, 97, 205, 208, 509, 2048, 4099])
def test_a_frame_of_any_length_equals_the_exact_sum(dtype, length):
    freqs_hz = np.array([1, 50.3, 1209, 2000, 3998.9, 3999])
    x, taper = noise(length), make_taper("hann", length)
    assert_near(analyse(x, freqs_hz, length=length, dtype=dtype)[0], dtft(x, freqs_hz, 8000, taper), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("freq_hz", [1, 23.4, 11999.5, 23999])
@pytest.mark.parametrize("offset", [0, 1000])
def test_a_long_frame_holds_its_precision_for_tones_anywhere_and_large_offsets(dtype, freq_hz, offset):
    length, freqs_hz = 65536, np.array([1, freq_hz, 23999])
    x = (np.cos(2 * np.pi * freq_hz / 48000 * np.arange(length) + 0.3) + offset).astype(np.float32)
    values = analyse(x, freqs_hz, fs_hz=48000, length=length, dtype=dtype)[0]
    assert_near(values, dtft(x, freqs_hz, 48000, make_taper("hann", length)), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("phase_rad", np.linspace(0, np.pi, 5))
@pytest.mark.parametrize(("length", "hop"), [(205, 100), (2048, 128)])
def test_amplitude_and_phase_of_a_tone_come_out_at_any_phase(dtype, phase_rad, length, hop):
    freq_hz = 1336.4
    x = np.cos(2 * np.pi * freq_hz / 8000 * np.arange(length + 3 * hop) + phase_rad)
    values = analyse(x, np.array([freq_hz]), length=length, hop=hop, dtype=dtype)[:, 0]
    expected_phase = 2 * np.pi * freq_hz / 8000 * hop * np.arange(4) + phase_rad
    amplitude = values * 2 / make_taper("hann", length).sum() * np.exp(-1j * expected_phase)
    np.testing.assert_allclose(amplitude, 1, atol=1e-3)  # the image at -f is what is left


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_bands", [1, 7, 8, 9, 16, 17, 40, 64, 1536])
@pytest.mark.parametrize(("length", "hop"), [(208, 20), (512, 16)])
def test_any_number_of_bands_is_measured_in_every_frame(dtype, n_bands, length, hop):
    freqs_hz = np.random.default_rng(1).uniform(1, 3999, n_bands)
    x = noise(length + 37 * hop + hop - 1)
    values = analyse(x, freqs_hz, length=length, hop=hop, dtype=dtype)
    assert values.shape == (38, n_bands)
    assert_near(values, dtft_frames(x, freqs_hz, 8000, make_taper("hann", length), hop), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "window", ["boxcar", "hamming", "blackman", "blackmanharris", "flattop", "kaiser:8.6"]
)
@pytest.mark.parametrize(("length", "hop"), [(1024, 32), (1000, 10), (1024, 512), (999, 27)])
def test_every_window_and_overlap_equals_the_definition(dtype, window, length, hop):
    freqs_hz = np.array([1, 440.1, 2500, 3999])
    x = noise(length + 70 * hop) + np.float32(0.5)
    values = analyse(x, freqs_hz, length=length, hop=hop, window=window, dtype=dtype)
    assert_near(values, dtft_frames(x, freqs_hz, 8000, make_taper(window, length), hop), dtype)


ANALYSES = st.sampled_from([(208, 20), (512, 16), (480, 16), (600, 8), (33, 33), (2048, 512), (7, 1)])


@settings(max_examples=40, deadline=None)
@given(
    shape=ANALYSES,
    window=st.sampled_from(["hann", "boxcar", "blackman", "tukey:0.5"]),
    dtype=st.sampled_from(DTYPES),
    n_bands=st.one_of(st.integers(1, 30), st.just(900)),
    lengths=st.lists(st.integers(1, 70), min_size=1, max_size=6),
    data=st.data(),
)
def test_values_have_the_same_bits_however_frames_are_dealt_out_to_calls(
    shape, window, dtype, n_bands, lengths, data
):
    length, hop = shape
    n_frames = sum(lengths)
    x = noise(length + (n_frames - 1) * hop).astype(dtype)
    frames = FrameSpec(length_samples=length, hop_samples=hop, window=window)
    analysis = Analysis(bank=Bank(freqs_hz=np.linspace(5, 3990, n_bands)), frames=frames, fs_hz=8000)
    one, many = Analyser(analysis, dtype), Analyser(analysis, dtype)
    at_once, in_runs = np.zeros((2, n_frames, n_bands), one.complex_dtype)
    one.compute(x, at_once)
    ends = np.cumsum(lengths)
    for i in data.draw(st.permutations(range(len(lengths)))):
        first, end = ends[i] - lengths[i], ends[i]
        many.compute(x[first * hop : (end - 1) * hop + length].copy(), in_runs[first:end])
    assert at_once.tobytes() == in_runs.tobytes()


def test_frames_that_follow_each_other_share_sums_only_while_samples_are_the_same():
    length, hop = 512, 16
    freqs_hz = np.array([697.0, 1209])
    frames = FrameSpec(length_samples=length, hop_samples=hop)
    analyser = Analyser(Analysis(bank=Bank(freqs_hz=freqs_hz), frames=frames, fs_hz=8000))
    assert analyser.way is Way.SHARED
    x = noise(length + 5 * hop)
    out = np.zeros((1, 2), np.complex64)
    for frame in range(5):
        analyser.compute(x[frame * hop :], out, channel=1)
        np.testing.assert_array_equal(
            out, analyse(x[frame * hop :][:length], freqs_hz, length=length, hop=hop, dtype=np.float32)
        )
        analyser.compute(-x[frame * hop :], out, channel=2)
    x[7 * hop] += 1
    analyser.compute(x[5 * hop :], out)
    np.testing.assert_array_equal(
        out, analyse(x[5 * hop :], freqs_hz, length=length, hop=hop, dtype=np.float32)
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("length", "hop"), [(240, 100), (512, 16)])
def test_the_transform_is_linear_and_turns_with_a_shift(dtype, length, hop):
    freqs_hz = np.linspace(3, 3997, 12)
    a, b = noise(length).astype(np.float64), noise(length, seed=1).astype(np.float64)

    def measure(x):
        return analyse(x, freqs_hz, length=length, hop=hop, dtype=dtype)[0].astype(np.complex128)

    assert_near(measure(2 * a - b), 2 * measure(a) - measure(b), dtype)
    click, later = np.zeros((2, length), np.float32)
    click[3] = later[3 + 17] = 1
    boxcar = {"length": length, "hop": hop, "window": "boxcar", "dtype": dtype}
    turned = np.exp(-2j * np.pi * freqs_hz / 8000 * 17)
    assert_near(analyse(later, freqs_hz, **boxcar)[0], turned * analyse(click, freqs_hz, **boxcar)[0], dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("length", "hop"), [(240, 100), (512, 16)])
def test_mirrored_bands_are_conjugates(dtype, length, hop):
    freqs_hz = np.array([0.0, 13.1, 700, 2222, 4000])
    both = np.concatenate([freqs_hz, 8000 - freqs_hz, -freqs_hz])
    x = noise(length + 3 * hop)
    values = analyse(x, both, length=length, hop=hop, dtype=dtype, kind=AnyBands)
    assert_near(values[:, 5:10], values[:, :5].conj(), dtype)
    assert_near(values[:, 10:], values[:, :5].conj(), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("length", [60, 61, 128])
def test_a_full_grid_equals_the_fft_and_keeps_the_energy(dtype, length):
    x = noise(length)
    values = analyse(
        x, np.arange(length) * 8000 / length, length=length, window="boxcar", dtype=dtype, kind=AnyBands
    )[0]
    assert_near(values, np.fft.fft(x.astype(np.float64)), dtype)
    energy = np.sum(x.astype(np.float64) ** 2)
    np.testing.assert_allclose(
        np.sum(abs(values.astype(np.complex128)) ** 2) / length, energy, rtol=ERROR[dtype]
    )


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_bank_on_the_grid_of_the_fft_equals_it(dtype):
    x = noise(2048)
    values = analyse(x, np.arange(1, 1024) * 8000 / 2048, length=2048, window="boxcar", dtype=dtype)[0]
    assert_near(values, np.fft.rfft(x.astype(np.float64))[1:-1], dtype)


def test_single_precision_keeps_the_three_digits_that_the_textbook_recurrence_loses():
    length, fs_hz, freq_hz = 8192, 48000, 20.2
    x = np.cos(2 * np.pi * freq_hz / fs_hz * np.arange(length) + 1).astype(np.float32)
    exact = abs(dtft(x, [freq_hz], fs_hz)[0])
    textbook = goertzel_recurrence(x, freq_hz, fs_hz)
    ours = abs(
        analyse(x, np.array([freq_hz]), fs_hz=fs_hz, length=length, window="boxcar", dtype=np.float32)[0, 0]
    )
    assert goertzel_recurrence(x.astype(np.float64), freq_hz, fs_hz) == pytest.approx(exact, rel=1e-9)
    assert abs(textbook / exact - 1) > 1e-3
    assert abs(ours / exact - 1) < 3e-7


@pytest.mark.parametrize(
    ("length", "hop", "window", "bands", "way"),
    [
        (2048, 128, "hann", 40, Way.SHARED),  # 15/16 overlap
        (2048, 512, "hann", 40, Way.DIRECT),  # 3/4: three sums a hop cost about as much as the frame
        (2048, 512, "boxcar", 40, Way.SHARED),  # one sum a hop costs a quarter
        (2048, 100, "hann", 40, Way.DIRECT),  # hops do not tile the frame
        (2048, 128, "kaiser:8.6", 40, Way.DIRECT),  # no sum of cosines
        (4096, 64, "flattop", 40, Way.SHARED),  # nine sums, 64 frames to share them
        (2048, 2048, "hann", 40, Way.DIRECT),
        (2048, 512, "hann", 1536, Way.GRID),  # one transform for all bands
        (64, 64, "hann", 1536, Way.DIRECT),
        (2048, 128, "hann", 1536, Way.GRID),
        (2, 1, "hann", 1536, Way.DIRECT),
    ],
)
def test_the_cheapest_way_is_chosen(length, hop, window, bands, way):
    frames = FrameSpec(length_samples=length, hop_samples=hop, window=window)
    analysis = Analysis(bank=Bank(freqs_hz=np.linspace(10, 3990, bands)), frames=frames, fs_hz=8000)
    for dtype in DTYPES:
        assert choose_way(analysis, np.dtype(dtype)) is way


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("way", Way)
@pytest.mark.parametrize(
    ("length", "hop", "n_bands"), [(8, 2, 3), (205, 41, 1), (2048, 128, 40), (1001, 7, 23)]
)
def test_all_ways_lead_to_the_same_values(way, length, hop, n_bands, dtype):
    freqs_hz = np.linspace(1, 3999, n_bands)
    frames = FrameSpec(length_samples=length, hop_samples=hop)
    analyser = Analyser(Analysis(bank=Bank(freqs_hz=freqs_hz), frames=frames, fs_hz=8000), dtype, way=way)
    x, out = noise(length + 20 * hop), np.empty((21, n_bands), analyser.complex_dtype)
    analyser.compute(x.astype(dtype), out)
    assert_near(out, dtft_frames(x, freqs_hz, 8000, make_taper("hann", length), hop), dtype)


def test_hops_that_frames_do_not_share_are_refused():
    frames = FrameSpec(length_samples=100, hop_samples=30)
    with pytest.raises(SpecError, match="tile a frame"):
        Analyser(Analysis(bank=Bank(freqs_hz=np.array([440.0])), frames=frames, fs_hz=8000), way=Way.SHARED)


def test_computing_allocates_nothing_that_grows_with_the_work():
    frames = FrameSpec(length_samples=512, hop_samples=16)
    analyser = Analyser(Analysis(bank=Bank(freqs_hz=np.linspace(50, 3000, 100)), frames=frames, fs_hz=8000))
    x, out = noise(512 + 999 * 16), np.empty((1000, 100), np.complex64)
    analyser.compute(x, out)
    tracemalloc.start()
    try:
        analyser.compute(x, out)
        assert tracemalloc.get_traced_memory()[1] < 10_000
    finally:
        tracemalloc.stop()


def test_other_threads_run_while_one_computes():
    frames = FrameSpec(length_samples=4096, hop_samples=1024)
    analysis = Analysis(bank=Bank(freqs_hz=np.linspace(50, 3000, 400)), frames=frames, fs_hz=8000)
    analyser = Analyser(analysis, way=Way.DIRECT)
    x, out = noise(4096 + 3999 * 1024), np.empty((4000, 400), np.complex64)
    analyser.compute(x[:4096], out[:1])
    thread = threading.Thread(target=analyser.compute, args=(x, out))
    moments = [time.perf_counter()]
    thread.start()
    while thread.is_alive():
        moments.append(time.perf_counter())
    pauses = np.diff(moments)
    assert pauses.max() < pauses.sum() / 2  # and not as long as the computation


@pytest.mark.parametrize(
    ("samples", "out", "message"),
    [
        (np.zeros(99, np.float32), np.zeros((1, 2), np.complex64), "1 frames need 100 contiguous samples"),
        (np.zeros(100), np.zeros((1, 2), np.complex64), "samples are float64"),
        (np.zeros(200, np.float32)[::2], np.zeros((1, 2), np.complex64), "contiguous"),
        (np.zeros(100, np.float32), np.zeros((1, 3), np.complex64), r"shape \(1, 3\)"),
        (np.zeros(100, np.float32), np.zeros((1, 2), np.complex128), "out is complex128"),
    ],
)
def test_wrong_arrays_are_refused(samples, out, message):
    frames = FrameSpec(length_samples=100, hop_samples=50)
    analyser = Analyser(Analysis(bank=Bank(freqs_hz=np.array([1.0, 2])), frames=frames, fs_hz=8000))
    with pytest.raises(SpecError, match=message):
        analyser.compute(samples, out)


def test_no_frames_are_no_work():
    frames = FrameSpec(length_samples=100, hop_samples=50)
    analyser = Analyser(Analysis(bank=Bank(freqs_hz=np.array([1.0, 2])), frames=frames, fs_hz=8000))
    analyser.compute(np.zeros(0, np.float32), np.zeros((0, 2), np.complex64))
    assert not analyser._worker._memories


def test_only_single_and_double_precision_exist():
    frames = FrameSpec(length_samples=100, hop_samples=50)
    with pytest.raises(SpecError, match="dtype is float16"):
        Analyser(Analysis(bank=Bank(freqs_hz=np.array([1.0])), frames=frames, fs_hz=8000), np.float16)
