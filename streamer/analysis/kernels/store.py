"""The compiled loops without their compiler.

numba makes machine code once. Loading it back takes numba a second of processor time, most of it for what only
compiling needs; LLVM alone does it in a few milliseconds. So the code is kept a second time, by itself, and a
process that has no other use for numba calls that.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache, partial
from importlib import import_module, util
from pathlib import Path
from typing import Any

import numpy as np

_FORMAT = "1"
_CHECK_TIMEOUT_S = 60.0
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

Function = Callable[..., None]
_is_keeping = False  # this process has loaded numba only since there was no code
_one_at_a_time = threading.Lock()  # LLVM's loader is not for several threads


class Compiled:
    """A function of streamer.analysis.kernels.loops, compiled for the arguments it is given; releases the GIL.

    It is numba's own where numba is loaded already, and never both: they bind the same names to other things.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._functions: dict[tuple[str, ...], Function] = {}

    def __call__(self, *args: Any) -> None:
        kinds = tuple(map(_kind_of, args))
        function = self._functions.get(kinds)
        if function is None:
            with _one_at_a_time:
                function = self._functions.get(kinds) or self._find(kinds, args)
                self._functions[kinds] = function
        function(*args)

    def _find(self, kinds: tuple[str, ...], args: Sequence[Any]) -> Function:
        global _is_keeping
        if "numba" in sys.modules or os.environ.get("NUMBA_DISABLE_JIT"):
            if not _is_keeping:
                return _numba_function(self.name)
        else:
            with suppress(OSError):
                return _load(_code_file(self.name, kinds).read_bytes(), kinds)
        _is_keeping = True
        function = _numba_function(self.name)
        with suppress(Exception):  # numba's insides, or the disk: it works all the same, and starts later
            _keep(function, args, _code_file(self.name, kinds))
        return function


def _numba_function(name: str) -> Function:
    function: Function = getattr(import_module("streamer.analysis.kernels.loops"), name)
    return function


def _kind_of(value: Any) -> str:
    """What numba tells arguments apart by."""
    if isinstance(value, np.ndarray):
        flags = value.flags
        return f"{value.dtype.char}{value.ndim}{'C' if flags.c_contiguous else 'A'}{'w' if flags.writeable else 'r'}"
    return "i"


def _code_file(name: str, kinds: tuple[str, ...]) -> Path:
    """Where the code is kept: beside numba's own cache, and another one for every processor and version."""
    kind = hashlib.sha256(" ".join(kinds).encode()).hexdigest()[:12]
    return _folder() / f"kernels.{name}-{kind}-{_fingerprint()}.code"


@cache
def _folder() -> Path:
    if named := os.environ.get("NUMBA_CACHE_DIR"):
        return Path(named)
    beside = Path(__file__).parent / "__pycache__"
    if os.access(beside if beside.exists() else beside.parent, os.W_OK):
        return beside
    from platformdirs import user_cache_path

    return user_cache_path("streamer", appauthor=False)


@cache
def _fingerprint() -> str:
    import llvmlite
    from llvmlite import binding as llvm

    numba = util.find_spec("numba")
    sources = [Path(__file__).with_name(f"{name}.py") for name in ("loops", "tiles")]
    if numba is not None and numba.origin:
        sources.append(Path(numba.origin).with_name("_version.py"))
    features = llvm.get_host_cpu_features().flatten()
    words = (_FORMAT, llvmlite.__version__, sys.version, sys.platform, llvm.get_host_cpu_name(), features)
    digest = hashlib.sha256("\n".join(words).encode())
    for source in sources:
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def _keep(function: Any, args: Sequence[Any], file: Path) -> None:
    """Compile, and keep the code that numba has put into its cache, if another process can load it."""
    from numba import typeof

    types = tuple(typeof(value) for value in args)
    function.compile(types)
    store = function._cache
    key = store._index_key(types, function.targetctx.codegen())
    (_, _, (machine_code, _)), descriptor, *_ = store._cache_file.load(key)
    code = _seal(descriptor.llvm_func_name.encode() + b"\0" + machine_code)
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=file.parent, prefix=file.name, delete=False) as new:
        new.write(code)
    try:
        # LLVM ends the process where a name cannot be resolved: not this one.
        check = (
            "import sys; from streamer.analysis.kernels.store import find_address; "
            "find_address(open(sys.argv[1], 'rb').read())"
        )
        subprocess.run(
            [sys.executable, "-c", check, new.name],
            check=True,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_CHECK_TIMEOUT_S,
        )
        Path(new.name).chmod(0o644)
        Path(new.name).replace(file)
    finally:
        Path(new.name).unlink(missing_ok=True)


def _load(code: bytes, kinds: tuple[str, ...]) -> Function:
    """A caller of the code, by numba's convention for functions without a result: status f(result, error, arguments).

    An array is six or more: its owner twice, which is nobody, its size, its item size, its address, its shape and
    its strides.
    """
    types: list[Any] = [ctypes.c_void_p, ctypes.c_void_p]
    for kind in kinds:
        if kind == "i":
            types.append(ctypes.c_int64)
        else:
            types += [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p]
            types += [ctypes.c_int64] * (2 * int(kind[1]))
    return partial(_call, ctypes.CFUNCTYPE(ctypes.c_int32, *types)(find_address(code)))


def _call(native: Any, *args: Any) -> None:
    flat: list[Any] = [None, None]
    for value in args:
        if isinstance(value, np.ndarray):
            flat += (None, None, value.size, value.itemsize, value.ctypes.data, *value.shape, *value.strides)
        else:
            flat.append(int(value))
    result, error = ctypes.c_void_p(), ctypes.c_void_p()
    flat[0], flat[1] = ctypes.byref(result), ctypes.byref(error)
    status = native(*flat)
    assert status == 0, f"a kernel ended with status {status}"


def _seal(content: bytes) -> bytes:
    return hashlib.sha256(content).digest() + content


def find_address(code: bytes) -> int:
    """Make code runnable; where its function is. OSError where it is not as it was written."""
    content = code[hashlib.sha256().digest_size :]
    if code != _seal(content):
        raise OSError("the code kept is damaged")
    name, _, machine_code = content.partition(b"\0")
    engine = _engine()
    from llvmlite import binding as llvm

    engine.add_object_file(llvm.ObjectFileRef.from_data(machine_code))
    engine.finalize_object()
    address: int = engine.get_function_address(name.decode())
    if not address:
        raise OSError(f"there is no function {name.decode()} in the code kept")
    return address


@cache
def _engine() -> Any:
    """LLVM's loader. Lives as long as the process, and so does what it has loaded."""
    from llvmlite import binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    never = ctypes.cast(ctypes.pythonapi.Py_FatalError, ctypes.c_void_p).value
    for symbol in _NEVER_CALLED:
        llvm.add_symbol(symbol, never)
    machine = llvm.Target.from_default_triple().create_target_machine()
    return llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)


evaluate_frames = Compiled("evaluate_frames")
lay_out_frames = Compiled("lay_out_frames")
mirror_ends = Compiled("mirror_ends")
read_bands = Compiled("read_bands")
