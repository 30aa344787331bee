"""streamer guide: every page is listed, named in the README, readable in 80 columns, and true of where files are."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from rich.console import Console
from rich.markdown import Markdown

from streamer.commands.guide import list_pages, read_title
from tests.programs import run

ROOT = Path(__file__).parents[2]
PAGES = list_pages()


def test_without_a_topic_the_pages_are_listed_with_their_titles() -> None:
    lines = run("guide").stdout.splitlines()
    assert [line.split(maxsplit=1)[0] for line in lines] == list(PAGES)
    assert all(line.endswith(read_title(text)) for line, text in zip(lines, PAGES.values(), strict=True))


def test_off_a_terminal_a_page_is_its_text() -> None:
    assert run("guide", "definitions").stdout == PAGES["definitions"]


def test_a_page_that_is_not_there_names_those_that_are() -> None:
    done = run("guide", "spead")
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert "did you mean speed?" in line


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_named_in_the_readme_and_fits_80_columns(name: str) -> None:
    assert f"`{name}`" in (ROOT / "README.md").read_text()
    out = io.StringIO()
    Console(file=out, width=80, force_terminal=True).print(Markdown(PAGES[name]))
    assert re.search(r"\w", out.getvalue())


@pytest.mark.parametrize("name", ["README.md", *(f"streamer/guide/{page}.md" for page in PAGES)])
def test_files_that_are_named_are_there(name: str) -> None:
    text = re.sub(r"```.*?```", "", (ROOT / name).read_text(), flags=re.DOTALL)
    for path in re.findall(r"`((?:streamer|tests|configs)/[\w./*]+)`", text):
        assert list(ROOT.glob(path)), f"{name} names {path}, which is not there"
