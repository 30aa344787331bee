"""What stands in the arrays that the loops of hearing read and write, and the limits they go by.

Arrays: values (frames, bands) complex64; ring (RING, bands) complex64, noise (RING, bands) and top (RING, 2 * TOPS)
float32, of the last frames, frame k in row k % RING; tones (rows, COLUMNS) float64; book int64 [next id, frames done];
notes (n, NOTE_COLUMNS) float64. Frequencies are counted in bands, which lie one bin of the window apart; times in
frames; powers are |X|^2.
"""

FRAMES_PER_WINDOW = 8
RING = 64
TOPS = 4  # of the strongest lines of a frame, for what else sounds
MOST_LINES = 48  # in a frame
ROWS = 32
SEEN = FRAMES_PER_WINDOW // 2  # frames after the first in which it is seen, it is told that it rises
LATE = FRAMES_PER_WINDOW // 2 + 1  # a frame so long ago was full, if the tone is on now
SETTLE = FRAMES_PER_WINDOW + 2  # frames from the first in which anything is seen
SETTLE_MOST = 3 * FRAMES_PER_WINDOW
SHORTEST = 0.75 * FRAMES_PER_WINDOW  # what lasts less is no tone
HOLE = 2  # frames; longer ones are for the grammars to bridge
STRAY = 3  # frames without a line of its own
EVERY = 2 * FRAMES_PER_WINDOW  # frames between notes of a tone that goes on
AROUND = 16  # bands on either side, whose noise is a band's

OPEN, STAYS = 16.0, 6.0  # over the noise: 12 and 8 dB
SPUR = 1e-4  # of the strongest: 40 dB
REACH, RISING_REACH = 0.8, 1.5  # bands that a line may lie off its tone, off one that rises
CLEAR = 2.5  # bands beside a tone, where another begins
FLAT = 1.25  # of power from frame to frame: a tone full in its window grows no more
FALLING = 2.0  # of power: under its most by more, a tone that rises is on its way out, and its line wanders
GONE = 10.0  # of power: a tone that rises and swells falls by less
FOLLOW = 1 / 16  # how fast the level follows

# columns of a tone
STATE, AT, FIRST, LEVEL, START, OFF, STRAYED, FROM, NEXT = 0, 1, 2, 3, 4, 5, 6, 7, 8
N, TURN, TURN2, POWER, NOISE, OTHER, OTHER2, ID, TOLD, POWER2 = 9, 10, 11, 12, 13, 14, 15, 16, 17, 18
COLUMNS = 19
FREE, RISING, SETTLED = 0.0, 1.0, 2.0

# columns of a note
NOTE_FRAME, NOTE_KIND, NOTE_ID, NOTE_START, NOTE_STOP, NOTE_AT, NOTE_POWER, NOTE_NOISE = (
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
)
NOTE_OTHER, NOTE_OTHER2, NOTE_TURNS, NOTE_FULL, NOTE_SWELL = 8, 9, 10, 11, 12
NOTE_COLUMNS = 13
RISES, BEGINS, GOES_ON, STOPS = -1.0, 0.0, 1.0, 2.0
