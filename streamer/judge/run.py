"""Decoders beside each other: a family's table, line by line, and how it is printed and kept."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import scipy

from streamer.judge.families import Family
from streamer.judge.heard import Book, Decoder, Heard, OneByOne, Pcm
from streamer.judge.judge import Judge, Terms
from streamer.judge.line import Figures, Line
from streamer.judge.material import Missing
from streamer.judge.table import make_lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line as it was measured. failures: by decoder, how often it gave no answer, by the reason"""

    name: str
    must: str
    figures: dict[str, Figures]
    met: str
    n_signals: int
    seconds: float
    digest: str
    failures: dict[str, dict[str, int]]
    form: str = "{:.4g}"

    def show(self, who: Sequence[str]) -> str:
        """As Markdown; ! where a decoder gave no answer to some of the signals."""
        cells = (self._show_figures(name) for name in who)
        return f"| {self.name} | {re.sub(' ?/ ?', ' / ', self.must)} | {' | '.join(cells)} | {self.met} |"

    def _show_figures(self, name: str) -> str:
        figures = self.figures.get(name, ())
        shown = " / ".join(self.form.format(each) if np.isfinite(each) else "-" for each in figures)
        return f"{shown or '-'}{' !' * (name in self.failures)}"


@dataclass(slots=True, kw_only=True)
class Table:
    """A family's. left_out: lines that need what is not here, by what that is"""

    family: str
    title: str
    who: list[str]
    terms: Terms
    versions: dict[str, str] = field(default_factory=dict)
    made_with: str = f"numpy {np.__version__}, scipy {scipy.__version__}"
    rows: list[Row] = field(default_factory=list)
    left_out: dict[str, list[str]] = field(default_factory=dict)
    unknown: dict[str, list[str]] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Of all signals of all lines."""
        return hashlib.sha256("".join(row.digest for row in self.rows).encode()).hexdigest()[:16]

    def head(self) -> list[str]:
        return [
            f"| test | ours must | {' | '.join(self.who)} | met |",
            f"|---|---|{'---|' * len(self.who)}---|",
        ]

    def foot(self) -> Iterator[str]:
        """What must be known of it: the signals, who was asked, and what was not."""
        n, seconds = sum(row.n_signals for row in self.rows), sum(row.seconds for row in self.rows)
        yield (
            f"{n:,} signals, {seconds / 3600:.2f} hours, digest `{self.digest}`: "
            f"seed {self.terms.seed}, scale {self.terms.scale:g}, speech {self.terms.speech}"
            f"{self.terms.music and f', music {self.terms.music}'}; {self.made_with}."
        )
        yield "; ".join(f"{name} {version}".strip() for name, version in self.versions.items()) + "."
        for name, tables in self.unknown.items():
            yield f"{name} has no {', '.join(tables)}."
        for why, lines in self.left_out.items():
            yield f"Left out: {', '.join(lines)}: {why}."
        for name in self.who:
            reasons: Counter[str] = Counter()
            for row in self.rows:
                reasons.update(row.failures.get(name, {}))
            for reason, count in reasons.most_common(3):
                yield f"! {name} gave no answer to {count:,} of {n:,} signals: it {reason}."

    def to_dict(self) -> dict[str, Any]:
        """For JSON, which has no infinity: null stands for what a decoder does not tell."""
        found = asdict(self) | {"digest": self.digest}
        for row in found["rows"]:
            row["figures"] = {
                name: [each if np.isfinite(each) else None for each in figures]
                for name, figures in row["figures"].items()
            }
        return found


class Nobody(OneByOne):
    """Who hears nothing, of whatever is sent."""

    def knows(self, family: str, table: str) -> bool:
        return True

    def hear_one(self, pcm: Pcm, family: str, table: str, fs_hz: float) -> list[Heard]:
        return []


def choose_lines(family: Family, only: str) -> list[Line]:
    """Those whose name has one of the words in it, a comma between."""
    return [line for line in make_lines(family) if any(word in line.name for word in only.split(","))]


def judge_family(
    family: Family,
    decoders: Mapping[str, Decoder],
    terms: Terms,
    *,
    only: str = "",
    table: str = "",
    show: Callable[[str], None] = lambda text: None,
) -> Table:
    """The family's table for those that know any of it, shown as it comes.

    only: lines whose name has one of these words in it, a comma between
    table: the one of the family's that is sent, such as zvei1
    """
    judges = {name: Judge(family=family, decoder=decoder, terms=terms) for name, decoder in decoders.items()}
    sent = [each for each in family.tables if table in ("", each)]
    for each in judges.values():
        each.tables = [known for known in each.tables if known in sent]
    judges = {name: each for name, each in judges.items() if each.tables}
    found = Table(family=family.name, title=family.title, who=list(judges), terms=terms)
    found.versions = {name: each.decoder.version for name, each in judges.items()}
    found.unknown = {
        name: [one for one in sent if one not in each.tables]
        for name, each in judges.items()
        if each.tables != sent
    }
    if not judges:
        return found
    nobody = Judge(family=family, decoder=Nobody(), terms=terms)
    nobody.tables = sent
    show("\n".join(found.head()))
    for line in choose_lines(family, only):
        try:
            row = measure(line, judges, nobody)
        except Missing as missing:
            found.left_out.setdefault(str(missing), []).append(line.name)
            continue
        found.rows.append(row)
        show(row.show(found.who))
    return found


def measure(line: Line, judges: Mapping[str, Judge], nobody: Judge) -> Row:
    """What all make of it. Where none knows all that is sent, nobody is sent it too."""
    figures: dict[str, Figures] = {}
    failures: dict[str, dict[str, int]] = {}
    books: dict[str, Book] = {}
    for name, judge in judges.items():
        judge.book = Book()
        judge.decoder.failures.clear()
        figures[name] = line.measure(judge)
        if judge.decoder.failures:
            failures[name] = dict(Counter(judge.decoder.failures))
        if judge.tables == nobody.tables:
            books[name] = judge.book
    if not books:
        nobody.book = books["nobody"] = Book()
        line.measure(nobody)
    digests = {book.digest for book in books.values()}
    if len(digests) != 1:
        raise AssertionError(f"{line.name}: decoders were sent different signals: {sorted(digests)}")
    book = next(iter(books.values()))
    met = ("yes" if line.is_met(figures["streamer"]) else "NO") if "streamer" in figures else ""
    return Row(
        name=line.name,
        must=line.must,
        figures=figures,
        met=met,
        n_signals=book.n,
        seconds=book.seconds,
        digest=book.digest,
        failures=failures,
        form=line.form,
    )
