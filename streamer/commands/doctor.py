"""Whether the main job can run here, check by check, and what to do where it cannot."""

from __future__ import annotations

import locale
import math
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from importlib.metadata import PackageNotFoundError, version
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from streamer.base.errors import SourceError, SpecError, StreamerError
from streamer.base.processes import SharedBlock, get_context, start_process
from streamer.base.version import __version__
from streamer.sources import SourceSpec

if TYPE_CHECKING:
    from streamer.plans.listening import Listening
    from streamer.sources import SourceInfo

LIBRARIES = ("numba", "llvmlite", "numpy", "scipy", "click", "rich", "msgspec", "sounddevice", "soundfile")
OPTIONAL = {
    "sounddevice",
    "soundfile",
}  # files that Python itself reads, pipes and made-up signals do without
CAPTURE_S = 1.5
ANSWER_S = 8.0  # PortAudio may hang for ever; what works answers sooner
MAX_RATE_ERROR = 0.03  # of a rate measured over so short a time, in blocks as large as some servers'
MAX_ERROR = {np.float32: 2e-6, np.float64: 2e-12}  # of the largest value; what the kernels promise
RUN_S = 60.0  # for the stages together; compiling is over by then
DASHBOARD_SIZE = (80, 24)


class Verdict(Enum):
    OK = "ok"
    NOTE = "note"  # something will be missing, and the main job runs all the same
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check says.  remedy: what to do about it, if it is not ok"""

    subject: str
    verdict: Verdict
    text: str
    remedy: str = ""

    def format(self) -> str:
        line = f"{self.verdict.value:<8} {self.subject}: {self.text}"
        return f"{line}\n{'':<9}-> {self.remedy}" if self.remedy else line


def _ok(subject: str, text: str) -> Finding:
    return Finding(subject=subject, verdict=Verdict.OK, text=text)


def _note(subject: str, text: str, remedy: str) -> Finding:
    return Finding(subject=subject, verdict=Verdict.NOTE, text=text, remedy=remedy)


def _problem(subject: str, text: str, remedy: str) -> Finding:
    return Finding(subject=subject, verdict=Verdict.PROBLEM, text=text, remedy=remedy)


def examine(microphone: SourceSpec) -> Iterator[Finding]:
    """All checks, one finding after the other as they are made; a check that fails stops none of the others."""
    if microphone.kind != "mic":
        raise SpecError(f"source is {microphone}; the doctor listens to microphones: mic or mic:NAME")
    return _run_checks(microphone)


def _run_checks(microphone: SourceSpec) -> Iterator[Finding]:
    checks: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ("versions", check_versions),
        ("terminal", lambda: check_terminal(os.environ)),
        (
            "kernels",
            check_kernels,
        ),  # before numba is loaded, so that the code that was kept is what is checked
        ("compiler cache", check_cache),
        ("shared memory", check_shared_memory),
        ("live analysis", check_live),
        ("audio", lambda: check_audio(microphone)),
    ]
    for subject, check in checks:
        try:
            yield from check()
        except Exception as error:
            yield _problem(subject, _describe(error), "please report this with all that stands here")


def check_versions() -> Iterator[Finding]:
    text = f"streamer {__version__}, Python {platform.python_version()}, {platform.platform(terse=True)}"
    yield _ok("versions", f"{text}, {platform.machine()}, {os.cpu_count()} processors")
    found = []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            make = _note if name in OPTIONAL else _problem
            yield make("libraries", f"{name} is not installed", f"pip install {name}")
    yield _ok("libraries", ", ".join(found))


def check_terminal(environ: Mapping[str, str]) -> Iterator[Finding]:
    from streamer.dashboard.palette import Depth, read_depth

    if not sys.stdout.isatty():
        yield _note(
            "terminal", "stdout is none", "for the dashboard run it in a terminal; here it prints lines"
        )
        return
    columns, rows = os.get_terminal_size(sys.stdout.fileno())
    size = f'{columns} x {rows}, TERM is "{environ.get("TERM", "")}"'
    if environ.get("TERM", "") in ("", "dumb"):
        yield _note("terminal", size, "for the dashboard set TERM, such as TERM=xterm-256color")
    elif 0 < columns < DASHBOARD_SIZE[0] or 0 < rows < DASHBOARD_SIZE[1]:
        wanted = "{} x {}".format(*DASHBOARD_SIZE)
        yield _note("terminal", size, f"make it {wanted} or larger to see all of the dashboard")
    else:
        yield _ok("terminal", size)
    depth = read_depth(environ)
    if depth in (Depth.TRUE, Depth.INDEXED):
        yield _ok("colours", depth.value)
    else:
        why = "NO_COLOR is set" if environ.get("NO_COLOR") else "TERM promises no more"
        yield _note(
            "colours", f"{depth.value}: {why}", "unset NO_COLOR, or set TERM=xterm-256color, for more"
        )
    encoding = sys.stdout.encoding or locale.getpreferredencoding(do_setlocale=False)
    if encoding.lower().replace("-", "") == "utf8":
        yield _ok("characters", encoding)
    else:
        yield _note("characters", encoding, "bars and shades need UTF-8: set LANG=C.UTF-8")


def check_cache() -> Iterator[Finding]:
    """Where compiled kernels are kept; numba finds no place only when it loads them."""
    from streamer.analysis.kernels import loops

    folder = Path(loops.evaluate_frames.stats.cache_path or "")
    there = next((f for f in (folder, *folder.parents) if f.exists()), folder)
    if os.access(there, os.W_OK):
        yield _ok("compiler cache", str(folder))
    else:
        yield _note(
            "compiler cache",
            f"{folder} cannot be written, so every start compiles again",
            "set NUMBA_CACHE_DIR to a folder that can be",
        )


def check_kernels() -> Iterator[Finding]:
    """Against the definition, summed exactly. Compiles first where nobody has yet."""
    from streamer.analysis.analyser import Analyser
    from streamer.analysis.bank import Analysis, Bank
    from streamer.analysis.frames import FrameSpec

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
            yield _problem(
                "kernels",
                f"{np.dtype(dtype).name} values are wrong by {error:.1e} of the largest; {allowed:.0e} is allowed",
                "remove the folder of the compiler cache and try again; if it stays so, report it",
            )
            return
    took_s = time.monotonic() - began_s
    yield _ok("kernels", f"right to {errors[0]:.0e} (single) and {errors[1]:.0e} (double), in {took_s:.1f} s")


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


def check_shared_memory() -> Iterator[Finding]:
    """A block written by a child, which also shows that processes can be started."""
    began_s = time.monotonic()
    block = SharedBlock(1 << 20)
    array = block.array(np.int64, (1 << 17,))
    child = start_process(_fill, block, name="streamer doctor")
    child.join(ANSWER_S)
    took_ms = (time.monotonic() - began_s) * 1000
    way = "memfd" if hasattr(os, "memfd_create") else "an unlinked file"
    if child.is_alive():
        child.kill()
        child.join()
    if int(array.sum()) == array.size:
        yield _ok("shared memory", f"{way}, filled by a child process in {took_ms:.0f} ms")
    else:
        yield _problem(
            "shared memory",
            f"a child process did not fill a block within {ANSWER_S:g} s (exit code {child.exitcode})",
            "look whether a container, a seccomp profile or `ulimit` forbids processes or memfd_create",
        )


def _fill(block: SharedBlock) -> None:
    block.array(np.int64, (1 << 17,))[:] = 1


def check_live() -> Iterator[Finding]:
    """The main job itself on a made-up signal: source, ring, workers, detectors."""
    from streamer.live.stream import Stream
    from streamer.plans.listening import Listening, make_detectors
    from streamer.sources import parse_source

    def set_up(info: SourceInfo) -> Listening:
        from streamer.analysis.bank import Analysis
        from streamer.analysis.frames import FrameSpec
        from streamer.plans.bands import parse_bank

        frames = FrameSpec(length_samples=205, hop_samples=51)
        display = Analysis(bank=parse_bank("dtmf", info.fs_hz), frames=frames, fs_hz=info.fs_hz)
        return Listening(display=display, detectors=list(make_detectors(["dtmf"], info.fs_hz, 1)))

    began_s = time.monotonic()
    heard = ""
    source = parse_source("sim:dtmf:5550123:50ms/50ms", rate_hz=8000)
    with Stream(source, set_up, speed=None, duration_s=1.0) as stream:
        while not stream.finished and time.monotonic() - began_s < RUN_S:
            items = stream.step(0.1)
            heard += "".join(getattr(item, "label", "") for item in items if _is_over(item))
    took_s = time.monotonic() - began_s
    if heard == "5550123":
        yield _ok("live analysis", f"heard the {heard} that were sent, within {took_s:.1f} s")
    else:
        yield _problem(
            "live analysis",
            f'heard "{heard}" of 5550123 within {took_s:.0f} s',
            "`streamer detect` works without worker processes; please report this with all that stands here",
        )


def _is_over(item: Any) -> bool:
    return getattr(item, "phase", "") == "end"


# --- the microphone ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """A short capture: when which number of samples had arrived."""

    name: str
    fs_hz: float
    end_samples: list[int]
    arrivals_s: list[float]
    overflows: int
    peak: float


def check_audio(microphone: SourceSpec) -> Iterator[Finding]:
    """Library, devices and a short capture, in a child, as PortAudio may hang in any of them."""
    answers = _ask_child(microphone)
    is_named = bool(microphone.target)
    devices = next(answers)
    if isinstance(devices, StreamerError):
        make = _problem if is_named else _note
        yield make("audio library", str(devices), "or hear the built-in signal: streamer live --demo")
        return
    if devices is None:
        yield _problem(
            "audio library",
            f"listing the devices did not end within {ANSWER_S:g} s",
            "the audio server hangs: restart it (such as `systemctl --user restart pipewire pulseaudio`)",
        )
        return
    if not devices:
        make = _problem if is_named else _note
        yield make(
            "devices",
            "there is no input device",
            "plug one in, or hear the built-in signal: streamer live --demo",
        )
        return
    names = ", ".join(f"[{d.index}] {d.name}{' (default)' if d.is_default else ''}" for d in devices)
    yield _ok("devices", names)
    captured = next(answers)
    if isinstance(captured, StreamerError):
        yield _problem("capture", str(captured), "name another device: streamer doctor mic:NAME")
    elif captured is None or len(captured.end_samples) < 3:
        yield _problem(
            "capture",
            f"{'' if captured is None else captured.name + ': '}no samples came within {ANSWER_S:g} s",
            "look whether another program holds the device, and whether the audio server hangs",
        )
    else:
        yield from judge_capture(captured)


def judge_capture(captured: Captured) -> Iterator[Finding]:
    """Rate, gaps and level of what was captured."""
    rate_hz = measure_rate_hz(captured.end_samples, captured.arrivals_s)
    n, name = captured.end_samples[-1], captured.name
    text = f"{name}: {n} samples, {rate_hz:.0f} Hz measured, {captured.fs_hz:g} Hz promised"
    if abs(rate_hz / captured.fs_hz - 1) > MAX_RATE_ERROR:
        yield _problem("capture", text, "ask for another rate with --rate, or name another device")
    else:
        yield _ok("capture", text)
    if captured.overflows:
        yield _note(
            "gaps",
            f"the device reported lost samples {captured.overflows} times",
            "something keeps the processors busy: end it, or give streamer a higher priority (`nice`)",
        )
    else:
        yield _ok("gaps", "none")
    if captured.peak == 0:
        yield _note("level", "all samples are 0", "look whether the input is muted, or the right one")
    elif captured.peak >= 1:
        yield _note("level", "full scale was reached", "turn the input down")
    else:
        yield _ok("level", f"peak {20 * math.log10(captured.peak):.0f} dBFS")


def measure_rate_hz(end_samples: list[int], arrivals_s: list[float]) -> float:
    """The slope of the straight line through them: single blocks may be late."""
    slope, _ = np.polyfit(np.array(arrivals_s) - arrivals_s[0], np.array(end_samples), 1)
    return float(slope)


def _ask_child(microphone: SourceSpec) -> Iterator[Any]:
    """What the child finds, answer by answer; None when it does not answer in time, and for the rest."""
    ours, theirs = get_context().Pipe(duplex=True)
    child = start_process(_listen, microphone, theirs, name="streamer doctor")
    theirs.close()
    try:
        while ours.poll(ANSWER_S):
            yield ours.recv()
    except EOFError:
        pass
    finally:
        child.kill()
        child.join(1.0)
        ours.close()
    while True:
        yield None


def _listen(microphone: SourceSpec, answers: Connection) -> None:
    """The child: the devices, then what one of them gives; a StreamerError instead of either."""
    from streamer.sources.mic import MicSource, list_devices

    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # ALSA and PortAudio write there as they please
    try:
        devices = list_devices()
        answers.send(devices)
        if not devices:
            return
        end_samples: list[int] = []
        arrivals_s: list[float] = []
        peaks: list[float] = [0.0]

        def push(block: NDArray[np.float32], time_ns: int) -> None:
            end_samples.append((end_samples[-1] if end_samples else 0) + len(block))
            arrivals_s.append(time_ns * 1e-9)
            peaks.append(float(np.abs(block).max()))

        source = MicSource(microphone)
        source.start(push, lambda: None)
        time.sleep(CAPTURE_S)
        answers.send(
            Captured(
                name=source.info.name,
                fs_hz=source.info.fs_hz,
                end_samples=end_samples,
                arrivals_s=arrivals_s,
                overflows=source.overflows,
                peak=max(peaks),
            )
        )
    except StreamerError as error:
        answers.send(error)
    except Exception as error:
        answers.send(SourceError(_describe(error)))


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
