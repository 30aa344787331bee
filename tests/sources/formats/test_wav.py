import struct

import numpy as np
import pytest
import soundfile as sf

from streamer.sources import open_source, parse_source
from tests.sources.reading import (
    STEREO,
    WAV_SUBTYPES,
    Piped,
    as_read_by_soundfile,
    read_all,
    read_stdin,
    wav_bytes,
)


@pytest.mark.parametrize("subtype", WAV_SUBTYPES)
@pytest.mark.parametrize("endian", ["LITTLE", "BIG"])
def test_a_wav_header_in_a_pipe_is_recognised(subtype, endian, tmp_path):
    path = tmp_path / "x.wav"
    sf.write(path, STEREO, 44100, subtype=subtype, format="WAV", endian=endian)
    with Piped(path.read_bytes()) as fd, open_source(parse_source("-"), stdin_fd=fd) as source:
        assert (source.info.name, source.info.fs_hz, source.info.channels) == ("stdin", 44100, 2)
        assert np.array_equal(read_all(source), as_read_by_soundfile(path))


def test_chunks_around_the_samples_are_not_samples(tmp_path):
    content = wav_bytes(tmp_path)
    odd = b"LIST" + struct.pack("<I", 5) + b"hello\0"
    content = content[:36] + odd + content[36:] + odd
    samples = read_stdin(content)
    assert np.array_equal(samples, as_read_by_soundfile(tmp_path / "made.wav"))
