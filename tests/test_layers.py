"""Imports run one way, and heavy ones only where they are used."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "streamer"

# Bottom to top: a module imports only from lines above its own. A folder counts as one.
LAYERS = [
    ("errors", "notify"),
    ("units",),
    ("events", "stats", "families"),
    ("tomlfile", "sections", "terminal", "palette", "g711"),
    ("tables",),
    ("frames",),
    ("bank",),
    ("snapshot",),
    ("picture", "regions"),
    ("bars", "panels"),
    ("screen",),
    ("dashboard",),
    ("atomics", "processes"),
    ("ring",),
    ("tiles",),
    ("ring_kernels", "kernels"),
    ("compiled",),
    ("sums",),
    ("grid",),
    ("analyser",),
    ("shares",),
    ("pool",),
    ("preload", "detectors"),
    ("plans", "indications"),
    ("bandwords",),
    ("bandspec",),
    ("signals",),
    ("signalspec",),
    ("sources",),
    ("generate",),
    ("capture", "engine", "decoder"),
    ("sinks", "settings"),
    ("config",),
    ("offline",),
    ("recordings",),
    ("spectra", "ticks", "progress"),
    ("figure", "stores"),
    ("exports",),
    ("stream",),
    ("monitor", "live", "bench", "doctor"),
    ("cli",),
    ("__main__",),
]
# These import one another when called; a cycle of modules, not of loading.
LATE = {("bandspec", "plans"), ("ring", "ring_kernels")}

HEAVY = {
    "numba": {"atomics", "compiled", "preload", "kernels", "ring_kernels", "bench"},
    "llvmlite": {"kernels", "compiled"},
    "sounddevice": {"sources", "cli"},
    "soundfile": {"sources", "generate", "cli"},
    "rich": {"regions", "bars", "panels", "screen", "bench", "cli", "progress"},
    "scipy": {"frames", "bench", "offline"},
    "PIL": {"figure"},
    "zarr": {"stores"},
    "h5netcdf": {"stores"},
    "h5py": {"stores"},
}


def list_modules() -> list[tuple[str, Path]]:
    return [
        (path.relative_to(PACKAGE).with_suffix("").parts[0], path)
        for path in sorted(PACKAGE.rglob("*.py"))
        if path != PACKAGE / "__init__.py"
    ]


def find_imports(path: Path) -> set[tuple[str, ...]]:
    """Dotted names imported anywhere in a file but under TYPE_CHECKING."""
    found: set[tuple[str, ...]] = set()

    def walk(node: ast.AST) -> None:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            return
        if isinstance(node, ast.Import):
            found.update(tuple(alias.name.split(".")) for alias in node.names)
        if isinstance(node, ast.ImportFrom) and node.module:
            if node.module == "streamer":
                found.update(("streamer", alias.name) for alias in node.names)
            else:
                found.add(tuple(node.module.split(".")))
        for child in ast.iter_child_nodes(node):
            walk(child)

    walk(ast.parse(path.read_text()))
    return found


@pytest.mark.parametrize(("module", "path"), list_modules(), ids=lambda value: str(value).rpartition("/")[2])
def test_a_module_imports_only_from_below(module: str, path: Path) -> None:
    height = {name: level for level, names in enumerate(LAYERS) for name in names}
    assert module in height, f"{module} has no place in LAYERS"
    for name in find_imports(path):
        if name[0] == "streamer" and len(name) > 1 and name[1] in height and name[1] != module:
            allowed = height[name[1]] < height[module] or (module, name[1]) in LATE
            assert allowed, f"{module} imports {name[1]}, which is not below it"


@pytest.mark.parametrize(("module", "path"), list_modules(), ids=lambda value: str(value).rpartition("/")[2])
def test_a_heavy_dependency_is_imported_only_where_it_is_at_home(module: str, path: Path) -> None:
    for name in find_imports(path):
        assert module in HEAVY.get(name[0], {module}), f"{module} imports {name[0]}"


def load(statement: str) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded after a statement."""
    code = f"{statement}\nimport sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_importing_streamer_loads_nothing_heavy() -> None:
    assert not load("import streamer") & {"numpy", *HEAVY}


def test_the_command_lines_help_loads_nothing_heavy() -> None:
    assert not load("import streamer.cli") & {"numpy", "msgspec", *HEAVY}


def test_recordings_and_arrays_need_no_numba_once_kernels_are_compiled() -> None:
    detect = "import numpy as np, streamer; streamer.detect(np.zeros(8000), 8000); streamer.goertzel([1.0] * 8, [1], 8)"
    load(detect)
    assert "numba" not in load(detect)


def test_the_main_process_runs_without_numba_and_audio_libraries() -> None:
    assert not load("import streamer.monitor, streamer.plans, streamer.detectors.dtmf") & {
        *("numba", "sounddevice", "soundfile", "scipy", "rich")
    }
