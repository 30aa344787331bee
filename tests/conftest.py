"""What all tests share."""

from __future__ import annotations

import os

from hypothesis import settings

# The first example of a test may compile kernels, and shared machines stall: time is not what is tested.
settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")
