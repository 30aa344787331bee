"""What the tests of sources read, and how: files and pipes with known samples in them."""

import os
import shutil
import sys
import threading

import numpy as np
import pytest
import soundfile as sf

from streamer.base.errors import SourceError
from streamer.sources import open_source, parse_source

RNG = np.random.default_rng(11)
STEREO = RNG.uniform(-0.9, 0.9, (5000, 2)).astype(np.float32)
WAV_SUBTYPES = ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ALAW", "ULAW"]


def read_all(source, block_samples=1000):
    blocks = [block.copy() for block in source.read_blocks(block_samples)]
    for block in blocks:
        assert block.dtype == np.float32
        assert block.flags.c_contiguous
        assert 1 <= len(block) <= block_samples
    samples = np.concatenate(blocks) if blocks else np.empty((0, source.info.channels), np.float32)
    assert samples.shape[1] == source.info.channels
    return samples


def read_source(text, block_samples=1000, **options):
    with open_source(parse_source(str(text), **options)) as source:
        return read_all(source, block_samples)


def read_until_it_fails(text, **options):
    """What was delivered, and the error after it."""
    blocks = []
    with open_source(parse_source(str(text), **options)) as source:
        with pytest.raises(SourceError) as caught:
            blocks.extend(block.copy() for block in source.read_blocks(1000))
        return np.concatenate(blocks), str(caught.value)


class Piped:
    """Standard input with these bytes in it, written as its reader takes them."""

    def __init__(self, *pieces):
        self.fd, self._write_fd = os.pipe()
        self._writer = threading.Thread(target=self._write, args=(pieces,))
        self._writer.start()

    def _write(self, pieces):
        try:
            for piece in pieces:
                os.write(self._write_fd, piece)
        except BrokenPipeError:
            pass
        finally:
            os.close(self._write_fd)

    def __enter__(self):
        return self.fd

    def __exit__(self, *_):
        os.close(self.fd)
        self._writer.join()


def read_stdin(*pieces, block_samples=1000, **options):
    with Piped(*pieces) as fd, open_source(parse_source("-", **options), stdin_fd=fd) as source:
        return read_all(source, block_samples)


def write_wav(path, samples=STEREO, subtype="PCM_16", file_format="WAV", fs_hz=8000):
    sf.write(path, samples, fs_hz, subtype=subtype, format=file_format)
    return path


def wav_bytes(tmp_path, **options):
    return write_wav(tmp_path / "made.wav", **options).read_bytes()


def as_read_by_soundfile(path):
    return sf.read(path, dtype="float32", always_2d=True)[0]


def python(code):
    return f'cmd:{sys.executable} -c "{code}"'


def program(name):
    return shutil.which(name) or pytest.skip(f"{name}, which makes the material, is not installed")
