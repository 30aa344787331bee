"""The rate at which PipeWire's graph runs.

ALSA's devices that lead there take any rate, so that PortAudio says 44.1 kHz of every one, and what is opened like that
is converted for nothing.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

ANSWER_S = 1.0  # a server that hangs is not waited for: opening the device will show it


def find_graph_rate_hz() -> float | None:
    """None where no PipeWire runs, or does not answer."""
    if not _find_socket().is_socket():
        return None
    try:
        said = subprocess.run(
            ["pw-metadata", "-n", "settings", "0"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=ANSWER_S,
            check=False,
        ).stdout
    except (OSError, subprocess.TimeoutExpired):  # PipeWire's own tools are not installed, or it hangs
        return None
    return read_rate_hz(said.decode(errors="replace"))


def read_rate_hz(said: str) -> float | None:
    """What pw-metadata says of the settings; a rate that is forced comes before the usual one."""
    rates = {
        key: float(value) for key, value in re.findall(r"key:'clock\.([a-z-]*rate)' value:'(\d+)'", said)
    }
    return rates.get("force-rate") or rates.get("rate") or None


def _find_socket() -> Path:
    folder = os.environ.get("PIPEWIRE_RUNTIME_DIR") or os.environ.get("XDG_RUNTIME_DIR") or ""
    return Path(folder) / (os.environ.get("PIPEWIRE_REMOTE") or "pipewire-0")
