"""At full speed: recordings and arrays to events and spectrograms.

Two roads. `detect`: a recording to events, `relay` in pieces, and `jobs` several in the processes of a `pool`, which
archives work in too.
`spectrogram`: an array to values, by `threads`; and hours of a recording to files, where `pieces` measures and `export`
writes into stores.

May import: base, sources, analysis, events, detectors, plans, stores. Imported by: commands and the front door.
"""

from collections.abc import Callable

Progress = Callable[
    [str, float, float | None], None
]  # a recording's name, seconds done, seconds in all if known
