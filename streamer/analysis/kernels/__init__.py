"""The compiled loops: samples in, X(f) = sum w[n] x[n] exp(-2j pi f n / fs) out.

A frame is cut into pieces of 2 * half samples. A piece is folded about its centre: sums of the samples that
mirror each other meet cosines, differences meet sines, so that a piece costs one multiply-add per sample and
band, and the folding is shared by all bands. Pieces are then joined two by two, each join turning the later
one by a complex factor: Goertzel's recurrence as a tree, without a chain to wait for or an error that grows.

What is summed once is a stretch. Where frames have nothing to share, a stretch is a frame, tapered as it is
folded. Where they overlap much and the taper is a sum of cosines, a stretch is one hop, summed plainly at
every band and its neighbours in frequency: a frame is the join of its stretches, and the taper a weighted sum
over the neighbours. Both ways run through the same loops (`stretches`). Banks so large that a fine grid of
frequencies is transformed instead (`transforms`) are read between its points (`grids`). Bands are sums of the powers
found (`powers`).

Arrays are flat, of float32 or float64, and sizes count elements. A tile is a few bands side by side in
registers: `lanes` real parts, then as many imaginary ones; of half as many bands both in turn, which fill registers
too. Every sum of a row and a band is a chain of its
own in a fixed order, so the bits of a value depend on the frame's samples and the analysis alone: how rows
and bands are dealt out to tiles, groups, batches and calls is only a schedule.

`inner` has the loops inside, `vectors` writes their machine code, `store` loads it, from where it is `kept`, and
`compiled` is what others call.

May import: base, in kept alone. Imported by: analysis; live, for the store.
"""
