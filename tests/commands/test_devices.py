"""streamer devices: without an audio library it says what to install."""

from __future__ import annotations

import subprocess
import sys


def test_without_an_audio_library_it_says_what_to_install() -> None:
    # An interpreter whose loader finds no PortAudio, as on a machine without one.
    code = (
        "import ctypes.util, sys; ctypes.util.find_library = lambda name: None\n"
        "sys.modules['_sounddevice_data'] = None\n"
        "sys.argv = ['streamer', 'devices']\n"
        "from streamer.commands.main import main; main()"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 3
    [line] = result.stderr.splitlines()
    assert "PortAudio" in line
    assert "apt install libportaudio2" in line
    assert "streamer live --demo" in line
