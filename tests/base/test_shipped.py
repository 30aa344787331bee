from __future__ import annotations

from streamer.base.shipped import find_configs, own_folder, shipped_folder


def test_a_name_finds_its_file_in_the_folder_of_its_kind_and_the_users_own_first(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert find_configs("plans")["dtmf"] == shipped_folder("plans") / "dtmf.toml"
    assert find_configs("families")["dtmf"] == shipped_folder("families") / "dtmf.toml"
    assert "dtmf" not in find_configs("profiles")
    own = own_folder("plans") / "dtmf.toml"
    assert own == tmp_path / "streamer/plans/dtmf.toml"
    own.parent.mkdir(parents=True)
    own.touch()
    assert find_configs("plans")["dtmf"] == own
    assert find_configs("families")["dtmf"] == shipped_folder("families") / "dtmf.toml"
