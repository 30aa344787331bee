"""The judge of tone decoders: signals made from seeds, what must be heard of them, and who listens.

Nothing here knows how streamer hears: it listens as others do, by its public call, and nothing of the signals comes
from its own generator. `streamer bench decoders` runs it, and `python -m tests.family_bench` makes the guide's page.

    scenes, material, channels, rooms, codecs -> families, dtmf: what is sent -> judge: what a line asks
    decoders: who listens                     -> table: the lines of a family and what ours must reach -> run

May import: recordings, plans, base. Imported by: commands/bench.
"""
