"""The README and the guide as readers have them, and every command line that stands in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from streamer.commands.guide import list_pages

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
PAGES = {"README": README, **list_pages()}
TOLD = "\n".join(PAGES.values())


@dataclass(frozen=True)
class Shown:
    """A line for a shell, the page that it stands on, and the lines that it is said to print."""

    page: str
    line: str
    printed: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.page}: {self.line}"


def find_blocks(page: str, language: str) -> list[str]:
    """What stands between fences of a language, as far to the left as it goes."""
    found = re.finditer(rf"^( *)```{language}\n(.*?)^ *```$", PAGES[page], re.MULTILINE | re.DOTALL)
    return [re.sub(f"^{match[1]}", "", match[2], flags=re.MULTILINE) for match in found]


def list_shown(page: str) -> list[Shown]:
    shown: list[Shown] = []
    for block in find_blocks(page, "sh"):
        is_session = block.startswith("$ ")
        for line in block.replace("\\\n", "").splitlines():
            if not is_session:
                shown.append(Shown(page, re.split(r"  +#|^# | # ", line)[0].rstrip()))
            elif line.startswith("$ "):
                shown.append(Shown(page, line[2:]))
            elif line != "...":
                shown[-1] = Shown(page, shown[-1].line, (*shown[-1].printed, line))
    return [each for each in shown if each.line]


def list_files(page: str) -> dict[str, str]:
    """Name -> text of the TOML files that are shown: a comment with its name begins each."""
    files: dict[str, str] = {}
    for block in find_blocks(page, "toml"):
        parts = re.split(r"^# ([\w-]+\.toml)(?::.*)?\n", block, flags=re.MULTILINE)[1:]
        files |= dict(zip(parts[::2], parts[1::2], strict=True))
    return files
