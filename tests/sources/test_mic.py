from types import SimpleNamespace

import numpy as np
import pytest

from streamer.base.errors import RefusedError, SourceError, SpecError
from streamer.sources import PushedSource, SourceInfo, mic, parse_source
from streamer.sources.mic import find_device, open_mic

DEVICES = [
    {"name": "HDA Intel", "hostapi": 0, "max_input_channels": 2, "default_samplerate": 48000.0},
    {"name": "HDMI", "hostapi": 0, "max_input_channels": 0, "default_samplerate": 48000.0},
    {"name": "Scarlett 2i2", "hostapi": 0, "max_input_channels": 2, "default_samplerate": 44100.0},
    {"name": "Scarlett 2i2", "hostapi": 1, "max_input_channels": 8, "default_samplerate": 48000.0},
]


class PortAudioError(Exception):
    pass


class Stream:
    """An input stream that its test speaks for."""

    active = True

    def __init__(self, **options):
        self.options = options
        if options["samplerate"] not in (44100.0, 48000.0):
            raise PortAudioError("Invalid sample rate", -9997)

    def start(self):
        pass

    def abort(self):
        pass

    close = abort


@pytest.fixture
def portaudio(monkeypatch):
    """A machine with these devices, the first of them its default."""
    library = SimpleNamespace(
        default=SimpleNamespace(device=(0, 1)),
        query_devices=lambda: DEVICES,
        query_hostapis=lambda number: {"name": ("ALSA", "JACK")[number]},
        RawInputStream=Stream,
        PortAudioError=PortAudioError,
    )
    monkeypatch.setattr(mic, "_load_sounddevice", lambda: library)
    return library


@pytest.mark.usefixtures("portaudio")
@pytest.mark.parametrize(
    ("name", "index"),
    [("", 0), ("hda", 0), ("2", 2), ("scarlett jack", 3), ("Scarlett 2i2, ALSA", 2)],
)
def test_a_device_is_found_by_number_or_by_words_of_its_name(name, index):
    assert find_device(name).index == index


@pytest.mark.usefixtures("portaudio")
@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("usb", SourceError, r'no input device matches "usb"; there are: \[0\] HDA Intel, \[2\] Scarlett'),
        ("1", SourceError, "no input device matches"),  # an output
        ("scarlett", SpecError, "matches several input devices: .*say more of the name, or the number"),
    ],
)
def test_a_device_that_is_not_there_or_not_the_only_one_is_told(name, error, message):
    with pytest.raises(error, match=message):
        find_device(name)


@pytest.mark.usefixtures("portaudio")
def test_the_microphone_calls_by_itself_and_is_not_read():
    heard = []
    with open_mic(parse_source("mic:scarlett jack", channels="2,5")) as source:
        assert isinstance(source, PushedSource)
        assert not hasattr(source, "read_blocks")
        assert source.info == SourceInfo(name="mic:Scarlett 2i2", fs_hz=48000.0, channels=2, is_live=True)
        assert source.device_channels == (1, 4)
        source.start(lambda block, _arrival_ns: heard.append(block.copy()), lambda: None)
        blocks = np.arange(10, dtype=np.float32)
        source._on_block(blocks.tobytes(), 2, None, SimpleNamespace(input_overflow=True))
    assert np.array_equal(heard, [blocks.reshape(2, 5)])
    assert source.overflows == 1


@pytest.mark.usefixtures("portaudio")
def test_a_device_that_is_back_is_asked_for_what_it_was_and_then_for_what_can_be():
    spec = parse_source("mic:2")
    was = SourceInfo(name="mic:Scarlett 2i2", fs_hz=48000.0, channels=1, is_live=True)
    assert open_mic(spec, before=was).info.fs_hz == 48000
    was = SourceInfo(name="mic:Scarlett 2i2", fs_hz=96000.0, channels=1, is_live=True)
    assert open_mic(spec, before=was).info.fs_hz == 44100
    with pytest.raises(RefusedError, match="cannot be opened at 96000 Hz with 1 channels"):
        open_mic(parse_source("mic:2", rate_hz=96000.0))


@pytest.mark.usefixtures("portaudio")
@pytest.mark.parametrize(
    ("asked", "was", "index"),
    [
        ("2", "mic:HDA Intel", 0),  # numbers move, and names stay
        ("", "mic:Scarlett 2i2", 2),  # it is there, though another one is the default
        ("hda", "mic:HDA Intel #1", 0),  # under another name: by what was asked for
        ("", "mic:USB Audio", 0),
        ("scarlett jack", "mic:Scarlett 2i2", 3),  # two have that name, and only one was asked for
    ],
)
def test_a_lost_device_is_looked_for_by_its_name_and_then_by_what_was_asked_for(asked, was, index):
    before = SourceInfo(name=was, fs_hz=48000.0, channels=1, is_live=True)
    assert mic.find_again(asked, before).index == index


@pytest.mark.usefixtures("portaudio")
def test_what_has_a_lost_devices_number_is_not_taken_for_it():
    before = SourceInfo(name="mic:USB Audio", fs_hz=48000.0, channels=1, is_live=True)
    with pytest.raises(SourceError, match='no input device matches "USB Audio"'):
        mic.find_again("2", before)
