"""A function and all that it calls, optimised by LLVM once.

numba finishes every function that is called as if it stood alone: it links in all that this calls in its turn,
optimises the whole and makes machine code of it. Of ninety functions in ten storeys the lowest is gone through dozens
of times, and again for each number that a call of it names, which takes a minute and a half. Here what is called is
translated only, and finished as a part of the function that was asked for: a sixth of the time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

_OURS = __name__.partition(".")[0] + "."


@contextmanager
def finish_once() -> Iterator[None]:
    """While this thread compiles one function, with all of ours that it calls; numba forgets the parts afterwards."""
    from numba.core import codegen, cpu, dispatcher

    job = _Job()
    with ExitStack() as stack:
        stack.callback(job.forget_parts)
        for owner, name in (
            (codegen.CPUCodeLibrary, "finalize"),
            (cpu.CPUContext, "create_cpython_wrapper"),
            (cpu.CPUContext, "get_executable"),
            (dispatcher.Dispatcher, "compile"),
            (dispatcher._DispatcherBase, "get_call_template"),
        ):
            theirs = getattr(owner, name)
            stack.callback(setattr, owner, name, theirs)
            setattr(owner, name, _replace(job, theirs, name))
        yield


def _replace(job: _Job, theirs: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Their method, but in this thread the job's, which is given theirs too."""

    def call(owner: Any, *args: Any, **options: Any) -> Any:
        if threading.get_ident() != job.thread:
            return theirs(owner, *args, **options)
        return getattr(job, name)(partial(theirs, owner), owner, *args, **options)

    return call


class _Job:
    """What some of numba's methods do meanwhile."""

    def __init__(self) -> None:
        self.thread = threading.get_ident()
        self._at_work: list[
            bool
        ] = []  # of the functions being compiled, each called by the last, which are parts
        self._parts: list[tuple[Any, tuple[Any, ...]]] = []  # their dispatchers, and for which arguments

    def get_call_template(self, theirs: Any, dispatcher: Any, args: Any, keywords: Any) -> Any:
        """One code for all numbers of a type: numba would make one for each that the text names."""
        from numba.core.types.misc import unliteral

        return theirs([unliteral(arg) for arg in args] if _is_ours(dispatcher) else args, keywords)

    def compile(self, theirs: Any, dispatcher: Any, signature: Any) -> Any:
        is_part = bool(self._at_work) and _is_ours(dispatcher)
        known = set(dispatcher.overloads)
        self._at_work.append(is_part)
        try:
            return theirs(signature)
        finally:
            self._at_work.pop()
            if is_part:
                self._parts += [(dispatcher, args) for args in dispatcher.overloads if args not in known]

    def create_cpython_wrapper(self, theirs: Any, _context: Any, *args: Any, **options: Any) -> None:
        if not self._at_work[-1]:
            theirs(*args, **options)

    def get_executable(self, theirs: Any, _context: Any, library: Any, *rest: Any) -> Any:
        if not self._at_work[-1]:
            return theirs(library, *rest)
        library._finalize_dynamic_globals()
        library._finalized = True  # as far as it goes alone
        return [].append  # something that stands for it, and is never called

    def finalize(self, theirs: Any, library: Any) -> None:
        library._linking_libraries = _list_libraries(library)
        theirs()

    def forget_parts(self) -> None:
        """Whoever calls one of them later has it compiled by itself."""
        for dispatcher, args in self._parts:
            found = dispatcher.overloads.pop(args)
            dispatcher.targetctx.remove_user_function(found.entry_point)
        for dispatcher in {id(dispatcher): dispatcher for dispatcher, _ in self._parts}.values():
            dispatcher._clear()
            for whole in list(dispatcher.overloads.values()):
                dispatcher.add_overload(whole)


def _is_ours(dispatcher: Any) -> bool:
    """Not one of those that stand for a function of Python's or numpy's: numba keeps them."""
    return str(dispatcher.py_func.__module__).startswith(_OURS)


def _list_libraries(library: Any) -> list[Any]:
    """All that it links, and what those link, each once."""
    found: dict[Any, None] = {}
    waiting = list(reversed(library._linking_libraries))
    while waiting:
        one = waiting.pop()
        if one not in found:
            found[one] = None
            waiting += reversed(one._linking_libraries)
    return list(found)
