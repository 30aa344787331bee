"""What compiled loops and those who call them have to agree on."""

from __future__ import annotations

LOWEST_REST_HZ, HIGHEST_REST_HZ = 280.0, 3500.0  # where speech, and most else that is no tone, is strongest

# Where find_burst writes what it has found; tones, at most two, side by side.
N_HOLES, STARTS, STOPS, LEVELS = 0, 1, 3, 5
ORIGIN, N_FRAMES, N_TONES = 7, 8, 9  # the envelopes' first frame, their length, and how many there are
HOLES = 10  # of each, the newest first, from and to

# The rows of a desk, which spectra are worked out on: four of parts, three spectra, samples without their lines, those
# before, what is put in order, and two for what else there is to work out.
PARTS, POWER, REST, SAMPLES, ORDER, MORE, N_DESK_ROWS = 0, 4, 7, 8, 9, 10, 12
