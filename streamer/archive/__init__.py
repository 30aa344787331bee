"""Archives: many recordings, on one machine or many, one result that does not show how it was come by.

inventory finds the recordings, grid cuts them into tasks, driver has an executor do them, work is what is done, in
whatever process; spectra and found are what it writes, ledger what is done. scan ties them together. A task is small,
says everything that its worker must know, and writes whole files only: done twice, or again after a kill, it leaves
the same.

    paths -> inventory -> recordings -> grid -> tasks -> driver (executor: work) -> done -> ledger
                                                                                 -> spectra.zarr, events

May import: base, sources, analysis, events, detectors, plans, stores, recordings. Imported by: commands.
"""
