"""Imports run one way, floor by floor and file by file; heavy libraries have one home each."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "streamer"

# Bottom to top: a folder imports from lower floors only; folders on one floor do not know each other.
FLOORS = [
    ["base"],
    ["sources", "analysis", "events", "history"],
    ["detectors", "dashboard"],
    ["plans", "stores"],
    ["live", "recordings", "outputs"],
    ["api", "archive", "judge"],
    ["commands", "__init__"],
    ["__main__"],
]

# What a floor would allow and the folder still never does.
NEVERS = {
    "dashboard": {"analysis", "sources"},
    "plans": {"dashboard"},
    "stores": {"dashboard", "detectors", "sources"},
    "live": {"dashboard", "stores"},
    "recordings": {"dashboard"},
    "outputs": {"dashboard"},
    "judge": {"dashboard", "live", "outputs", "stores"},
    "api": {"dashboard", "recordings", "outputs"},
}

# Bottom to top within each folder: a file imports from rows before its own. A folder counts as one; as_* stands for
# all that answer one contract, so that one more of them is no line here.
ORDER = {
    "base": (
        "__init__ blas bytecode colours cycles errors folders morse notes own_code roles version < fork_server shipped"
        " < children < processes < files text < toml units < arguments fields moments reading"
        " < families old_names pattern"
    ),
    "sources": (
        "address channels descendants graph_rate registry < formats spec"
        " < byte_stream calibration container correction file mic synthetic udp < command folders path rtp < __init__"
    ),
    "sources/formats": "__init__ g711 stretches < flac ogg pcm < wav write < lengths mp3",
    "sources/synthetic": "__init__ voices words < from_plan < parts sounds < language < source generate",
    "analysis": (
        "__init__ frames kernels meters < averages bank lines < goertzel values < bins grid groups < analyser < blocks"
    ),
    "analysis/kernels": (
        "__init__ at_once kept link tiles < vectors < store < compiled inner powers transforms < grids stretches"
    ),
    "history": "__init__ lines < shelf < read",
    "events": "records < clocks < __init__",
    "detectors": (
        "copies hearing limits numbers < __init__ < matching < registry"
        " < cadences codes decoder dtmf fsk keying level presence sequences tones < paired"
    ),
    "detectors/hearing": (
        "__init__ baseband line_fields pair_loops places sight_fields steps < bursts desk lines spectra_loops"
        " < burst_loops compiled line_loops probe_loops sight_loops < tones_heard"
    ),
    "detectors/matching": (
        "__init__ parts < grammar neighbours < call near paired pairs rhythm rivals < detector framed < build"
    ),
    "detectors/tones": (
        "modulation series spec < probes company figures < candidate memory < verdict < detector < __init__"
    ),
    "detectors/level": "schedule < spec < detector < __init__",
    "detectors/fsk": "spec < bits < detector < __init__",
    "detectors/keying": "spec < code < envelope < detector < __init__",
    "detectors/presence": "spec < lines < detector < __init__",
    "detectors/dtmf": (
        "__init__ spec verdict < pairs timing < leaders records < compiled doubts loops"
        " < choir chord company crackle figures rough survey_loops telling < hearing < detector grammar < ear kind"
    ),
    "dashboard": (
        "__init__ figures layout messages palette past terminal < canvas heard history link < state < parts < screen"
        " < process"
    ),
    "dashboard/parts": (
        "part scale < cells help < analysis engine events keys last_hour levels lines state_line tally tape waterfall"
        " < one_band < __init__"
    ),
    "plans": (
        "__init__ band_report imported tables < plan schema < asterisk band_words doubts freeswitch listening"
        " < bands importing"
    ),
    "live": (
        "__init__ atomics diverted_stderr ring_fields < ring_loops compiled spans < ring results"
        " < capture_messages handover < dispatcher worker collector silence timekeeper < pool capture"
        " < capture_process preload < dates hearing < hearings < section source_keeper < stream"
    ),
    "stores": "__init__ heading < labelled < spans < as_* < plots spans_files < measured",
    "stores/as_png": "__init__ labels layout pooling ticks < sheet < figure spans",
    "recordings": (
        "__init__ arrays choose_frames pool progress threads < detect spectrogram < identify pieces relay < jobs"
        " < export preload"
    ),
    "recordings/identify": "__init__ sound timeline < chords survey < known patterns < drafts < findings",
    "archive": (
        "__init__ driver fetch job < executors inventory < grid ledger < spectra < shards < work"
        " < cost found < scan verify"
    ),
    "api": "__init__ asking < listener < feeds < open_stream",
    "outputs": (
        "target < __init__ clip_plans digits formats heard letters output < counterpart levels syslog_lines"
        " words < level_lines posts reading < to_* < from_*"
    ),
    "judge": (
        "__init__ heard < hum < material scenes < channels codecs rooms < families < targets < judge"
        " < extras line < dtmf < table < decoders < run"
    ),
    "judge/decoders": ("child ours super_tone < packages reading spandsp < command < programs < __init__"),
    "commands": (
        "__init__ descriptors inputs interrupts options page talk progress < cut_short failures live"
        " < bands bench calibrate config detect devices doctor generate guide history identify plan scan spectrogram"
        " wait"
        " < completion < main"
    ),
    "commands/live": (
        "__init__ audio output_tables settings systemd < load_settings last_words plain < spec < level_feed view wanted"
        " < reload < monitor < command"
    ),
    "commands/history": "__init__ asked < events levels < text < command",
    "commands/detect": "__init__ run < command",
    "commands/wait": "__init__ labels < asked < run < command",
    "commands/identify": "__init__ live_pass text < run < command",
    "commands/calibrate": "__init__ measure < ear < run < command",
    "commands/doctor": "__init__ diagnosis < microphone < checks < command",
    "commands/bench": (
        "__init__ cases decoders living < channels limit peers baselines scaling < report < hearing run < summary"
        " < command"
    ),
}

# Each heavy or fragile library, and who may import it; a folder stands for all of its files.
HEAVY = {
    "numba": {
        *("analysis/kernels", "live/atomics", "live/ring_loops", "detectors/hearing/line_loops"),
        "detectors/hearing/pair_loops",
        "detectors/hearing/spectra_loops",  # and by it all loops of dtmf, probe_loops, sight_loops
        "commands/bench/limit",
    },
    "llvmlite": {"analysis/kernels"},
    "sounddevice": {"sources/mic", "commands/main"},
    "soundfile": {"sources/file", "sources/formats/write", "judge", "commands/main"},
    "av": {"sources/container", "sources/path"},
    "rich": {"dashboard", "commands"},
    "scipy": {"analysis/frames", "judge", "commands/bench/peers"},
    "matplotlib": {"stores/plots"},
    "PIL": {"stores/as_png/sheet", "stores/as_png/figure"},
    "zarr": {"stores/as_zarr", "archive/spectra"},
    "xxhash": {"archive/shards", "archive/spectra"},
    "fsspec": {"archive/fetch"},
    "distributed": {"archive/executors"},
    "duckdb": {"archive/found"},
    "prometheus_client": {"outputs/to_metrics"},
    "paho": {"outputs/to_mqtt", "outputs/from_mqtt"},
    "pythonosc": {"outputs/to_osc"},
    "nats": {"outputs/to_nats", "outputs/from_nats"},
    "h5netcdf": {"stores/as_netcdf"},
    "h5py": {"stores/as_netcdf"},
    "xarray": {"stores/labelled", "stores/spans"},
}


def list_files() -> list[str]:
    """Every module as folder/file, without .py."""
    return sorted(str(path.relative_to(PACKAGE).with_suffix("")) for path in PACKAGE.rglob("*.py"))


FILES = list_files()


def find_imports(file: str) -> Iterator[str]:
    """What a file imports anywhere but under TYPE_CHECKING: a/b for ours, the library's name for others'."""

    def walk(node: ast.AST) -> Iterator[str]:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            return
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        for child in ast.iter_child_nodes(node):
            yield from walk(child)

    for name in walk(ast.parse((PACKAGE / f"{file}.py").read_text())):
        library, _, rest = name.partition(".")
        yield _find_file(rest.split(".")) if library == "streamer" else library


def _find_file(parts: list[str]) -> str:
    """The longest part of a dotted name that is one of our files."""
    for n in range(len(parts), 0, -1):
        for file in ("/".join(parts[:n]), "/".join([*parts[:n], "__init__"])):
            if file in FILES:
                return file
    return "__init__"


def floor_of(file: str) -> int:
    family = file.partition("/")[0]
    found = [level for level, folders in enumerate(FLOORS) if family in folders]
    assert len(found) == 1, f"{family} has no floor, or two"
    return found[0]


@pytest.mark.parametrize("file", FILES)
def test_a_folder_imports_from_lower_floors_only(file: str) -> None:
    family = file.partition("/")[0]
    for name in find_imports(file):
        other = name.partition("/")[0]
        if name in FILES and other != family:
            assert floor_of(name) < floor_of(file), f"{file} imports {name}, which is on no lower floor"
            assert other not in NEVERS.get(family, ()), f"{file} imports {name}, which {family} never does"


@pytest.mark.parametrize("file", FILES)
def test_a_file_imports_from_files_below_it_in_its_folder(file: str) -> None:
    for name in find_imports(file):
        if name not in FILES or name == file:
            continue
        shared = 0  # how many folders the two have in common
        ours, theirs = file.split("/"), name.split("/")
        while ours[shared] == theirs[shared]:
            shared += 1
        if shared:
            folder = "/".join(ours[:shared])
            assert row_of(folder, theirs[shared]) < row_of(folder, ours[shared]), f"{file} imports {name}"


def row_of(folder: str, entry: str) -> int:
    rows = [row.split() for row in ORDER[folder].split("<")]
    found = [number for number, row in enumerate(rows) if any(fnmatch(entry, word) for word in row)]
    assert len(found) == 1, f"{entry} has no place in the order of {folder}, or two"
    return found[0]


def test_the_orders_name_what_is_there() -> None:
    for folder, order in ORDER.items():
        there = {
            file.removeprefix(f"{folder}/").partition("/")[0]
            for file in FILES
            if file.startswith(f"{folder}/")
        }
        words = order.replace("<", " ").split()
        assert {word for word in words if "*" not in word} <= there, folder
        assert all(any(fnmatch(entry, word) for word in words) for entry in there), folder
    assert {file.rpartition("/")[0] for file in FILES} == {"", *ORDER}


@pytest.mark.parametrize("file", FILES)
def test_a_heavy_library_is_imported_only_where_it_is_at_home(file: str) -> None:
    for library in set(find_imports(file)) & set(HEAVY):
        homes = HEAVY[library]
        assert any(file == home or file.startswith(f"{home}/") for home in homes), f"{file} imports {library}"


@pytest.mark.parametrize("folder", sorted({file.partition("/")[0] for file in FILES if "/" in file}))
def test_a_wrong_import_in_any_folder_would_be_found(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file = f"{folder}/__init__"
    monkeypatch.setitem(globals(), "find_imports", lambda _file: iter(["__main__"]))
    with pytest.raises(AssertionError, match="no lower floor"):
        test_a_folder_imports_from_lower_floors_only(file)


def load(statement: str) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded after a statement."""
    code = f"{statement}\nimport sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_importing_streamer_loads_nothing_heavy() -> None:
    assert not load("import streamer") & {"numpy", *HEAVY}


def test_signals_are_caught_before_anything_is_loaded_that_takes_a_while() -> None:
    loaded = load("import streamer.commands.descriptors, streamer.commands.interrupts") - load("pass")
    assert not loaded & {"typing", "re", "contextlib", "click"}


def test_the_command_lines_help_loads_nothing_heavy() -> None:
    assert not load("import streamer.commands.main") & {"numpy", "msgspec", *HEAVY}


def test_reading_what_a_source_is_needs_no_numpy() -> None:
    assert "numpy" not in load(
        "from streamer.sources import parse_source; parse_source('sim:dtmf:1', channels='1')"
    )


def test_recordings_and_arrays_need_no_numba_once_kernels_are_compiled() -> None:
    detect = "import numpy as np, streamer; streamer.detect(np.zeros(8000), 8000); streamer.goertzel([1.0] * 8, [1], 8)"
    load(detect)
    assert "numba" not in load(detect)


def test_detecting_loads_nothing_that_is_for_compiling_or_for_tests() -> None:
    loaded = load("import streamer.commands.detect.run, streamer.detectors.dtmf.detector")
    assert not loaded & {*("numba", "llvmlite", "unittest", "asyncio", "ssl")}


def test_the_main_process_runs_without_numba_and_audio_libraries() -> None:
    assert not load(
        "import streamer.commands.live.monitor, streamer.plans.plan, streamer.detectors.dtmf.detector"
    ) & {*("numba", "sounddevice", "soundfile", "scipy", "rich")}
