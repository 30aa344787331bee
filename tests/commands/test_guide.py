"""streamer guide: every page is listed, named in the README, readable in 80 columns, and true of where files are."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys

import pytest
from rich.cells import cell_len
from rich.console import Console

from streamer.commands.guide import ORDER, list_pages
from streamer.commands.page import Page
from tests.pages import README, ROOT
from tests.programs import run

PAGES = list_pages()
COLUMNS = 80


def render(text: str) -> str:
    out = io.StringIO()
    Console(file=out, width=COLUMNS, force_terminal=True, color_system=None).print(Page(text))
    return out.getvalue()


def test_without_a_topic_the_pages_are_listed_with_their_titles() -> None:
    lines = run("guide").stdout.splitlines()
    assert [line.split(maxsplit=1)[0] for line in lines] == list(PAGES)
    for line, text in zip(lines, PAGES.values(), strict=True):
        title = text.partition("\n")[0]
        assert title.endswith(line.split(maxsplit=1)[1])
        assert title.startswith("# ")
    assert [line for line in lines if len(line) > COLUMNS] == []


def test_every_page_has_its_place_in_the_reading_order() -> None:
    assert list(PAGES) == ORDER


def test_off_a_terminal_a_page_is_its_text() -> None:
    assert run("guide", "definitions").stdout == PAGES["definitions"]


def test_on_a_terminal_a_page_begins_at_its_top_in_a_pager() -> None:
    outer, inner = os.openpty()
    with os.fdopen(outer, "rb", buffering=0) as screen, os.fdopen(inner, "wb", buffering=0) as terminal:
        done = subprocess.run(
            [sys.executable, "-m", "streamer", "guide", "history"],
            env={**os.environ, "PAGER": "head -n 1"},
            stdin=terminal,
            stdout=terminal,
            timeout=60,
            check=False,
        )
        shown = screen.read(4096).decode()
    assert done.returncode == 0
    words = re.sub(r"\x1b\[[\d;]*m", "", shown).split()
    assert " ".join(words) == "History: levels and events, kept for weeks"


def test_a_page_that_is_not_there_names_those_that_are() -> None:
    done = run("guide", "spead")
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert "did you mean speed?" in line


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_named_in_the_readme_and_fits_80_columns(name: str) -> None:
    assert f"`{name}`" in README
    drawn = render(PAGES[name])
    assert [line for line in drawn.splitlines() if cell_len(line.rstrip()) > COLUMNS] == []
    for block in re.findall(r"^ *```.*?\n(.*?)^ *```$", PAGES[name], re.MULTILINE | re.DOTALL):
        assert [line for line in block.splitlines() if line.strip() not in drawn] == [], "lines that wrap"


@pytest.mark.parametrize("name", PAGES)
def test_no_word_of_a_table_is_cut(name: str) -> None:
    text = re.sub(r"^ *```.*?^ *```$", "", PAGES[name], flags=re.MULTILINE | re.DOTALL)
    drawn = set(re.findall(r"[^\W\d_]{4,}", render(PAGES[name])))
    for row in re.findall(r"^\|.*\|$", text, re.MULTILINE):
        assert set(re.findall(r"[^\W\d_]{4,}", row)) <= drawn, row
    assert render(PAGES[name]).count("…") == PAGES[name].count("…")


def test_a_table_that_is_too_wide_is_told_row_by_row() -> None:
    table = "| test | ours | theirs | asked |\n|---|---|---|---|\n| digits " + "heard " * 9 + "| 1 | 2 | 3 |"
    lines = [line.rstrip() for line in render(table).splitlines() if line.strip()]
    assert lines == ["test", "digits " + "heard " * 8 + "heard", "  ours 1 · theirs 2 · asked 3"]
    narrow = render(table.replace("heard " * 9, ""))
    assert re.search(r"^ *test +ours +theirs +asked *$", narrow, re.MULTILINE)


@pytest.mark.parametrize("name", ["README.md", *(f"streamer/guide/{page}.md" for page in PAGES)])
def test_files_that_are_named_are_there(name: str) -> None:
    text = re.sub(r"```.*?```", "", (ROOT / name).read_text(), flags=re.DOTALL)
    for path in re.findall(r"`((?:streamer|tests|configs)/[\w./*]+)`", text):
        assert list(ROOT.glob(path)), f"{name} names {path}, which is not there"
