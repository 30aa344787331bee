"""What the process server loads once, so that every child forked from it has compiled kernels at hand."""

from streamer import analyser, dashboard, kernels, ring  # noqa: F401

kernels.warm()
ring.warm()
