from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.analysis.analyser import Analyser, Way
from streamer.analysis.bank import Analysis, Bank
from streamer.analysis.frames import FrameSpec
from streamer.analysis.groups import find_short_windows, fit_windows, make_groups, shorten_windows
from streamer.analysis.kernels.powers import sum_bands
from streamer.base.errors import SpecError
from streamer.plans.bands import make_analysis, parse_bank

SPECS = (
    "third-octave:50-8k",
    "octave:63-8k",
    "1/12-octave:200-2k",
    "notes:A2-C7",
    "mel:20",
    "bark",
    "erb:16",
)
BANDS_PAST_BOTH_ENDS = Bank(
    freqs_hz=np.array([100.0, 1000.0, 3500.0]), edges_hz=np.array([[0, 500], [500, 2000], [2000, 5000]])
)


def analysis_of(spec: str, fs_hz: float = 48000, **words: object) -> Analysis:
    return make_analysis(parse_bank(spec, fs_hz), fs_hz, **words)  # type: ignore[arg-type]


def measure(analysis: Analysis, samples: np.ndarray, dtype: str = "float64") -> np.ndarray:
    """(frames, bands) powers."""
    n_frames = analysis.frames.frames_within(len(samples))
    out = np.full((n_frames, len(analysis.bank)), np.nan, dtype)
    Analyser(analysis, dtype).compute(samples.astype(dtype), out)
    return out


def sine(freq_hz: float, analysis: Analysis, *, phase: float = 0.0) -> np.ndarray:
    """As long as one frame, of amplitude 1."""
    t = np.arange(analysis.frames.length_samples) / analysis.fs_hz
    return np.sin(2 * np.pi * freq_hz * t + phase)


def level_db(analysis: Analysis, freq_hz: float, band: int, *, phase: float = 0.0) -> float:
    return float(10 * np.log10(2 * measure(analysis, sine(freq_hz, analysis, phase=phase))[0, band]))


@settings(max_examples=60, deadline=None)
@given(
    spec=st.sampled_from(SPECS),
    fs_hz=st.sampled_from([48000, 44100]),
    place=st.floats(0.15, 0.85),
    which=st.floats(0, 0.999),
    phase=st.floats(0, 6.28),
)
def test_a_steady_sine_reads_its_level_wherever_it_lies_15_percent_from_an_edge(
    spec, fs_hz, place, which, phase
):
    analysis = analysis_of(spec, fs_hz)
    band = int(which * len(analysis.bank))
    low_hz, high_hz = analysis.bank.edges_hz[band]
    assert level_db(analysis, low_hz + place * (high_hz - low_hz), band, phase=phase) == pytest.approx(
        0, abs=0.5
    )


@settings(max_examples=40, deadline=None)
@given(spec=st.sampled_from(SPECS), which=st.floats(0, 0.999), phase=st.floats(0, 6.28))
def test_a_steady_sine_at_the_edge_of_two_bands_reads_half_its_power_in_both(spec, which, phase):
    analysis = analysis_of(spec)
    band = int(which * (len(analysis.bank) - 1))
    edge_hz = analysis.bank.edges_hz[band, 1]
    both = [level_db(analysis, edge_hz, k, phase=phase) for k in (band, band + 1)]
    assert both == pytest.approx([-3.01, -3.01], abs=0.15)


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("window", ["hann", "hamming", "blackman", "flattop", "kaiser:8.6"])
def test_the_expected_power_of_white_noise_is_that_of_its_width(spec, window):
    """White noise of power 1 has a power of width / (fs/2); E|X|^2 is the sum of the squared window."""
    analysis = analysis_of(spec, window=window)
    for group in make_groups(analysis):
        expected = np.add.reduceat(group.weights, group.ends[:-1]) * np.sum(group.sums.frames.taper**2)
        error_db = 10 * np.log10(expected / (analysis.bandwidths_hz[group.columns] / 24000))
        assert abs(error_db).max() < 0.2


def test_bands_of_one_window_share_out_every_bin_between_their_outer_edges():
    analysis = analysis_of("third-octave:50-8k", window_length="1s")
    (group,) = make_groups(analysis)
    total = np.zeros(len(group.sums.bank))
    for first, start, end in zip(group.firsts, group.ends[:-1], group.ends[1:], strict=True):
        total[first : first + end - start] += group.weights[start:end]
    inside = total[1:-1] * 48000 * np.sum(group.sums.frames.taper**2) / 2
    assert inside == pytest.approx(1.0)


def test_the_powers_of_touching_bands_add_up_to_that_of_what_lies_between_them():
    """Sines of chance frequencies over 10 s; each by itself would be the hardest near an edge of two windows."""
    rng = np.random.default_rng(5)
    analysis = analysis_of("third-octave:100-3k", 8000)
    low_hz, high_hz = analysis.bank.edges_hz[[0, -1], [0, 1]]
    t = np.arange(80000) / 8000
    for freq_hz in [*rng.uniform(low_hz * 1.05, high_hz * 0.97, 20), *analysis.bank.edges_hz[1:-1, 0]]:
        powers = measure(analysis, np.sin(2 * np.pi * freq_hz * t), "float32").mean(axis=0)
        assert 10 * np.log10(2 * powers.sum()) == pytest.approx(0, abs=0.5)


def test_a_whistle_swept_through_all_bands_is_never_lost_between_two():
    """At most a tenth of a band per longest window, where bands are widest: slower than it need be below."""
    analysis = analysis_of("third-octave:200-3k", 8000)
    low_hz, high_hz = analysis.bank.edges_hz[[0, -1], [0, 1]]
    longest_s = analysis.frames.length_samples / 8000
    octaves_a_second = 0.1 / 3 / longest_s
    seconds = np.log2(high_hz / low_hz / 1.1) / octaves_a_second
    t = np.arange(round(seconds * 8000)) / 8000
    turns = low_hz * 1.05 * (2 ** (octaves_a_second * t) - 1) / (octaves_a_second * np.log(2))
    loudest = measure(analysis, 10**-0.5 * np.sin(2 * np.pi * turns), "float32").max(axis=1)
    assert 10 * np.log10(2 * loudest.min()) > -13.5


@pytest.mark.parametrize("fs_hz", [8000, 44100, 48000, 96000])
@pytest.mark.parametrize("hop", ["25%", "50%", "100%", "10ms", "311"])
def test_windows_are_as_long_as_bands_need_and_have_one_middle(fs_hz, hop):
    analysis = analysis_of("third-octave:50-3k", fs_hz, hop=hop)
    windows, longest = analysis.window_samples, analysis.frames.length_samples
    width_hz = np.diff(analysis.bank.edges_hz, axis=1)[:, 0]
    assert (windows >= 8 * fs_hz / width_hz - 1e-6).all()
    assert (windows % analysis.frames.hop_samples == 0).all()
    assert ((longest - windows) % 2 == 0).all()
    assert longest == windows.max() <= 8 * fs_hz / width_hz[0] + 2 * analysis.frames.hop_samples
    assert (np.diff(windows) <= 0).all()
    for group in make_groups(analysis):
        assert 2 * group.skip_samples + group.sums.frames.length_samples == longest
    assert not find_short_windows(analysis).any()


def test_a_given_length_holds_for_all_bands():
    analysis = analysis_of("third-octave:50-8k", window_length="85ms")
    assert set(analysis.window_samples) == {4080}
    assert find_short_windows(analysis).sum() == 10  # those of less than 94 Hz, up to 400


def test_a_signal_shorter_than_the_longest_window_is_measured_in_windows_of_at_most_half_of_it():
    frames = FrameSpec(length_samples=680, hop_samples=170)
    bank = parse_bank("notes:A1-A4", 8000)
    assert fit_windows(bank, 8000, frames).frames.length_samples == 20400
    short = shorten_windows(fit_windows(bank, 8000, frames), 16000)
    assert short.frames.length_samples == 7820  # an even number of hops
    assert find_short_windows(short).any()
    assert not find_short_windows(short)[-1]
    narrow = fit_windows(parse_bank("notes:A1-B1", 8000), 8000, frames)
    assert set(narrow.window_samples) == {20400}
    assert set(shorten_windows(narrow, 16000).window_samples) == {7820}
    assert shorten_windows(narrow, 20400) is narrow


def test_a_band_too_narrow_for_any_window_is_named_with_the_ways_out():
    with pytest.raises(
        SpecError, match=r"band 0\.001.* needs a window of .* leave it out, ask for wider bands"
    ):
        analysis_of("third-octave:0.001-1", 8000)


def test_a_band_may_begin_at_0_and_end_beyond_half_the_rate_where_there_is_nothing():
    analysis = Analysis(
        bank=BANDS_PAST_BOTH_ENDS, frames=FrameSpec(length_samples=800, hop_samples=200), fs_hz=8000
    )
    noise = measure(analysis, np.random.default_rng(1).normal(size=8000 * 40)).mean(axis=0)
    assert 10 * np.log10(noise / [500 / 4000, 1500 / 4000, 2000 / 4000]) == pytest.approx(0, abs=0.2)
    assert analysis.bandwidths_hz == pytest.approx([500, 1500, 2000])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_probes_among_bands_read_what_they_read_alone(dtype):
    x = np.random.default_rng(3).normal(size=24000)
    mixed = analysis_of("440+1234+bark:1k-3k", 8000, window_length="100ms")
    alone = measure_probes(np.array([440.0, 1234.0]), mixed, x, dtype)
    at = [list(mixed.bank.freqs_hz).index(hz) for hz in (440.0, 1234.0)]
    assert measure(mixed, x, dtype)[:, at] == pytest.approx(alone, rel=1e-5)


def measure_probes(freqs_hz: np.ndarray, like: Analysis, samples: np.ndarray, dtype: str) -> np.ndarray:
    analysis = Analysis(bank=Bank(freqs_hz=freqs_hz), frames=like.frames, fs_hz=like.fs_hz)
    analyser = Analyser(analysis, dtype)
    out = np.empty((like.frames.frames_within(len(samples)), freqs_hz.size), analyser.value_dtype)
    analyser.compute(samples.astype(dtype), out)
    return np.abs(out) ** 2 * analysis.amplitude_per_value**2 / 2


@pytest.mark.parametrize("way", [None, *Way])
def test_powers_are_the_sums_of_the_spectrum_between_the_edges_whatever_the_way(way):
    """Against a transform, with the share of the cut bins by its definition: -3 dB at the edge."""
    analysis = analysis_of("third-octave:500-2k", 8000, window_length="200ms")
    n = analysis.frames.length_samples
    x = np.random.default_rng(2).normal(size=n)
    out = np.empty((1, len(analysis.bank)))
    Analyser(analysis, "float64", way=way).compute(x, out)
    taper = analysis.frames.taper
    spectrum = np.abs(np.fft.rfft(x * taper)) ** 2
    for (low_hz, high_hz), power in zip(analysis.bank.edges_hz, out[0], strict=True):
        below = [_count_below(edge * n / 8000, taper) for edge in (low_hz, high_hz)]
        expected = np.sum((below[1] - below[0]) * spectrum) * 2 / (n * np.sum(taper**2))
        assert power == pytest.approx(expected, rel=1e-5)


def _count_below(edge_bins: float, taper: np.ndarray) -> np.ndarray:
    """How much of each bin is below an edge, so that half of a sine there is."""
    n = taper.size
    of_a_sine = np.abs(np.fft.fft(taper * np.exp(2j * np.pi * edge_bins * np.arange(n) / n))) ** 2
    nearest = round(edge_bins)
    order = (np.arange(nearest - n // 2, nearest + n // 2)) % n
    half = of_a_sine.sum() / 2
    cut = (half - of_a_sine[order[: n // 2]].sum()) / of_a_sine[nearest]
    bins = np.arange(n // 2 + 1)
    return np.where(bins < nearest, 1.0, np.where(bins == nearest, cut, 0.0))


@pytest.mark.parametrize("kernel", [sum_bands, sum_bands.py_func])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sum_bands_weighs_the_powers_of_each_bands_values(kernel, dtype):
    rng = np.random.default_rng(4)
    values = rng.normal(size=(3, 7, 2)).astype(dtype)
    columns, firsts, steps, ends = map(np.array, ([3, 0], [1, 2], [7, 7], [0, 4, 9]))
    weights = rng.uniform(size=9)
    out = np.full((3, 4), -1.0, dtype)
    orders, cosines = np.array([1, 0]), np.array([[0.5, -0.25], [1.0, 0.0]])
    made_of = (firsts, steps, orders, cosines.ravel(), 2, ends, weights, columns)
    kernel(3, values.reshape(-1), *made_of, out.reshape(-1), 0, 4)
    z = values[..., 0].astype(np.float64) + 1j * values[..., 1]
    tapered = z[:, 1:5] / 2 - (z[:, 0:4] + z[:, 2:6]) / 4
    assert out[:, 3] == pytest.approx(np.abs(tapered) ** 2 @ weights[:4])
    assert out[:, 0] == pytest.approx(np.abs(z[:, 2:7]) ** 2 @ weights[4:])
    assert (out[:, 1:3] == -1).all()


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(0, 60), max_size=5), twin=st.booleans(), seed=st.integers(0, 9))
def test_the_bits_of_a_power_do_not_depend_on_the_calls_it_came_in(cuts, twin, seed):
    analysis = analysis_of("third-octave:100-3k+dtmf", 8000)
    hop, length, n_frames = analysis.frames.hop_samples, analysis.frames.length_samples, 60
    x = np.random.default_rng(seed).normal(size=length + (n_frames - 1) * hop).astype(np.float32)
    at_once, in_runs = np.zeros((2, n_frames, len(analysis.bank)), np.float32)
    analyser = Analyser(analysis)
    analyser.compute(x, at_once)
    if twin:
        analyser = analyser.twin()
    ends = sorted({0, n_frames, *cuts})
    for first, last in pairwise(ends):
        analyser.compute(x[first * hop : length + (last - 1) * hop], in_runs[first:last])
    assert (at_once == in_runs).all()


# IEC 61260-1:2014, table 1: octaves from the middle, and the attenuation that class 1 allows there, from and to.
CLASS_1_PASS = (
    (0, -0.4, 0.4),
    (1 / 8, -0.4, 0.5),
    (1 / 4, -0.4, 0.7),
    (3 / 8, -0.4, 1.4),
    (1 / 2, -0.4, 5.3),
)
CLASS_1_STOP = ((1 / 2, 1.2), (1, 16.6), (2, 40.5), (3, 60.0), (4, 70.0))


@pytest.mark.parametrize("band", [0, 3, 10, 15])
def test_the_shape_for_steady_sines_lies_within_the_class_1_limits_of_iec_61260_1(band):
    analysis = analysis_of("third-octave:100-4k")
    middle_hz, (low_hz, high_hz) = analysis.bank.freqs_hz[band], analysis.bank.edges_hz[band]

    def attenuation_db(freq_hz: float) -> float:
        return -level_db(analysis, freq_hz, band, phase=1.0)

    for octaves, least_db, most_db in CLASS_1_PASS:
        ratio = _map_to_thirds(octaves)
        for freq_hz in (middle_hz / ratio * (1 + 1e-9), middle_hz * ratio * (1 - 1e-9)):
            assert least_db <= attenuation_db(freq_hz) <= most_db
    for octaves, least_db in CLASS_1_STOP:
        ratio = _map_to_thirds(octaves)
        for freq_hz in (middle_hz / ratio, middle_hz * ratio):
            assert attenuation_db(min(freq_hz, 23000)) >= least_db
    assert attenuation_db(low_hz) == pytest.approx(3.01, abs=0.05)
    assert attenuation_db(high_hz) == pytest.approx(3.01, abs=0.05)


def _map_to_thirds(octaves: float) -> float:
    """Ratio to the middle of a third of an octave: formula 9 of the standard."""
    ratio = 10**0.3
    return 1 + (ratio ** (1 / 6) - 1) / (ratio**0.5 - 1) * (ratio**octaves - 1)


def test_ten_seconds_of_noise_read_what_butterworth_filters_of_order_6_give():
    """They let through 0.19 dB more noise than their width, by their shape."""
    from scipy.signal import butter, sosfilt

    rng = np.random.default_rng(6)
    spectrum = np.fft.rfft(rng.normal(size=80000)) / np.sqrt(np.arange(1, 40002))
    pink = np.fft.irfft(spectrum, 80000)
    analysis = analysis_of("third-octave:100-3k", 8000)
    ours = measure(analysis, pink, "float32").mean(axis=0)
    theirs = [
        np.mean(sosfilt(butter(3, edges, "bandpass", fs=8000, output="sos"), pink) ** 2)
        for edges in analysis.bank.edges_hz
    ]
    assert 10 * np.log10(ours / theirs) == pytest.approx(-0.19, abs=0.6)


@pytest.mark.parametrize("spec", ["third-octave:100-3k+dtmf", "lin:100-800:100"])
@pytest.mark.parametrize("is_told", [True, False])
def test_sums_are_used_again_only_for_what_follows(spec, is_told):
    """Runs in order, over a gap, backwards, and of another channel: told where they lie, or not."""
    analysis = analysis_of(spec, 8000, hop="5ms")
    hop, length, n_frames = analysis.frames.hop_samples, analysis.frames.length_samples, 40
    signals = np.random.default_rng(1).normal(size=(2, length + (n_frames - 1) * hop)).astype(np.float32)
    expected = []
    for signal in signals:
        whole = np.zeros((n_frames, len(analysis.bank)), analysis.value_dtype)
        Analyser(analysis).compute(signal, whole)
        expected.append(whole)
    analyser = Analyser(analysis)
    for channel, first, count in [
        (0, 0, 3),
        (0, 3, 1),
        (1, 4, 1),
        (0, 4, 2),
        (0, 9, 1),
        (0, 8, 2),
        (1, 5, 9),
        (0, 10, 1),
    ]:
        samples = signals[channel, first * hop : length + (first + count - 1) * hop]
        out = np.zeros((count, len(analysis.bank)), analysis.value_dtype)
        analyser.compute(samples, out, channel=channel + 1, start=first * hop if is_told else None)
        assert (out == expected[channel][first : first + count]).all()
