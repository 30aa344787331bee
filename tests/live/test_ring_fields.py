"""The table of who may write what in the ring is true."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

import streamer
from streamer.live import ring_fields

PACKAGE = Path(streamer.__file__).parent
LIVE = PACKAGE / "live"
ARRAYS = {"log", "gaps", "samples"}
PROCESSES = {"RingWriter": "capture", "RingOwner": "main", "RingReader": "workers"}


def read_table() -> dict[str, str]:
    """field -> who writes it, as the docstring says."""
    rows = re.findall(
        r"^    (\w+) +(capture, then main|capture|main) +\S", ring_fields.__doc__ or "", re.MULTILINE
    )
    return dict(rows)


def name_of(node: ast.expr) -> str:
    """control for ring.control, self._control and control alike; of a field and its lane the field."""
    if isinstance(node, ast.BinOp):
        node = node.left
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return name.removeprefix("_")


def find_written(tree: ast.AST) -> Iterator[str]:
    """The fields that code writes: control[FIELD] = ..., store(control, FIELD, ...), log[...] = ..."""
    for node in ast.walk(tree):
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AugAssign):
            targets = [node.target]
        elif isinstance(node, ast.Call) and name_of(node.func) in ("store", "store_release"):
            targets = [ast.Subscript(node.args[0], node.args[1])]
        for target in targets:
            if isinstance(target, ast.Subscript):
                array = name_of(target.value)
                if array in ("control", "fields"):
                    yield name_of(target.slice)
                elif array in ARRAYS:
                    yield array


def parse(name: str) -> ast.Module:
    return ast.parse((LIVE / name).read_text())


def find_writers() -> dict[str, set[str]]:
    """field -> the processes whose end of the ring writes it."""
    loops = {
        function.name: set(find_written(function))
        for function in parse("ring_loops.py").body
        if isinstance(function, ast.FunctionDef)
    }
    for function in parse("ring_loops.py").body:  # and by those that they call
        if isinstance(function, ast.FunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Call):
                    loops[function.name] |= loops.get(name_of(node.func), set())
    found: dict[str, set[str]] = defaultdict(set)
    for end in parse("ring.py").body:
        if not isinstance(end, ast.ClassDef) or end.name not in PROCESSES:
            continue
        written = set(find_written(end))
        for node in ast.walk(end):  # what it has the compiled loops write
            if isinstance(node, ast.Attribute) and name_of(node.value) == "compiled" and node.attr != "store":
                written |= loops[node.attr]
        for field in written:
            found[field].add(PROCESSES[end.name])
    return found


def test_the_table_names_every_field() -> None:
    fields = {
        name
        for name, value in vars(ring_fields).items()
        if name.isupper()
        and isinstance(value, int)
        and name not in ("CONTROL_FIELDS", "LOG_ENTRIES", "GAP_ENTRIES", "N_LANES", "LANE")
    }
    assert set(read_table()) == fields | ARRAYS
    lanes = dict.fromkeys(("DISPATCHED", "COLLECTED"), ring_fields.N_LANES)
    places = sorted(
        vars(ring_fields)[name] + ring_fields.LANE * lane
        for name in fields
        for lane in range(lanes.get(name, 1))
    )
    assert places == list(range(0, ring_fields.CONTROL_FIELDS, 8))  # a cache line each


def test_each_field_is_written_by_those_whom_the_table_names() -> None:
    told = {field: set(writers.split(", then ")) for field, writers in read_table().items()}
    assert find_writers() == told


def test_a_ring_itself_writes_nothing_but_that_it_has_not_ended() -> None:
    [ring] = [
        node for node in parse("ring.py").body if isinstance(node, ast.ClassDef) and node.name == "Ring"
    ]
    assert list(find_written(ring)) == ["TOTAL"]


def test_nobody_else_knows_where_the_fields_lie() -> None:
    for path in [*PACKAGE.rglob("*.py"), *Path(__file__).parent.parent.rglob("*.py")]:
        if path.parent == LIVE and path.name in ("ring.py", "ring_loops.py"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Attribute):
                assert node.value.attr not in ("control", "log", "gaps"), f"{path}:{node.lineno}"
            if (
                path.parent == LIVE
                and isinstance(node, ast.ImportFrom)
                and node.module == ring_fields.__name__
            ):
                assert {alias.name for alias in node.names} <= {"Gap", "GapReason", "N_LANES"}, path


@pytest.mark.parametrize(
    ("end", "files"),
    [
        ("RingWriter", {"capture.py"}),
        ("RingReader", {"worker.py"}),
        ("RingOwner", {"collector.py", "hearing.py", "section.py"}),
    ],
)
def test_each_end_is_made_in_its_own_process(end: str, files: set[str]) -> None:
    made_in = {
        path.name
        for path in LIVE.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and name_of(node.func) == end
    }
    assert made_in == files
