"""Names that have changed are understood, and told of on a page."""

from __future__ import annotations

import pytest

from streamer.base import old_names
from streamer.base.shipped import shipped_folder
from streamer.commands.guide import list_pages
from streamer.plans.plan import find_plan
from tests.programs import run


@pytest.mark.parametrize(("old", "new"), old_names.PLANS.items())
def test_an_old_plan_is_the_new_one_unless_somebody_has_one_of_that_name(old, new, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert find_plan(old) == find_plan(new) == shipped_folder("plans") / f"{new}.toml"
    own = tmp_path / "streamer/plans"
    own.mkdir(parents=True)
    (own / f"{old}.toml").write_text("[dtmf]\n")
    assert find_plan(old) == own / f"{old}.toml"


def test_the_page_has_every_old_name():
    page = list_pages()["families"]
    for what, names in (("plan", old_names.PLANS), ("label", old_names.LABELS)):
        for old, new in names.items():
            assert f"| {what} `{old}` | `{new}` |" in page


def test_an_old_label_is_expected_as_the_new_one_is():
    for label in ("fax-calling", "fax-cng"):
        assert (
            run(
                "detect", "sim:plan:fax/fax-cng,silence:1s", "--plan", "fax", "--expect", label, "-q"
            ).returncode
            == 0
        )
    assert (
        run(
            "detect", "sim:plan:fax/fax-cng,silence:1s", "--plan", "fax", "--expect", "fax-ced", "-q"
        ).returncode
        == 1
    )
