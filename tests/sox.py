"""Digits by another program."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

needs_sox = pytest.mark.skipif(shutil.which("sox") is None, reason="sox is not installed (Debian: sox)")


def make_with_sox(path: Path, digits: str, *, on_s: float = 0.06, off_s: float = 0.05) -> None:
    """Each tone pair synthesised by sox, silence between."""
    rows = {d: (low, high) for low, row in zip((697, 770, 852, 941), ("123A", "456B", "789C", "*0#D"), strict=True)
            for d, high in zip(row, (1209, 1336, 1477, 1633), strict=True)}  # fmt: skip
    parts = []
    for number, digit in enumerate(digits):
        part = path.with_name(f"part{number}.wav")
        low, high = rows[digit]
        subprocess.run(
            [
                *("sox", "-D", "-n", "-r", "8000", "-b", "16", "-c", "1", part),
                *("synth", f"{on_s}", "sine", f"{low}", "sine", f"{high}", "remix", "1v0.25,2v0.25"),
                *("pad", "0", f"{off_s}"),
            ],
            check=True,
        )
        parts.append(part)
    silence = path.with_name("silence.wav")
    subprocess.run(
        ["sox", "-D", "-n", "-r", "8000", "-b", "16", "-c", "1", silence, "trim", "0", "0.25"], check=True
    )
    subprocess.run(["sox", silence, *parts, silence, path], check=True)
