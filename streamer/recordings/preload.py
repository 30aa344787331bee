"""What the process server loads once for `detect -j`: whatever listening to a recording takes."""

import numpy.fft  # noqa: F401

from streamer.detectors.dtmf import kind  # noqa: F401
from streamer.recordings import jobs  # noqa: F401
from streamer.sources import path  # noqa: F401
from streamer.sources.formats import wav  # noqa: F401
