"""A line of a family's table: what is measured, and what ours must reach."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from streamer.judge.judge import Measure

Figures = tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """must: figures; a bare number is the least of what is right and the most of anything else.

    meets: whether figures are enough, where `must` is more than figures; form: of one figure
    """

    name: str
    measure: Measure
    must: str
    meets: Callable[[Figures], bool] | None = None
    form: str = "{:.4g}"

    @property
    def more_is_better(self) -> bool:
        return (
            ("right" in self.name and "taken" not in self.name)
            or "bridged" in self.name
            or "one event" in self.name
        )

    def is_met(self, figures: Figures) -> bool:
        if self.meets is not None:
            return self.meets(figures)
        return all(
            self._is_enough(figure, must) for figure, must in zip(figures, self.must.split("/"), strict=True)
        )

    def show(self, figures: Figures) -> str:
        """- stands for what the decoder does not tell."""
        return " / ".join(self.form.format(each) if np.isfinite(each) else "-" for each in figures) or "-"

    def _is_enough(self, figure: float, must: str) -> bool:
        number = re.search(r"[\d.]+", must)
        if number is None:  # - is told and not judged
            return True
        is_least = ">=" in must or ("<=" not in must and self.more_is_better)
        wanted = float(number[0])
        return figure >= wanted - 1e-9 if is_least else figure <= wanted + 1e-9
