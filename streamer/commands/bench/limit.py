"""The processor's own limit: multiply-adds per second that one core can do."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import intrinsic
from numpy.typing import NDArray

from streamer.analysis.kernels.vectors import Vectors
from streamer.commands.bench.cases import best_seconds


def measure_limit(dtype: Any) -> float:
    """Multiply-adds per second of one core, on as many lanes as it has."""
    sums = np.full(12 * 64 // np.dtype(dtype).itemsize, 0.5, dtype)
    n = 100_000
    speeds = []
    for loop, n_bytes in ((_multiply_add_32, 32), (_multiply_add_64, 64)):
        lanes = n_bytes // sums.itemsize
        speeds.append(n * 12 * lanes / best_seconds(partial(loop, sums, n)))
    return max(speeds)


def _make_multiply_add_loop(n_bytes: int) -> Callable[[NDArray[Any], int], None]:
    @intrinsic
    def multiply_add(_: Any, sums: Any, n: Any) -> Any:  # noqa: ARG001
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
            v = Vectors(context, builder, sums, n_bytes)
            zero = args[1].type(0)
            places = [v.offset(v.pointer(sums, args[0], zero), i * v.lanes) for i in range(12)]
            starts = [v.load(place) for place in places]
            a, b = starts[0], starts[1]
            ends = v.repeat(args[1], starts, lambda _, totals: [v.add_product(t, a, b) for t in totals])
            for end, place in zip(ends, places, strict=True):
                v.store(end, place)
            return context.get_dummy_value()

        return types.void(sums, types.intp), generate

    @njit(nogil=True)
    def loop(sums, n):  # type: ignore[no-untyped-def]
        multiply_add(sums, n)

    compiled: Callable[[NDArray[Any], int], None] = loop
    return compiled


_multiply_add_32 = _make_multiply_add_loop(32)
_multiply_add_64 = _make_multiply_add_loop(64)
