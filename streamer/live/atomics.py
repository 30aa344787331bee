"""Memory ordering for compiled code: what one process publishes, another sees whole.

Plain loads and stores will not do: numba hoists a load out of a loop that waits for it, and on ARM neither
is ordered against the samples it announces.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import types
from numba.extending import intrinsic


def _pointer(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    return builder.gep(context.make_array(array_type)(context, builder, array).data, [index])


@intrinsic
def load_acquire(_typing: Any, array: Any, index: Any) -> tuple[Any, Callable[..., Any]]:
    """Element `index`, seen before anything this code reads afterwards; array: int64, contiguous, of any shape."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], args[0], args[1])
        return builder.load_atomic(pointer, ordering="acquire", align=8)

    return types.int64(array, types.intp), generate


@intrinsic
def store_release(_typing: Any, array: Any, index: Any, value: Any) -> tuple[Any, Callable[..., Any]]:
    """Set element `index`, seen after everything this code wrote before."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], args[0], args[1])
        builder.store_atomic(args[2], pointer, ordering="release", align=8)
        return context.get_dummy_value()

    return types.void(array, types.intp, types.int64), generate


@intrinsic
def fence(_typing: Any) -> tuple[Any, Callable[..., Any]]:
    """Nothing moves across this line, in either direction."""

    def generate(context: Any, builder: Any, _signature: Any, _args: Any) -> Any:
        builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.void(), generate
