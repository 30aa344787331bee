"""Whether the main job can run here, check by check, and what to do where it cannot."""

from __future__ import annotations

import locale
import math
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamer.analysis.analyser import Analyser
from streamer.analysis.bank import Analysis, Bank
from streamer.analysis.frames import FrameSpec
from streamer.analysis.kernels import compiled as kernels
from streamer.analysis.kernels import kept, store
from streamer.base.errors import SpecError
from streamer.base.processes import SharedBlock, start_process
from streamer.base.version import __version__
from streamer.commands.doctor.diagnosis import Diagnosis, describe, note, ok, problem
from streamer.commands.doctor.microphone import check_audio
from streamer.dashboard.palette import Depth, read_depth
from streamer.detectors.dtmf import compiled as dtmf
from streamer.detectors.hearing import compiled as hearing
from streamer.live import compiled as ring_loops
from streamer.live.stream import Stream
from streamer.plans.bands import parse_bank
from streamer.plans.listening import make_set_up
from streamer.sources import SourceSpec, parse_source

LIBRARIES = (
    "numba",
    "llvmlite",
    "numpy",
    "scipy",
    "click",
    "rich",
    "msgspec",
    "pillow",
    "sounddevice",
    "soundfile",
)
EXTRAS = {  # as pyproject.toml has them
    "av": ("av",),
    "cluster": ("distributed",),
    "metrics": ("prometheus-client",),
    "osc": ("python-osc",),
    "mqtt": ("paho-mqtt",),
    "nats": ("nats-py",),
    "parquet": ("duckdb",),
    "remote": ("fsspec",),
    "xarray": ("xarray", "h5netcdf", "h5py", "xxhash", "zarr"),
}
OPTIONAL = {
    "sounddevice",
    "soundfile",
}  # files that Python itself reads, pipes and made-up signals do without
ANSWER_S = 8.0  # what works answers sooner
COMPILING_S = 120.0  # before the process server can start a child, where nobody has yet
MAX_ERROR = {np.float32: 2e-6, np.float64: 2e-12}  # of the largest value; what the kernels promise
RUN_S = 60.0  # for the stages together; compiling is over by then
DASHBOARD_SIZE = (80, 24)


def examine(microphone: SourceSpec) -> Iterator[Diagnosis]:
    """All checks, one diagnosis after the other as they are made; a check that fails stops none of the others."""
    if microphone.kind != "mic":
        raise SpecError(f"source is {microphone}; the doctor listens to microphones: mic or mic:NAME")
    return _run_checks(microphone)


def _run_checks(microphone: SourceSpec) -> Iterator[Diagnosis]:
    checks: list[tuple[str, Callable[[], Iterator[Diagnosis]]]] = [
        ("versions", check_versions),
        ("terminal", lambda: check_terminal(os.environ)),
        ("kernels", check_kernels),
        ("compiler cache", check_cache),
        ("shared memory", check_shared_memory),
        ("live analysis", check_live),
        ("audio", lambda: check_audio(microphone)),
    ]
    for subject, check in checks:
        try:
            yield from check()
        except Exception as error:
            yield problem(subject, describe(error), "please report this with all that stands here")


def check_versions() -> Iterator[Diagnosis]:
    text = f"streamer {__version__}, Python {platform.python_version()}, {platform.platform(terse=True)}"
    yield ok("versions", f"{text}, {platform.machine()}, {os.cpu_count()} processors")
    found = []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            make = note if name in OPTIONAL else problem
            yield make("libraries", f"{name} is not installed", f"pip install {name}")
    yield ok("libraries", ", ".join(found))
    for extra, names in EXTRAS.items():
        yield _check_extra(extra, names)


def _check_extra(extra: str, names: tuple[str, ...]) -> Diagnosis:
    found, missing = [], []
    for name in names:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    subject = f"extra {extra}"
    if not missing:
        return ok(subject, ", ".join(found))
    remedy = f"only if you want it: pip install 'goertzel-streamer[{extra}]', or {' '.join(missing)}"
    return note(subject, f"not installed: {', '.join(missing)}", remedy)


def check_terminal(environ: Mapping[str, str]) -> Iterator[Diagnosis]:
    if not sys.stdout.isatty():
        yield note(
            "terminal", "stdout is none", "for the dashboard run it in a terminal; here it prints lines"
        )
        return
    columns, rows = os.get_terminal_size(sys.stdout.fileno())
    size = f'{columns} x {rows}, TERM is "{environ.get("TERM", "")}"'
    if environ.get("TERM", "") in ("", "dumb"):
        yield note("terminal", size, "for the dashboard set TERM, such as TERM=xterm-256color")
    elif 0 < columns < DASHBOARD_SIZE[0] or 0 < rows < DASHBOARD_SIZE[1]:
        wanted = "{} x {}".format(*DASHBOARD_SIZE)
        yield note("terminal", size, f"make it {wanted} or larger to see all of the dashboard")
    else:
        yield ok("terminal", size)
    depth = read_depth(environ)
    if depth in (Depth.TRUE, Depth.INDEXED):
        yield ok("colours", depth.value)
    else:
        why = "NO_COLOR is set" if environ.get("NO_COLOR") else "TERM promises no more"
        yield note("colours", f"{depth.value}: {why}", "unset NO_COLOR, or set TERM=xterm-256color, for more")
    encoding = sys.stdout.encoding or locale.getpreferredencoding(do_setlocale=False)
    if encoding.lower().replace("-", "") == "utf8":
        yield ok("characters", encoding)
    else:
        yield note("characters", encoding, "bars and shades need UTF-8: set LANG=C.UTF-8")


def check_cache() -> Iterator[Diagnosis]:
    """Where the kernels' machine code is kept. After check_kernels, which has tried to."""
    if refusal := store.refusal():
        yield note(
            "compiler cache",
            f"code cannot be kept in {kept.find_folder()} ({refusal}), so every start compiles again",
            "set NUMBA_CACHE_DIR to a folder that can be written; if it is one, report this line",
        )
    elif notice := store.notice():
        yield note("compiler cache", notice.partition(":")[0], notice.partition(": ")[2])
    else:
        yield ok("compiler cache", str(kept.find_folder()))


def is_anything_missing() -> bool:
    """Whether the process server has to compile something first."""
    modules = (kernels, ring_loops, hearing, dtmf)
    return any(loop.is_missing(*args) for module in modules for loop, args in module.list_live())


def check_kernels() -> Iterator[Diagnosis]:
    """Against the definition, summed exactly. Compiles first where nobody has yet."""
    fs_hz, length = 8000.0, 200
    bank = Bank(freqs_hz=np.array([50.0, 440.0, 697.0, 1209.5, 3999.0]))
    samples = np.random.default_rng(1).uniform(-1, 1, length)
    frames = FrameSpec(length_samples=length, hop_samples=50)
    exact = sum_exactly(samples.astype(np.float32) * frames.taper, bank.freqs_hz, fs_hz)
    began_s = time.monotonic()
    errors = []
    for dtype, allowed in MAX_ERROR.items():
        analyser = Analyser(Analysis(bank=bank, frames=frames, fs_hz=fs_hz), dtype)
        values = np.zeros((1, len(bank)), analyser.complex_dtype)
        analyser.compute(samples.astype(np.float32).astype(dtype), values)
        error = float(np.max(np.abs(values[0] - exact)) / np.max(np.abs(exact)))
        errors.append(error)
        if not error <= allowed:
            yield problem(
                "kernels",
                f"{np.dtype(dtype).name} values are wrong by {error:.1e} of the largest; {allowed:.0e} is allowed",
                "remove the folder of the compiler cache and try again; if it stays so, report it",
            )
            return
    took_s = time.monotonic() - began_s
    yield ok("kernels", f"right to {errors[0]:.0e} (single) and {errors[1]:.0e} (double), in {took_s:.1f} s")


def sum_exactly(
    tapered: NDArray[np.float64], freqs_hz: NDArray[np.float64], fs_hz: float
) -> NDArray[np.complex128]:
    """X(f) = sum of w[n] x[n] exp(-2j pi f n / fs) with phases reduced as fractions and sums without rounding."""
    values = []
    for freq_hz in freqs_hz:
        step = Fraction(float(freq_hz)) / Fraction(fs_hz)
        turns = [2 * math.pi * float(n * step % 1) for n in range(tapered.size)]
        real = math.fsum(x * math.cos(turn) for x, turn in zip(tapered, turns, strict=True))
        imag = math.fsum(-x * math.sin(turn) for x, turn in zip(tapered, turns, strict=True))
        values.append(complex(real, imag))
    return np.array(values)


def check_shared_memory() -> Iterator[Diagnosis]:
    """A block written by a child, which also shows that processes can be started."""
    patience_s = COMPILING_S if is_anything_missing() else ANSWER_S
    began_s = time.monotonic()
    block = SharedBlock(1 << 20)
    array = block.array(np.int64, (1 << 17,))
    child = start_process(_fill, block, name="doctor")
    child.join(patience_s)
    took_ms = (time.monotonic() - began_s) * 1000
    way = "memfd" if hasattr(os, "memfd_create") else "an unlinked file"
    if child.is_alive():
        child.kill()
        child.join()
    if int(array.sum()) == array.size:
        yield ok("shared memory", f"{way}, filled by a child process in {took_ms:.0f} ms")
    else:
        yield problem(
            "shared memory",
            f"a child process did not fill a block within {patience_s:g} s (exit code {child.exitcode})",
            "look whether a container, a seccomp profile or `ulimit` forbids processes or memfd_create",
        )


def _fill(block: SharedBlock) -> None:
    block.array(np.int64, (1 << 17,))[:] = 1


def check_live() -> Iterator[Diagnosis]:
    """The main job itself on a made-up signal: source, ring, workers, detectors."""

    def choose_display(fs_hz: float) -> Analysis:
        frames = FrameSpec(length_samples=205, hop_samples=51)
        return Analysis(bank=parse_bank("dtmf", fs_hz), frames=frames, fs_hz=fs_hz)

    began_s = time.monotonic()
    heard = ""
    source = parse_source("sim:dtmf:5550123:50ms/50ms", rate_hz=8000)
    with Stream(source, make_set_up(["dtmf"], choose_display), speed=None, duration_s=1.0) as stream:
        while not stream.finished and time.monotonic() - began_s < RUN_S:
            items = stream.step(0.1)
            heard += "".join(getattr(item, "label", "") for item in items if _is_over(item))
    took_s = time.monotonic() - began_s
    if heard == "5550123":
        yield ok("live analysis", f"heard the {heard} that were sent, within {took_s:.1f} s")
    else:
        yield problem(
            "live analysis",
            f'heard "{heard}" of 5550123 within {took_s:.0f} s',
            "`streamer detect` works without worker processes; please report this with all that stands here",
        )


def _is_over(item: Any) -> bool:
    return getattr(item, "phase", "") == "end"
