"""Every example in a docstring, and every block of Python in the guide, runs and gives what it says."""

from __future__ import annotations

import doctest
import importlib
import inspect
import re
from pathlib import Path

import numpy as np
import pytest

import streamer

ROOT = Path(__file__).parent.parent / "streamer"
MODULES = sorted(
    ".".join(("streamer", *path.relative_to(ROOT).with_suffix("").parts))
    for path in ROOT.rglob("*.py")
    if ">>> " in path.read_text()
)
OPTIONS = doctest.ELLIPSIS
RECORDS = {
    "ClockRecord",
    "ErrorRecord",
    "GapRecord",
    "SourceRecord",
    "SourceInfo",
}  # are yielded, and made by nobody


@pytest.mark.parametrize("module", MODULES)
def test_a_modules_examples_give_what_they_say(module: str) -> None:
    with np.printoptions(legacy=False):
        failures, examples = doctest.testmod(importlib.import_module(module), optionflags=OPTIONS)
    assert examples
    assert not failures


@pytest.mark.parametrize("name", [name for name in streamer.__all__ if name not in RECORDS])
def test_what_programs_may_use_has_an_example(name: str) -> None:
    thing = getattr(streamer, name)
    if not (inspect.isclass(thing) and issubclass(thing, Exception)):
        assert ">>> " in thing.__doc__


def test_the_guides_page_about_python_gives_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    page = ROOT / "guide" / "python.md"
    blocks = re.findall(r"^```python\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)
    known: dict[str, object] = {}
    for block in blocks:
        if ">>> " not in block:
            exec(compile(block, str(page), "exec"), known)
            continue
        test = doctest.DocTestParser().get_doctest(block, known, page.stem, str(page), 0)
        runner = doctest.DocTestRunner(optionflags=OPTIONS)
        assert runner.run(test, clear_globs=False).failed == 0
        known = test.globs
