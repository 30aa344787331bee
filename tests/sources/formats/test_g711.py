import numpy as np
import pytest
import soundfile as sf

from streamer.sources.formats.g711 import LAWS, compand, decode_table


@pytest.mark.parametrize("law", LAWS)
def test_every_octet_decodes_as_in_libsndfile(law, tmp_path):
    path = tmp_path / "octets.raw"
    path.write_bytes(bytes(range(256)))
    expected, _ = sf.read(path, dtype="int16", samplerate=8000, channels=1, format="RAW", subtype=law.upper())
    assert np.array_equal(decode_table(law), expected)


@pytest.mark.parametrize("law", LAWS)
def test_what_has_been_companded_once_is_not_changed_again(law):
    values = decode_table(law) / 32768
    assert np.array_equal(compand(values, law), values)


@pytest.mark.parametrize("law", LAWS)
def test_companding_picks_the_nearest_value_there_is(law):
    samples = np.random.default_rng(1).uniform(-1.1, 1.1, 2000)
    values = decode_table(law) / 32768
    nearest = np.abs(samples[:, None] - values).min(axis=1)
    assert np.abs(compand(samples, law) - samples) == pytest.approx(nearest, abs=1e-12)
