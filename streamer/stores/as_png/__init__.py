"""A spectrogram as a PNG picture: pooled while it is measured, drawn at the end.

`figure` is the store; it lets `pooling` keep the loudest of what falls into a pixel, `layout` say what is where,
`ticks` how axes are marked, and `sheet`, the only importer of Pillow, draw.

May import: what stores may. Imported by: stores, for a file that ends in .png, and commands, for its Style.
"""
