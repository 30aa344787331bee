"""What stands in the arrays that the loops of presence read and write, and the limits they go by.

sights (RING, tones, COLUMNS) float64, of the last frames, frame k in row k % RING: what it shows at each of the tones.
Powers are mean squares.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamer.base.units import power_from_db

RUN_FRAMES = 64
RING = 128

HZ = 0  # of the line, nan where there is none within the tolerance
POWER = 1
# What it has to be over, in the order of an Agreement: the strongest beside it, all else in the band of the tones, the
# noise around it, in a bin, and the strongest bin above that band.
REST, ALL_ELSE, NOISE, ABOVE = OTHERS = (2, 3, 4, 5)
HARMONICS = 6  # a bit for each multiple, from the lowest on, at which there is one
COLUMNS = 7

NEAREST, FARTHEST = 3, 8  # bins on either side that are around a line: beyond the main lobe
LOWEST_MULTIPLE, HIGHEST_MULTIPLE = 2, 6
PROMINENT = 5.0  # 7 dB over what is around it: a line
MAINS_HZ = EUROPES_HZ, AMERICAS_HZ = 50.0, 60.0
# As near to a multiple of the mains, and as far off one of the tone's: it is hum.
MAINS_OFF_HZ, OFF_BINS = 0.6, 0.2
LEAST_POWER = 1e-20
HANN_BINS = 1.5  # by so much is a line counted more than once in the sum of all bins
DOUBT_BINS = 0.6  # how far off a frame's frequency is by noise as loud as the line


class Agreement(NamedTuple):
    """So many frames in a row that agree, and what else they must be like: the fewer, the plainer."""

    frames: int
    spread_hz: float
    spread_db: float
    over_rest_db: float  # over what stands closest beside it
    over_all_else_db: float  # over all in the band of the tones
    over_noise_db: float
    over_above_db: float  # over voices and music: beside those it takes longer to be sure
    share_of_tolerance: float  # frames that it fills in part alone say less exactly where it lies

    def as_row(self) -> list[float]:
        """With ratios of powers in the place of decibels."""
        frames, spread_hz, *levels_db, share = self
        return [frames, spread_hz, *map(power_from_db, levels_db), share]


# the last is for tones in the noise of a channel: what is so weak is a voice's own where the band holds more than noise
AGREEMENTS = (
    #         frames, Hz, dB, over the rest, all else, noise and above, share of the tolerance
    Agreement(2, 0.2, 1.5, 15, 10, 15, 20, 0.5),
    Agreement(5, 0.5, 2.0, 9, 3, 13, 20, 0.6),
    Agreement(13, 0.8, 3.0, 4, -30, 11, -99, 1.0),
    Agreement(21, 2.4, 6.0, 3, -5, 8, -99, 1.0),
)


# sorted at once
MOST_VALUES = max(2 * (FARTHEST - NEAREST + 1), *(agreement.frames for agreement in AGREEMENTS))


def make_agreements() -> NDArray[np.float64]:
    """A row each, as the loop has them."""
    return np.array([agreement.as_row() for agreement in AGREEMENTS])
