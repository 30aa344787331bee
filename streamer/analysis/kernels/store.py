"""The compiled loops without their compiler.

numba makes machine code once for a processor and version. Loading numba takes half a second of processor time and
60 MB in every process, and LLVM's library another 50. So the code is taken out of numba's hands as it is made, kept in
a file under a checksum, put in place by `link` (where that knows how, else by LLVM) and called by address: where it is
kept, nobody imports numba.

Whatever goes wrong on the way (another numba, a platform whose loader refuses, no place to write), numba runs the
loop itself, `refusal` says why, and every start compiles again.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from functools import cache, partial
from importlib import import_module, util
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.kernels import at_once, kept, link

_CHECK = "import sys; from streamer.analysis.kernels import store; store.check(sys.argv[1])"
# What numba is told by, and what changes the code it makes.
_SETTINGS = (
    "BOUNDSCHECK",
    "CPU_FEATURES",
    "CPU_NAME",
    "ENABLE_AVX",
    "LOOP_VECTORIZE",
    "OPT",
    "SLP_VECTORIZE",
)
# What tells processors apart in /proc/cpuinfo, on x86 and on ARM.
_OF_PROCESSOR = (
    *("vendor_id", "cpu family", "model", "model name", "stepping", "flags"),
    *("CPU implementer", "CPU architecture", "CPU variant", "CPU part", "CPU revision", "Features"),
)
# What the code refers to for callers that are Python's; ours is called by address and never gets there.
_NEVER_CALLED = (
    "NRT_Free",
    "NRT_MemInfo_call_dtor",
    "NRT_adapt_ndarray_from_python",
    "numba_do_raise",
    "numba_gil_ensure",
    "numba_gil_release",
    "numba_runtime_build_excinfo_struct",
    "numba_unpickle",
)

_DIGEST_BYTES = hashlib.sha256().digest_size
_NOTHING, _RESULT = ctypes.c_char * 0, ctypes.c_int64 * 2
_ENTRY = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_char_p, _RESULT)
_INTEGER, _FLOAT = struct.Struct("q").pack, struct.Struct("d").pack
_ARRAYS = [struct.Struct(f"{5 + 2 * n_axes}q").pack for n_axes in range(5)]

Function = Callable[..., int]
_one_at_a_time = threading.Lock()
_refusals: list[str] = []
_notices: list[str] = []


def _log(text: str) -> None:
    """For programs that have no other way: they see it on stderr unless they have said what is to become of it."""
    import logging  # for a first run only

    logging.getLogger("streamer").warning(text)


announce: Callable[[str], None] | None = _log  # is told, once, that something takes long; None: nobody is


class Fixed:
    """An array that stays where it is and as it is: looked at once, and not again in every call."""

    def __init__(self, array: NDArray[Any]) -> None:
        self.array, self.kind, self.packed = array, _kind_of(array), _pack(array)


class Open:
    """In a prepared call, an argument like this one, which each call gives anew."""

    def __init__(self, like: Any) -> None:
        self.like = like


class Compiled:
    """A compiled function, for whatever arguments it is given: arrays, integers and floats. Releases the GIL.

    Gives the function's integer, if it has one.
    """

    def __init__(self, module: str, name: str, *, made_of: tuple[str, ...], is_deep: bool = False) -> None:
        """module, name: where numba finds it   made_of: the modules and packages whose text makes its code

        is_deep: it calls many functions, none of which needs a code of its own for a number that is named (at_once.py)
        """
        self.module, self.name, self.made_of, self._is_deep = module, name, made_of, is_deep
        self._functions: dict[tuple[str, ...], Function] = {}

    def __call__(self, *args: Any) -> int:
        function = self._functions.get(tuple(map(_kind_of, args)))
        return (function or self.load(*args))(*args)

    def prepare(self, *args: Any) -> Prepared:
        """A call of which only the Open ones among the arguments are given again and again."""
        return Prepared(self, args)

    def load(self, *args: Any) -> Function:
        """The function for arguments like these, ready to run."""
        kinds = tuple(map(_kind_of, args))
        with _one_at_a_time:
            if kinds not in self._functions:
                self._functions[kinds] = self._find(kinds, args)
            return self._functions[kinds]

    def is_missing(self, *args: Any) -> bool:
        """Whether code for arguments like these must be compiled first."""
        if _is_plain():
            return False
        with suppress(OSError):
            return not any(map(_is_whole, kept.list_files(self._file(tuple(map(_kind_of, args))).name)))
        return True

    def _find(self, kinds: tuple[str, ...], args: Sequence[Any]) -> Function:
        if _is_plain():
            return partial(_call_numba, self._by_numba())
        with suppress(OSError):
            for file in kept.list_files(self._file(kinds).name):
                if native := _load_kept(file):
                    return partial(_call, native)
        say_compiling()
        function = self._by_numba()
        try:
            _keep(_compile(function, _unwrap(args), kinds, is_deep=self._is_deep), self._file(kinds))
        except Exception as error:  # numba's insides, the loader's or the disk's: it runs all the same
            _refusals.append(f"{self.name}: {_explain(error)}")
        return partial(_call_numba, function)

    def _by_numba(self) -> Function:
        function: Function = getattr(import_module(self.module), self.name)
        return function

    def _file(self, kinds: tuple[str, ...]) -> Path:
        """In any of the folders."""
        kind = hashlib.sha256(" ".join(kinds).encode()).hexdigest()[:12]
        module = self.module.rpartition(".")[2]
        return Path(f"{module}.{self.name}-{kind}-{_fingerprint(self.made_of)}{kept.SUFFIX}")


class Prepared:
    """A compiled function and those of its arguments that stay: half the time of a call is to look at them.

    Any number of threads may call at once.
    """

    def __init__(self, function: Compiled, args: Sequence[Any]) -> None:
        self._compiled, self._args = function, list(args)
        self._holes = [at for at, arg in enumerate(args) if isinstance(arg, Open)]
        likes = [arg.like if isinstance(arg, Open) else arg for arg in args]
        loaded = function.load(*likes)
        is_native = isinstance(loaded, partial) and loaded.func is _call
        self._native: Any = loaded.args[0] if isinstance(loaded, partial) and is_native else None
        forms = ["="]
        self._words: list[Any] = []
        # Of what is open: where it lies among the words, and its kind if it is an array.
        self._places: list[tuple[int, int, str]] = []
        for arg, like in zip(args, likes, strict=True):
            packed, begin = _pack(like), len(self._words)
            is_number = isinstance(like, int | float)
            if not isinstance(arg, Open) or isinstance(like, Fixed):
                forms.append(f"{len(packed)}s")
                self._words.append(packed)
            elif is_number:
                forms.append("d" if isinstance(like, float) else "q")
                self._words.append(0)
            else:
                n_words = len(packed) // len(_INTEGER(0))
                forms.append(f"{n_words}q")
                self._words += [0] * n_words
            if isinstance(arg, Open):
                self._places.append((begin, len(self._words), "" if is_number else _kind_of(like)))
        self._pack = struct.Struct("".join(forms)).pack
        n_open, n_words = len(self._places), len(self._words)
        # Where numbers that come last are all that is open, a call takes a third of the time.
        ends_in_numbers = [at for at, _, kind in self._places if not kind] == [
            *range(n_words - n_open, n_words)
        ]
        self._head = tuple(self._words[: n_words - n_open]) if ends_in_numbers else None

    def __call__(self, *given: Any) -> int:
        if self._native is None:
            return self._call_any(given)
        if self._head is not None:
            return self._run(self._head + given)
        words = self._words.copy()
        for (begin, end, kind), value in zip(self._places, given, strict=True):
            if not kind:
                words[begin] = value
            elif _kind_of(value) != kind:  # which has code of its own
                return self._call_any(given)
            elif isinstance(value, Fixed):
                words[begin] = value.packed
            else:
                size, item = value.size, value.itemsize
                words[begin:end] = (0, 0, size, item, _find_data(value), *value.shape, *value.strides)
        return self._run(words)

    def _run(self, words: Sequence[Any]) -> int:
        result = _RESULT()
        status = self._native(self._pack(*words), result)
        assert status == 0, f"a compiled loop ended with status {status}"
        found: int = result[0]
        return found

    def _call_any(self, given: Sequence[Any]) -> int:
        args = self._args.copy()
        for at, value in zip(self._holes, given, strict=True):
            args[at] = value
        return self._compiled(*args)


def say_compiling() -> None:
    """Once in a process, and in none that is forked from it."""
    global announce
    tell, announce = announce, None
    if tell is not None:
        tell("compiling kernels (first run only, half a minute)")


def _is_plain() -> bool:
    """Whether numba is told to leave Python as it is."""
    return os.environ.get("NUMBA_DISABLE_JIT", "0") != "0"


def _call_numba(function: Function, *args: Any) -> int:
    return function(*_unwrap(args))


def _unwrap(args: Sequence[Any]) -> list[Any]:
    return [value.array if isinstance(value, Fixed) else value for value in args]


class DamagedError(OSError):
    """The code kept is not as it was written."""


def refusal() -> str | None:
    """Why code that this process has compiled was not kept."""
    return _refusals[0] if _refusals else None


def notice() -> str | None:
    """What a user should know of where code is kept, and of the time that it costs if it is not."""
    if _refusals:
        return (
            f"compiled code cannot be kept ({_refusals[0]}), so that every start compiles again: "
            "set NUMBA_CACHE_DIR to a folder that can be written"
        )
    return _notices[0] if _notices else None


def _explain(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        said = error.stderr.decode(errors="replace").strip().splitlines()
        return f"a process that loads the code ends with {error.returncode}" + (
            f", {said[-1]}" if said else ""
        )
    return str(error) or type(error).__name__


def _kind_of(value: Any) -> str:
    """What numba tells arguments apart by. Whether they may be written does not change the code."""
    if isinstance(value, Fixed):
        return value.kind
    if isinstance(value, np.ndarray):
        return _name_kind(value.dtype.char, value.ndim, value.flags.num & _LAYOUT)
    return "d" if isinstance(value, float) else "i"


_C_LAYOUT, _F_LAYOUT, _ALIGNED = 0x1, 0x2, 0x100  # of an array's flags, as numpy numbers them
_LAYOUT = _C_LAYOUT | _F_LAYOUT | _ALIGNED


@cache
def _name_kind(char: str, n_axes: int, flags: int) -> str:
    layout = "C" if flags & _C_LAYOUT else "F" if flags & _F_LAYOUT else "A"
    return f"{char}{n_axes}{layout}{'' if flags & _ALIGNED else 'u'}"


@cache
def _fingerprint(made_of: tuple[str, ...]) -> str:
    """Another one for every processor, version and text that the code is made of."""
    settings = [os.environ.get(f"NUMBA_{name}", "") for name in _SETTINGS]
    digest = hashlib.sha256("\n".join((sys.version, sys.platform, describe_processor(), *settings)).encode())
    sources = [file for name in made_of for file in _list_sources(name)]
    versions = [_locate(name).with_name("_version.py") for name in ("numba", "llvmlite")]
    for source in (*versions, Path(__file__), *sources):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


@cache
def describe_processor() -> str:
    """What LLVM makes code for: Linux tells it without LLVM's library."""
    with suppress(OSError):
        first, _, _ = Path("/proc/cpuinfo").read_text().strip().partition("\n\n")
        told = [line for line in first.splitlines() if line.partition(":")[0].strip() in _OF_PROCESSOR]
        if any(line.startswith(("flags", "Features")) for line in told):
            return "\n".join(told)
    from llvmlite import binding as llvm

    return f"{llvm.get_host_cpu_name()}\n{llvm.get_host_cpu_features().flatten()}"


def _list_sources(name: str) -> list[Path]:
    origin = _locate(name)
    return sorted(origin.parent.glob("*.py")) if origin.name == "__init__.py" else [origin]


def _locate(name: str) -> Path:
    """The file of a module, which is not loaded for it."""
    spec = util.find_spec(name)
    if spec is None or not spec.origin:
        raise FileNotFoundError(f"module {name} has no file")
    return Path(spec.origin)


def _compile(function: Any, args: Sequence[Any], kinds: tuple[str, ...], *, is_deep: bool) -> bytes:
    """Two object files: an entry, with its length before it, and the function, out of the library numba has made."""
    from llvmlite import binding as llvm
    from numba import typeof, types

    signature = tuple(
        typeof(value).copy(readonly=False)
        if isinstance(value, np.ndarray)
        else types.float64
        if isinstance(value, float)
        else types.int64
        for value in args
    )
    with at_once.finish_once() if is_deep else nullcontext():
        function.compile(signature)
    overload = function.overloads[signature]
    _, _, (machine_code, _) = overload.library.serialize_using_object_code()
    _prepare_loader()
    entry: bytes = _make_machine().emit_object(
        llvm.parse_assembly(_write_entry(overload.fndesc.llvm_func_name, kinds))
    )
    return _INTEGER(len(entry)) + entry + bytes(machine_code)


def _keep(content: bytes, file: Path) -> None:
    """Put code into the first folder that takes it."""
    reasons: dict[str, OSError] = {}
    for folder in kept.list_folders():
        try:
            kept.prepare_folder(folder)
            kept.write(folder / file, lambda: _seal(content), check=_CHECK)
        except OSError as error:
            reasons.setdefault(str(error), error)
        else:
            if kept.is_private(folder):
                _notices.append(
                    f"compiled code is kept in {folder} until that is emptied ({next(reversed(reasons))}): "
                    "set NUMBA_CACHE_DIR to a folder that stays"
                )
            kept.remove_old(folder, file.stem.rpartition("-")[0])
            return
    raise next(iter(reasons.values()))


def _load_kept(file: Path) -> Any:
    """What a file holds, ready to be called; None, and the file is gone, if it is not as it was written."""
    try:
        native = _ENTRY(_load(file.read_bytes()))
        kept.mark_used(file)
        return native
    except DamagedError:
        with suppress(OSError):  # not ours to remove: there are other folders
            file.unlink()
    except OSError:
        pass  # not ours to read
    return None


def _is_whole(file: Path) -> bool:
    try:
        code = file.read_bytes()
    except OSError:
        return False
    return code == _seal(code[_DIGEST_BYTES:])


def check(file: str) -> None:
    """Load code as others will; for a process of its own."""
    _load(Path(file).read_bytes())


def _seal(content: bytes) -> bytes:
    return hashlib.sha256(content).digest() + content


def _load(code: bytes) -> int:
    """Make code runnable, for as long as the process lives; the address of its entry."""
    length_bytes = len(_INTEGER(0))
    content = code[_DIGEST_BYTES:]
    if code != _seal(content):
        raise DamagedError("the code kept is damaged")
    end = length_bytes + int.from_bytes(content[:length_bytes], sys.byteorder)
    parts = (content[length_bytes:end], content[end:])
    try:
        return link.load(parts, "enter", never_called=_NEVER_CALLED)
    except link.MissingNameError:
        raise  # a number of numba's methods are such: sum() of an array
    except OSError:
        return _load_by_llvm(parts)


def _load_by_llvm(parts: Sequence[bytes]) -> int:
    """The same where nobody else can."""
    from llvmlite import binding as llvm

    _prepare_loader()
    # An engine each: numba counts up the names of what a function calls, and begins again in every process, so two
    # files may mean different things by the same name.
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _make_machine())
    for part in parts:
        engine.add_object_file(llvm.ObjectFileRef.from_data(part))
    engine.finalize_object()
    address: int = engine.get_function_address("enter")
    engine.detach()  # a thread may still be at it when the interpreter ends
    return address


def _make_machine() -> Any:
    from llvmlite import binding as llvm

    return llvm.Target.from_default_triple().create_target_machine(jit=True)


@cache
def _prepare_loader() -> None:
    from llvmlite import binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    never = ctypes.cast(ctypes.pythonapi.Py_FatalError, ctypes.c_void_p).value
    for symbol in _NEVER_CALLED:
        # These names are the whole process's. Where numba is at work they have their true meaning already; where it
        # comes later it gives it to them.
        if not llvm.address_of_symbol(symbol):
            llvm.add_symbol(symbol, never)


def _write_entry(name: str, kinds: tuple[str, ...]) -> str:
    """LLVM code that calls the function with what lies in a row at `block`: ctypes takes its time over each argument.

    By numba's convention: status f(result, error, arguments), all of them floats, integers or pointers of 64 bits.
    """
    slots: list[str] = []  # their types
    for kind in kinds:
        slots += {"i": ["i64"], "d": ["double"]}.get(kind) or ["i64"] * (5 + 2 * int(kind[1]))
    loads = "".join(
        f"%p{i} = getelementptr i64, ptr %block, i64 {i}\n%a{i} = load {slot}, ptr %p{i}, align 1\n"
        for i, slot in enumerate(slots)
    )
    given = ", ".join(f"{slot} %a{i}" for i, slot in enumerate(slots))
    return (
        f'declare i32 @"{name}"(ptr, ptr, {", ".join(slots)})\n'
        f"define i32 @enter(ptr %block, ptr %result) {{\n{loads}"
        f"%error = getelementptr i64, ptr %result, i64 1\n"
        f'%status = call i32 @"{name}"(ptr %result, ptr %error, {given})\nret i32 %status\n}}\n'
    )


def _call(native: Any, *args: Any) -> int:
    result = _RESULT()  # a function without one writes a null pointer there
    status = native(b"".join(map(_pack, args)), result)
    assert status == 0, f"a compiled loop ended with status {status}"
    value: int = result[0]
    return value


def _pack(value: Any) -> bytes:
    """An argument as numba lays it out. An array's owner comes first, twice, and is nobody."""
    if isinstance(value, Fixed):
        return value.packed
    if isinstance(value, np.ndarray):
        shape, strides = value.shape, value.strides
        return _ARRAYS[len(shape)](0, 0, value.size, value.itemsize, _find_data(value), *shape, *strides)
    return _FLOAT(value) if isinstance(value, float) else _INTEGER(value)


def _find_data(array: Any) -> int:
    """The address of its first element."""
    try:
        return ctypes.addressof(_NOTHING.from_buffer(array))  # a fifth of the time, and a call has a dozen
    except (TypeError, ValueError):  # read-only, or not in one piece
        address: int = array.ctypes.data
        return address
