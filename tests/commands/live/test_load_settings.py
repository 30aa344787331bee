from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from streamer.base.errors import SpecError
from streamer.commands.live.load_settings import (
    ConfigError,
    LiveSettings,
    choose_display,
    list_profiles,
    load_settings,
    resolve_bank,
    write_default_config,
)
from streamer.commands.live.settings import SETTINGS
from streamer.plans.plan import load_plan


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    """System, user and working directory, all empty."""
    for name in ("site", "user", "here"):
        (tmp_path / name).mkdir()
    (tmp_path / "site/streamer").mkdir()
    (tmp_path / "user/streamer/profiles").mkdir(parents=True)
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path / "site"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "user"))
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


def load(**given):
    return load_settings(**{"environ": {}, **given})


def test_nothing_said_gives_the_defaults():
    settings = load()
    assert settings.values == LiveSettings()
    assert set(settings.origins.values()) == {"default"}
    assert settings.values.given == frozenset()


def test_each_layer_covers_the_ones_beneath_it(places):
    (places / "site/streamer/config.toml").write_text("[live]\nfps = 1\n")
    assert load().values.fps == 1
    (places / "user/streamer/config.toml").write_text("[live]\nfps = 2\n")
    assert load().values.fps == 2
    (places / "here/streamer.toml").write_text("[live]\nfps = 3\n")
    assert load().values.fps == 3
    assert load().origins["fps"] == "streamer.toml:2"
    (places / "own.toml").write_text("[live]\nfps = 4\n")
    assert load(config=places / "own.toml").values.fps == 4
    environ = {"STREAMER_FPS": "5"}
    assert load(config=places / "own.toml", environ=environ).values.fps == 5
    settings = load(config=places / "own.toml", environ=environ, flags={"fps": "6", "hop": None})
    assert settings.values.fps == 6
    assert settings.origins["fps"] == "--fps"
    assert settings.origins["hop"] == "default"
    assert load(has_files=False).values.fps == 15


def test_a_profile_lies_right_beneath_the_layer_that_names_it(places):
    (places / "user/streamer/profiles/slow.toml").write_text("[live]\nfps = 2\nhop = '50%'\nunit = 'dbm0'\n")
    user = places / "user/streamer/config.toml"
    user.write_text("[live]\nprofile = 'slow'\nfps = 3\n")
    values = load(environ={"STREAMER_UNIT": "dbfs"}).values
    assert (values.fps, values.hop, values.unit) == (
        3,
        "50%",
        "dbfs",
    )  # the file's own, the profile's, the stronger
    values = load(environ={"STREAMER_UNIT": "dbfs"}, profile="slow", flags={"hop": "10%"}).values
    assert (values.fps, values.hop, values.unit) == (
        2,
        "10%",
        "dbm0",
    )  # --profile beats files and environment


def test_only_the_strongest_layers_profile_counts(places):
    (places / "user/streamer/profiles/slow.toml").write_text("[live]\nfps = 2\nhop = '50%'\n")
    (places / "user/streamer/profiles/fast.toml").write_text("[live]\nfps = 60\n")
    (places / "user/streamer/config.toml").write_text("[live]\nprofile = 'slow'\n")
    settings = load(environ={"STREAMER_PROFILE": "fast"})
    assert (settings.values.fps, settings.values.hop, settings.profile) == (60, "25%", "fast")
    assert settings.origins["fps"].startswith("profile fast, ")


def test_a_profile_without_a_plan_listens_for_none_unless_somebody_names_one():
    assert load().values.plan == ("dtmf",)
    settings = load(profile="rta")
    assert (settings.values.plan, settings.origins["plan"]) == ((), "profile rta")
    assert load(flags={"plan": ["fax"]}, profile="rta").values.plan == ("fax",)


def test_none_is_no_plan_and_stands_alone():
    assert load(flags={"plan": ["none"]}).values.plan == ()
    with pytest.raises(ConfigError, match='plan is "none,dtmf"; none is nothing to listen for'):
        load(flags={"plan": ["none", "dtmf"]})


def test_a_profile_with_a_plan_listens_for_it():
    values = load(profile="mains50").values
    assert values.bands == "mains50:20"
    assert load_plan(values.plan[0]).count() == {"tone": 3}
    assert load(profile="rta").values.plan == ()
    assert load(profile="mains50", flags={"plan": ["dtmf"]}).values.plan == ("dtmf",)


@pytest.mark.parametrize("name", ["rta", "pager", "ctcss", "mains50", "mains60"])
def test_every_shipped_profile_works_at_44_1_and_48_khz(name):
    assert name in list_profiles()
    for fs_hz in (44100, 48000):
        values = load(profile=name).values
        assert len(resolve_bank(values, fs_hz)) > 0
        assert choose_display(values, fs_hz).frames.hop_samples > 0


def test_every_mistake_of_every_layer_is_reported_at_once(places):
    (places / "user/streamer/config.toml").write_text(
        "[live]\nbnads = 'dtmf'\nfps = 'many'\n[lvie]\n[[tone]]\n"
    )
    (places / "here/streamer.toml").write_text("[live\n")
    with pytest.raises(ConfigError) as caught:
        load(environ={"STREAMER_HOP": "200%"}, flags={"unit": "volts"}, profile="mians50", config="none.toml")
    heading, *lines = str(caught.value).splitlines()
    assert heading == "settings: 9 mistakes"
    for wanted in (
        r"config.toml:2: live.bnads: not a setting; did you mean bands? There are: bands, window,",
        r'config.toml:3: live.fps: fps is "many"; write pictures a second, such as 15, within 1..120',
        r"config.toml:4: lvie: not a section here; did you mean live?",
        r"config.toml:5: tone: not a section here; tone plans have files of their own, named by plan",
        r"streamer.toml:1: ",
        r"none.toml cannot be read: No such file or directory",
        r'STREAMER_HOP: hop is "200%" of the window',
        r'--unit: unit is "volts"; there are: dbfs, dbm0',
        r'--profile: no profile is called "mians50"; did you mean mains50? There are: aircraft, alarms, ctcss',
    ):
        assert any(wanted in line for line in lines), wanted


def test_one_mistake_is_one_line():
    with pytest.raises(ConfigError, match=r"^--window: window is \"hnan\"; it must be a name") as caught:
        load(flags={"window": "hnan"})
    assert "\n" not in str(caught.value)


def test_an_unknown_variable_is_a_note_since_others_may_have_set_it():
    settings = load(environ={"STREAMER_BNADS": "dtmf", "STREAMER_FPS": "", "HOME": "/"})
    assert settings.values == LiveSettings()
    (note,) = settings.notes
    assert note.startswith("STREAMER_BNADS is no setting; did you mean STREAMER_BANDS?")


def test_files_named_in_a_settings_file_lie_beside_it(places):
    (places / "user/streamer/reeds.csv").write_text("330.5,A\n")
    (places / "user/streamer/config.toml").write_text(
        "[live]\nbands = 'dtmf+@reeds.csv'\nplan = ['own.toml', 'dtmf']\n"
    )
    values = load().values
    assert len(resolve_bank(values, 8000)) == 9
    assert values.plan == (str(places / "user/streamer/own.toml"), "dtmf")


def test_what_is_in_force_is_shown_as_a_file_that_says_the_same(places):
    settings = load(flags={"bands": "dtmf", "plan": ["dtmf"], "window_length": 4096, "speed": "max"})
    (places / "own.toml").write_text(settings.format(has_origin=True))
    again = load(config=places / "own.toml")
    assert again.values == settings.values
    assert 'bands = "dtmf"        # --bands' in settings.format(has_origin=True)
    assert "#" not in settings.format()


def test_the_file_config_init_writes_says_nothing_but_can_say_every_default(places):
    text = write_default_config()
    (places / "here/streamer.toml").write_text(text)
    assert set(load().origins.values()) == {"default"}
    said = "\n".join(line[2:] for line in text.splitlines() if " = " in line and "profile" not in line)
    assert set(tomllib.loads(said)) == {setting.key for setting in SETTINGS}
    (places / "here/streamer.toml").write_text(f"[live]\n{said}\n")
    assert load().values == LiveSettings(given=frozenset(setting.key for setting in SETTINGS))


def test_default_bands_a_low_rate_cannot_carry_are_left_out():
    values = load().values
    assert len(resolve_bank(values, 48000)) == 23
    bank = resolve_bank(values, 8000)
    assert bank.labels[-1] == "4k"  # 3981 Hz, exactly


def test_bands_somebody_asked_for_are_not_left_out():
    values = load(flags={"bands": "third-octave:50-8k"}).values
    with pytest.raises(SpecError, match="band 5k is"):
        resolve_bank(values, 8000)
    with pytest.raises(SpecError, match="band 50 is"):
        resolve_bank(values, 50)


@pytest.mark.parametrize("fs_hz", [1.0, 10.0, 50.0, 90.0])
def test_where_a_rate_can_carry_none_of_the_usual_bands_there_are_thirds_of_what_it_can(fs_hz):
    bank = resolve_bank(LiveSettings(), fs_hz)
    assert len(bank) >= 8
    assert fs_hz / 25 < bank.freqs_hz[0] < bank.freqs_hz[-1] < fs_hz / 2


def test_lengths_become_samples_once_the_rate_is_known():
    probes = {"bands": "dtmf"}
    frames = choose_display(load(flags=probes).values, 48000).frames
    assert (frames.length_samples, frames.hop_samples, frames.window) == (4080, 1020, "hann")
    assert choose_display(load(flags=probes).values, 8000).frames.length_samples == 680
    with pytest.raises(SpecError, match="longer than the window"):
        choose_display(load(flags={"hop": "100ms"}).values, 8000)


def test_the_default_bands_have_the_windows_their_widths_need_unless_a_length_is_given():
    display = choose_display(load().values, 48000)
    assert (display.window_samples[0], display.window_samples[-1]) == (34680, 4080)
    assert (display.frames.length_samples, display.frames.hop_samples) == (34680, 1020)
    given = choose_display(load(flags={"window_length": "100ms"}).values, 48000)
    assert set(given.window_samples) == {4800}
    assert load(flags={"window_length": "auto"}, profile="ctcss").values.window_length == "auto"


SCRAPS = st.sampled_from(
    [
        *(
            "[live]",
            "[[live]]",
            "live = 1",
            "[tone]",
            "bands='dtmf'",
            "bands=[1]",
            "bands={}",
            "hop=0.5",
            "hop=nan",
        ),
        *("fps=9999999999999999999999", "plan='x'", "plan=[1]", "profile='rta'", "profile=1", "workers=true"),
    ]
)


@given(st.lists(SCRAPS, max_size=5).map("\n".join) | st.text(max_size=20))
@hypothesis_settings(deadline=None, max_examples=150)
def test_any_file_gives_settings_or_a_spec_error(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_text(text, encoding="utf-8")
    values = None
    message = ""
    try:
        values = load(config=path).values
    except SpecError as error:
        message = str(error)
    assert bool(message) is (values is None)


def test_plans_with_mistakes_and_lengths_that_do_not_fit_are_told_with_all_the_rest(places):
    (places / "here/mine.toml").write_text('[dtmf]\npreset = "nope"\n[[tone]]\nname = 5\nfreqs = [440]\n')
    (places / "here/streamer.toml").write_text(
        '[live]\nfps = 0\nplan = ["mine.toml", "dtmff"]\nwindow_length = "20ms"\nhop = "30ms"\nchannels = "0"\n'
    )
    with pytest.raises(ConfigError) as caught:
        load()
    heading, *lines = str(caught.value).splitlines()
    assert heading == "settings: 6 mistakes"
    for wanted in (
        'streamer.toml:2: live.fps: fps is "0"',
        'streamer.toml:6: live.channels: channels is "0"; channels count from 1',
        'mine.toml:2: dtmf.preset: "nope" is no preset',
        'mine.toml:4: tone[0].name: name is "5"',
        'streamer.toml:3: no plan is called "dtmff"; did you mean dtmf?',
        'streamer.toml:5: hop is "30ms", longer than window_length, "20ms"',
    ):
        assert any(wanted in line for line in lines), wanted


def test_what_a_flag_has_replaced_is_no_mistake_any_more(places):
    (places / "here/streamer.toml").write_text('[live]\nplan = "dtmff"\nwindow_length = "100"\nhop = "200"\n')
    assert load(flags={"plan": ["dtmf"], "hop": "25%"}).values.hop == "25%"
