"""Kept machine code: the same bits as numba's own, and never worse than a slower start."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from streamer.analysis.kernels import compiled as kernels
from streamer.analysis.kernels import kept as kept_files
from streamer.analysis.kernels import store
from streamer.detectors.hearing import compiled as hearing
from streamer.live import compiled as ring_loops
from tests.test_layers import FILES, PACKAGE, find_imports

MEASURE = """
import sys, hashlib, numpy as np, streamer
from streamer.analysis.kernels import kept as kept_files
from streamer.analysis.kernels import store
x = np.random.default_rng(1).standard_normal(3000)
digest = hashlib.sha256()
for bands, dtype in (([440.0, 441.5], np.float32), (np.linspace(20, 3900, 1200), np.float64)):
    for workers in (1, 3):
        values = streamer.spectrogram(x, 8000, bands, 512, 64, scale="complex", dtype=dtype, workers=workers).values
        digest.update(values.tobytes())
print(digest.hexdigest(), "numba" in sys.modules, store.refusal(), sep="|")
"""
# The same of a loop that is compiled in no time.
MEASURE_ONE = """
import sys, numpy as np
from streamer.analysis.kernels import kept as kept_files
from streamer.analysis.kernels import store
from streamer.live import compiled
samples, meters = np.random.default_rng(1).standard_normal(1000).astype("f4"), np.zeros((1, 1, 3), "f4")
compiled.measure(samples[None], 0, 1000, 1000, 0, meters, np.zeros((1, 1000), "f4"), 1.0)
print(meters.tobytes().hex(), "numba" in sys.modules, store.refusal(), sep="|")
"""
BY_NUMBA_ITSELF = """
from functools import partial
from streamer.analysis.kernels import kept as kept_files
from streamer.analysis.kernels import store
store.Compiled.load = lambda self, *args: partial(store._call_numba, self._by_numba())
"""
KILLED_WHILE_KEEPING = """
import os, signal
from streamer.analysis.kernels import kept as kept_files
from streamer.analysis.kernels import store
store._seal = lambda content: os.kill(os.getpid(), signal.SIGKILL)
"""


def start(code: str, folder: Path, **env: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "NUMBA_CACHE_DIR": str(folder), **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return out.strip()


def measure(folder: Path, *, first: str = "", code: str = MEASURE, **env: str) -> tuple[str, bool, str]:
    """A digest of some values, whether numba was loaded for them, and why code was not kept."""
    digest, by_numba, refusal = finish(start(first + code, folder, **env)).split("|", 2)
    return digest, by_numba == "True", refusal


measure_one = partial(measure, code=MEASURE_ONE)


@pytest.fixture(scope="module")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder with the code that a first run has kept, and the digest of what it measured."""
    folder = tmp_path_factory.mktemp("kept")
    digest, by_numba, refusal = measure(folder)
    assert (by_numba, refusal) == (True, "None")
    return folder, digest


@pytest.fixture
def kept(first_run: tuple[Path, str], tmp_path: Path) -> tuple[Path, str]:
    """A copy of that folder, to do as one likes with."""
    return Path(shutil.copytree(first_run[0], tmp_path / "kept")), first_run[1]


@pytest.fixture
def one_kept(tmp_path: Path) -> tuple[Path, str]:
    """The same of one loop."""
    digest, by_numba, refusal = measure_one(tmp_path)
    assert (by_numba, refusal) == (True, "None")
    return tmp_path, digest


def test_kept_code_gives_the_bits_of_numba_without_it(kept: tuple[Path, str]) -> None:
    folder, digest = kept
    assert measure(folder) == (digest, False, "None")
    assert measure(folder, first=BY_NUMBA_ITSELF) == (digest, True, "None")


def test_kept_code_is_run_where_numba_is_loaded_already(kept: tuple[Path, str]) -> None:
    folder, digest = kept
    broken = "import numba; numba.core.dispatcher.Dispatcher.compile = None\n"
    assert measure(folder, first=broken) == (digest, True, "None")


HAS_LLVM = "import atexit; atexit.register(lambda: print('|', 'llvmlite' in sys.modules))\n"
REFUSING = "from streamer.analysis.kernels import link; link.MACHINES = ()\n"


@pytest.mark.skipif((sys.platform, platform.machine()) != ("linux", "x86_64"), reason="LLVM's there")
def test_kept_code_needs_no_llvm(kept: tuple[Path, str]) -> None:
    folder, digest = kept
    assert finish(start(HAS_LLVM + MEASURE, folder)).split() == [f"{digest}|False|None", "|", "False"]


def test_what_we_cannot_link_ourselves_llvm_does(kept: tuple[Path, str]) -> None:
    folder, digest = kept
    said = finish(start(REFUSING + HAS_LLVM + MEASURE, folder)).split()
    assert said == [f"{digest}|False|None", "|", "True"]


BOTH = """
import sys, numpy as np, streamer
{before}
value = streamer.goertzel(np.ones(64), [100.0], 8000)
print("numba" in sys.modules)
import numba
@numba.njit
def last(x, n):
    if n > x.size:
        raise ValueError("too far")
    return x[:n].copy()[-1]
print(last(np.arange(5.0), 3))
try:
    last(np.arange(5.0), 9)
except ValueError as error:
    print(error)
print(streamer.goertzel(np.ones(64), [100.0], 8000) == value)
"""


def test_numba_works_as_ever_in_a_process_that_runs_kept_code(kept: tuple[Path, str]) -> None:
    numba_at_work = "import numba; numba.njit(lambda x: x.copy())(np.ones(3))"
    for before, by_numba in (("", True), ("", False), ("import numba", True), (numba_at_work, True)):
        said = finish(start(BOTH.format(before=before), kept[0])).splitlines()
        assert said == [str(by_numba), "2.0", "too far", "[ True]"]


@pytest.mark.parametrize("damage", ["cut short", "empty", "one bit"])
def test_damaged_code_is_made_again(one_kept: tuple[Path, str], damage: str) -> None:
    folder, digest = one_kept
    [file] = folder.glob("*.code")
    whole = file.read_bytes()
    flipped = whole[:2000] + bytes([whole[2000] ^ 1]) + whole[2001:]
    file.write_bytes({"cut short": whole[:-100], "empty": b"", "one bit": flipped}[damage])
    assert measure_one(folder) == (digest, True, "None")
    assert measure_one(folder) == (digest, False, "None")
    assert [file] == list(folder.iterdir())


def test_a_folder_in_the_place_of_code_is_put_aside_and_code_is_kept_there_again(
    one_kept: tuple[Path, str],
) -> None:
    folder, digest = one_kept
    [file] = folder.glob("*.code")
    file.unlink()
    (file / "of somebody").mkdir(parents=True)
    assert measure_one(folder) == (digest, True, "None")
    assert measure_one(folder) == (digest, False, "None")
    [aside] = {*folder.iterdir()} - {file}
    assert [each.name for each in aside.iterdir()] == ["of somebody"]


def test_those_that_compile_at_once_do_not_disturb_each_other(one_kept: tuple[Path, str]) -> None:
    folder, digest = one_kept
    [file] = folder.glob("*.code")
    file.unlink()
    together = [start(MEASURE_ONE, folder) for _ in range(4)]
    for process in together:
        values, _, refusal = finish(process).split("|")
        assert (values, refusal) == (digest, "None")
    assert [file] == list(folder.iterdir())
    assert measure_one(folder) == (digest, False, "None")


def test_who_is_killed_while_keeping_code_leaves_none_behind_that_is_run(tmp_path: Path) -> None:
    process = start(KILLED_WHILE_KEEPING + MEASURE_ONE, tmp_path)
    process.communicate(timeout=300)
    assert process.returncode == -9
    assert [file.suffix for file in tmp_path.iterdir()] not in ([], [".code"])
    assert measure_one(tmp_path)[1:] == (True, "None")


def test_without_a_place_to_keep_it_values_are_the_same_and_the_reason_is_known(
    one_kept: tuple[Path, str],
) -> None:
    folder, digest = one_kept
    [file] = folder.glob("*.code")
    got, by_numba, refusal = measure_one(file / "folder")  # nothing can be put below a file
    assert (got, by_numba) == (digest, True)
    assert "directory" in refusal
    assert [file] == list(folder.iterdir())


REFUSALS = {
    "from numba.core.codegen import CPUCodeLibrary as c; del c.serialize_using_object_code": "no attribute",
    "from streamer.analysis.kernels import store; store._CHECK = 'import os; os.abort()'": "ends with -6",
}


@pytest.mark.parametrize("cause", REFUSALS)
def test_where_code_cannot_be_had_or_loaded_numba_does_it_and_the_reason_is_known(
    one_kept: tuple[Path, str], tmp_path: Path, cause: str
) -> None:
    digest, by_numba, refusal = measure_one(tmp_path / "new", first=cause)
    assert (digest, by_numba) == (one_kept[1], True)
    assert REFUSALS[cause] in refusal
    assert not list((tmp_path / "new").glob("*"))


MAX_BY_NUMPY = """
from numba import njit
@njit(nogil=True, error_model="numpy")
def find_most(values, found):
    for k in range(values.shape[0]):
        found[k] = values[k, 1:].max()
"""
FIND_MOST = """
import sys, numpy as np
from streamer.analysis.kernels import store
found = np.zeros(1)
store.Compiled("finding", "find_most", made_of=("finding",))(np.array([[9.0, 1.0, 3.0]]), found)
print(found[0], "numba" in sys.modules, store.refusal(), sep="|")
"""


@pytest.mark.skipif((sys.platform, platform.machine()) != ("linux", "x86_64"), reason="LLVM's there")
def test_code_that_calls_what_only_numba_has_is_numbas_and_never_called_into_nothing(tmp_path: Path) -> None:
    (tmp_path / "finding.py").write_text(MAX_BY_NUMPY)
    for _ in range(2):
        value, by_numba, refusal = measure(
            tmp_path / "kept", code=FIND_MOST, PYTHONPATH=os.pathsep.join([str(tmp_path), *sys.path])
        )
        assert (value, by_numba) == ("3.0", True)
        assert "there is no numba_attempt_nocopy_reshape" in refusal


# What is kept under which text.

EVERYTHING = [*kernels.list_live(), *ring_loops.list_live()]
LOOPS = [*EVERYTHING, *hearing.list_live()]
COMPILED_FILES = ("streamer/analysis/kernels/*.py", "streamer/live/atomics.py", "streamer/live/ring_*.py")
LIST_FILES = """
from streamer.analysis.kernels import compiled as kernels, store
from streamer.live import compiled as ring_loops
for function, args in (*kernels.list_live(), *ring_loops.list_live()):
    print(function.module, function._file(tuple(map(store._kind_of, args))).name)
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A folder with a copy of the package, for PYTHONPATH."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PACKAGE, tmp_path / "package/streamer", ignore=ignored)
    return tmp_path / "package"


def in_package(package: Path) -> dict[str, str]:
    return {"PYTHONPATH": str(package), "PYTHONSAFEPATH": "1"}


def test_code_goes_by_the_text_of_every_file_that_it_is_made_of(package: Path) -> None:
    def list_files(module: str) -> list[str]:
        lines = finish(start(LIST_FILES, package, **in_package(package))).splitlines()
        return [line for line in lines if line.startswith(module)]

    for pattern, module in zip(
        COMPILED_FILES, ("streamer.analysis", "streamer.live", "streamer.live"), strict=True
    ):
        for file in package.glob(pattern):
            before, text = list_files(module), file.read_text()
            file.write_text(text + "\n# edited\n")
            assert not set(list_files(module)) & set(before), file
            file.write_text(text)
            assert list_files(module) == before


def test_an_edited_kernel_is_what_runs(kept: tuple[Path, str], package: Path) -> None:
    folder, digest = kept
    for file in (package / "streamer/analysis/kernels").glob("*.py"):
        file.write_text(
            file.read_text().replace("builder.fadd(after, before)", "builder.fsub(after, before)")
        )
    edited, by_numba, _ = measure(folder, **in_package(package))
    assert by_numba
    assert edited != digest


@pytest.mark.parametrize("module", sorted({function.module for function, _ in LOOPS}))
def test_a_loop_is_made_of_all_that_its_compiled_files_import(module: str) -> None:
    [made_of] = {function.made_of for function, _ in LOOPS if function.module == module}
    paths = [path for name in made_of for path in store._list_sources(name)]
    files = {str(path.relative_to(PACKAGE).with_suffix("")) for path in paths}
    assert module.removeprefix("streamer.").replace(".", "/") in files
    for file in files:
        imported = set(find_imports(file))
        if "numba" in imported or file.endswith("_loops"):
            assert imported & set(FILES) <= files


@pytest.mark.parametrize("change", ["NUMBA_CPU_NAME", "another processor"])
def test_another_setting_or_processor_has_code_of_its_own(
    monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    before = store._fingerprint.__wrapped__(("streamer.analysis.kernels",))
    if change == "another processor":
        monkeypatch.setattr(store, "describe_processor", lambda: "another")
    else:
        monkeypatch.setenv(change, "generic")
    assert store._fingerprint.__wrapped__(("streamer.analysis.kernels",)) != before


INTEL = """processor\t: 0
vendor_id\t: GenuineIntel
model\t\t: 85
cpu MHz\t\t: {mhz}
flags\t\t: fpu avx2{more}
bogomips\t: {mhz}
"""


def describe_processor(monkeypatch: pytest.MonkeyPatch, cpuinfo: str) -> str:
    monkeypatch.setattr(Path, "read_text", lambda _: cpuinfo)
    return store.describe_processor.__wrapped__()


def test_a_processor_is_what_code_is_made_for_and_not_how_fast_it_runs_now(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = describe_processor(monkeypatch, INTEL.format(mhz=2000, more=""))
    assert describe_processor(monkeypatch, 2 * (INTEL.format(mhz=3000, more="") + "\n")) == one
    assert describe_processor(monkeypatch, INTEL.format(mhz=2000, more=" avx512f")) != one


def test_a_processor_that_the_system_does_not_describe_is_described_by_llvm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from llvmlite import binding as llvm

    assert llvm.get_host_cpu_name() in describe_processor(monkeypatch, "processor\t: 0\n")


def test_where_the_package_cannot_be_written_code_is_kept_with_the_users_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert kept_files.find_folder.__wrapped__().name == "streamer"


# Calling by address.


def test_arguments_are_told_apart_as_numba_tells_them() -> None:
    square = np.zeros((3, 3), np.float32)
    read_only = square[:]
    read_only.flags.writeable = False
    unaligned = np.frombuffer(bytes(9), np.float64, 1, 1)
    values = (square, square.T, square[::2], read_only, square.astype(np.float64), unaligned, 3)
    assert [store._kind_of(value) for value in values] == ["f2C", "f2F", "f2A", "f2C", "d2C", "d1Cu", "i"]


@pytest.mark.parametrize("fix", [store.Fixed, lambda array: array])
def test_arrays_of_any_number_of_axes_arrive_whole_however_they_are_given(fix: Callable[..., object]) -> None:
    table = np.zeros((3, 2), np.int64)
    ring_loops.publish(fix(table), 4, 2, 7)
    assert table.tolist() == [[0, 0], [5, 7], [6, 7]]
    control, samples = np.zeros(64, np.int64), np.arange(20, dtype=np.float32).reshape(2, 10)
    out = np.zeros((2, 5), np.float32)[:, ::1]
    assert ring_loops.copy(fix(control), fix(samples), 8, 12, fix(out), 1.0) == 1
    assert out.tolist() == [[8, 9, 0, 1, 0], [18, 19, 10, 11, 0]]


def test_a_result_comes_back() -> None:
    numbers = np.arange(5, dtype=np.int64)
    assert ring_loops.load(numbers, 3) == 3
    ring_loops.store(numbers, 3, -(1 << 62))
    assert ring_loops.load(numbers, np.int32(3)) == -(1 << 62)


def test_read_only_samples_are_read() -> None:
    samples = np.arange(8, dtype=np.float32)[np.newaxis]
    samples.flags.writeable = False
    meters = np.zeros((1, 1, 3), np.float32)
    ring_loops.measure(samples, 0, 8, 8, 0, meters, np.zeros((1, 16), np.float32), 1.0)
    assert meters[0, 0].tolist() == [7, 17.5, 7]


def test_a_prepared_call_is_given_what_is_open_and_does_what_a_whole_one_does() -> None:
    control, samples = np.zeros(64, np.int64), np.arange(20, dtype=np.float32).reshape(2, 10)
    out = np.zeros((2, 5), np.float32)
    copy = ring_loops.copy.prepare(
        *(store.Fixed(control), store.Open(store.Fixed(samples)), store.Open(0), store.Open(0)),
        *(store.Open(out), 1.0),
    )
    assert copy(store.Fixed(samples), 8, 12, out) == 1
    assert out.tolist() == [[8, 9, 0, 1, 0], [18, 19, 10, 11, 0]]
    assert copy(store.Fixed(samples + 20), np.int64(0), 5, out) == 1
    assert out.tolist() == [[20, 21, 22, 23, 24], [30, 31, 32, 33, 34]]


def test_a_prepared_call_with_an_array_of_another_kind_runs_the_code_for_that() -> None:
    control, samples = np.zeros(64, np.int64), np.arange(10, dtype=np.float32).reshape(1, 10)
    copy = ring_loops.copy.prepare(control, samples, 2, 4, store.Open(samples), 1.0)
    out = np.zeros((1, 4), np.float32)
    copy(out[:, ::2])
    assert out.tolist() == [[2, 0, 3, 0]]
    with pytest.raises(ValueError, match="zip"):
        copy(out, 1)
