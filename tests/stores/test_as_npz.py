"""NPZ files are what numpy would have saved."""

from __future__ import annotations

import numpy as np
import pytest

from tests.stores.storing import FS, SCALES, export, measure


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scale", SCALES)
def test_npz_is_what_numpy_would_have_saved(recording, scale, dtype):
    expected = measure(recording, scale=scale, dtype=dtype, start_s=0.5)
    with np.load(export(recording, ".npz", scale=scale, dtype=dtype, start_s=0.5)) as read:
        np.testing.assert_array_equal(read["values"], expected.values)
        assert read["values"].dtype == expected.values.dtype
        np.testing.assert_array_equal(read["freqs_hz"], expected.freqs_hz)
        np.testing.assert_allclose(read["times_s"], expected.times_s + 0.5, rtol=1e-12)
        np.testing.assert_array_equal(read["starts"], expected.starts + FS // 2)
        assert read["labels"].tolist() == list(expected.bank.labels)
        about = {
            name: read[name].item() for name in ("scale", "window", "window_length", "hop_length", "source")
        }
        assert about == {
            "scale": scale,
            "window": "hann",
            "window_length": 256,
            "hop_length": 64,
            "source": "noise.wav",
        }
        assert read["fs_hz"] == FS
        assert read["enbw_hz"] == expected.enbw_hz


def test_of_bands_npz_has_edges_and_windows_and_of_probes_none(recording):
    with np.load(export(recording, ".npz", bands="bark:50-3k")) as read:
        assert read["edges_hz"][[0, -1]].tolist() == [[20, 100], [2700, 3150]]
        assert set(read["window_samples"]) == {256}
    with np.load(export(recording, ".npz")) as read:
        assert not {"edges_hz", "window_samples"} & set(read)
