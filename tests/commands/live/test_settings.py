from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from streamer.base.errors import SpecError
from streamer.commands.live.load_settings import ConfigError, load_settings
from streamer.commands.live.settings import SETTINGS, LiveSettings


def load(**given):
    return load_settings(**{"environ": {}, "has_files": False, **given})


def test_the_defaults_people_read_are_those_that_are_used():
    fields = {setting.field_name: setting.read(setting.default) for setting in SETTINGS}
    assert LiveSettings(**fields) == LiveSettings()


def test_values_come_out_ready_to_use():
    values = load(
        flags={
            "rate": "44.1k",
            "channels": [1, 2],
            "speed": "max",
            "workers": 2,
            "window_length": 4096,
            "hop": "20ms",
            "bands": [697, 770],
            "plan": ["dtmf", "mains50"],
        }
    ).values
    assert (values.rate_hz, values.channels, values.speed, values.workers) == (44100, "1,2", None, 2)
    assert (values.window_length, values.hop, values.bands) == ("4096", "20ms", "697,770")
    assert values.plan == ("dtmf", "mains50")
    assert load(environ={"STREAMER_PLAN": "dtmf, mains50"}).values.plan == values.plan


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("bands", "thrid-octave:50-8k"),
        ("bands", True),
        ("window", "kaiser"),
        ("window_length", "85m"),
        ("window_length", "0"),
        ("hop", "0%"),
        ("rate", "-8k"),
        ("channels", "left"),
        ("speed", "0"),
        ("speed", "nan"),
        ("unit", "volts"),
        ("workers", "1.5"),
        ("workers", "0"),
        ("fps", 1e9),
        ("fps", {}),
        ("dashboard", "yes"),
        ("plan", ["a,b"]),
        ("plan", [["a"]]),
    ],
)
def test_a_setting_that_cannot_be_meant_names_itself(key, value):
    flag = f"--{key.replace('_', '-')}"
    with pytest.raises(ConfigError, match=rf"^{flag}: "):
        load(flags={key: value})


@given(
    st.sampled_from([setting.key for setting in SETTINGS]), st.text(max_size=10) | st.integers() | st.floats()
)
@hypothesis_settings(deadline=None)
def test_any_value_of_a_flag_is_taken_or_refused_by_its_name(key, value):
    message = ""
    try:
        load(flags={key: value})
    except SpecError as error:
        message = str(error)
    assert not message or message.startswith("--")
    assert "\n" not in message
