import numpy as np
import pytest
import soundfile as sf

from streamer.sources.formats.pcm import bytes_per_value, decode, encode, silence_nonfinite
from streamer.sources.spec import RAW_FORMATS
from tests.sources.reading import RNG, STEREO, read_stdin


@pytest.mark.parametrize(
    ("sample_format", "subtype"),
    [
        ("s16le", "PCM_16"),
        ("s24le", "PCM_24"),
        ("s32le", "PCM_32"),
        ("f32le", "FLOAT"),
        ("f64le", "DOUBLE"),
        ("u8", "PCM_U8"),
        ("alaw", "ALAW"),
        ("ulaw", "ULAW"),
    ],
)
@pytest.mark.parametrize("endian", ["LITTLE", "BIG"])
def test_raw_samples_decode_exactly_as_in_libsndfile(sample_format, subtype, endian, tmp_path):
    if endian == "BIG":
        sample_format = sample_format.replace("le", "be")
    path = tmp_path / "x.raw"
    content = RNG.integers(0, 256, 24_000, dtype=np.uint8).tobytes()
    if sample_format[0] == "f":
        order = "<" if endian == "LITTLE" else ">"
        content = STEREO.astype(
            f"{order}f{sample_format[1:3]}"[:2] + str(int(sample_format[1:3]) // 8)
        ).tobytes()
    path.write_bytes(content)
    options = {"samplerate": 8000, "channels": 1, "format": "RAW", "subtype": subtype, "endian": endian}
    expected, _ = sf.read(path, dtype="float32", **options)
    assert np.array_equal(decode(content, sample_format), expected)
    samples = read_stdin(content, sample_format=sample_format, rate_hz=8000.0)
    assert np.array_equal(samples[:, 0], expected)


def test_every_raw_format_has_a_decoder():
    for sample_format in RAW_FORMATS:
        assert len(decode(bytes(10 * bytes_per_value(sample_format)), sample_format)) == 10


def test_what_is_beyond_full_scale_is_cut_off():
    block = np.array([[2.0], [-2.0], [0.5]], np.float32)
    assert decode(encode(block, "s16le"), "s16le").tolist() == [32767 / 32768, -1.0, 0.5]


def test_what_is_no_signal_becomes_silence_and_is_counted():
    block = np.array([[0.5, np.nan], [1e12, -1e13], [np.inf, 0]], np.float32)
    assert silence_nonfinite(block) == 3
    assert block.tolist() == [[0.5, 0], [np.float32(1e12), 0], [0, 0]]
