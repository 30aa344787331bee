"""What hearing is made of, whatever the decision: when tones start and stop, and what stands in a spectrum.

A detector is two things. Its hearing is a function of the samples and levels from a stated halo before a stretch
to the end of it, and of nothing older: asked again, in another order, in another process or of a piece cut out of
the middle, it says the same. Its grammar is the only state: it is told in order what was heard, and decides events.
dtmf/ is cut along this line; in tones/ a candidate hears, and the detector, which opens and closes it, is the grammar.

bursts: edges and holes in envelopes, and Trail, which keeps the envelopes' last frames. lines: the samples.
baseband: tones brought down to 0 Hz, and their edges behind tapers of several lengths.
What is asked often is compiled: burst_loops and spectra_loops are bursts and lines without a call of Python's and
without memory of their own, desk is where they work, and places what they and their callers agree on; probe_loops says
what a frame shows of single tones, sight_loops of a set of close ones. A kind of decision makes its questions of them,
and calls these through the kernels' store: compiled.py, dtmf/loops.py, dtmf/compiled.py.

May import: base, analysis. Imported by: detectors.
"""
