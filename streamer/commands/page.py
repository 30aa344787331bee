"""A page of the guide on a terminal: code as wide as the terminal, and tables that are too wide for it as records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Markdown, MarkdownElement, TableElement
from rich.padding import Padding
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

INDENT = 2
READABLE_COLUMNS = 3  # so many wrap well beside each other; of more, words would break


class Code(CodeBlock):
    """Rich leaves a column free on either side; our screens and commands need all 80."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Syntax(
            str(self.text).rstrip(), self.lexer_name, theme=self.theme, word_wrap=True, padding=(1, 0)
        )


class FittingTable(TableElement):
    """A table where it fits, or has few columns; else each row is what it is about, and below it all else by name."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        heads, rows = self._list_cells()
        columns = zip(heads, *rows, strict=True)
        width = sum(max(cell.cell_len for cell in column) + 2 for column in columns)
        if len(heads) <= READABLE_COLUMNS or width <= options.max_width:
            for table in super().__rich_console__(console, options):
                assert isinstance(table, Table)
                for column in table.columns:
                    column.overflow = "fold"  # an address that is too long is broken, and not cut
                yield table
            return
        if heads[0].plain:
            yield Text.assemble(heads[0], style="markdown.table.header")
        for row in rows:
            yield Text()
            yield Text.assemble(row[0], style="bold")
            pairs = [
                Text.assemble((head.plain, "markdown.table.header"), " " if head.plain else "", cell)
                for head, cell in zip(heads[1:], row[1:], strict=True)
                if cell.plain
            ]
            for line in fill(pairs, options.max_width - INDENT):
                yield Padding(line, (0, 0, 0, INDENT))
        yield Text()

    def _list_cells(self) -> tuple[list[Text], list[list[Text]]]:
        heads = self.header.row.cells if self.header and self.header.row else []
        rows = self.body.rows if self.body else []
        return [cell.content for cell in heads], [[cell.content for cell in row.cells] for row in rows]


def fill(parts: list[Text], width: int) -> Iterator[Text]:
    """As many parts in a line as go there whole; one that is longer has a line of its own, which wraps."""
    line = Text()
    for part in parts:
        if line.plain and line.cell_len + 3 + part.cell_len > width:
            yield line
            line = Text()
        line = Text.assemble(line, " · " if line.plain else "", part)
    if line.plain:
        yield line


class Page(Markdown):
    elements: ClassVar[dict[str, type[MarkdownElement]]] = {
        **Markdown.elements,
        "fence": Code,
        "code_block": Code,
        "table_open": FittingTable,
    }
