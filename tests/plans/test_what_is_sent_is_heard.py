"""What `generate plan:NAME/LABEL` sends is what that plan hears, of every entry of every shipped plan."""

from __future__ import annotations

import numpy as np
import pytest

import streamer
from streamer.base.shipped import shipped_folder
from streamer.base.toml import read_toml
from streamer.commands.wait.labels import check_labels
from streamer.plans.plan import load_plan
from streamer.sources.synthetic.language import parse_signal

FS_HZ = 8000
CALLS = {
    "mf-r1": ["KP5551234ST", "KP0ST2P"],
    "mfc-r2-forward": ["forward 1", "forward 15"],
    "two-tone": ["600.9/788.5"],
}
CALLS |= {"mfc-r2-backward": ["backward 10"], "mfc-r2": ["forward 7", "backward 7"]}
CALLS |= {"ctcss": ["67.0", "100.0", "159.8", "162.2", "254.1"], "morse": ["CQ DE K5XYZ"], "dtmf": ["159D"]}
CALLS |= {"selcal": ["AB-CD", "GS-PQ", "AT-39"]}


SPELLED = ("dtmf", "morse")


def list_labels(name: str) -> list[str]:
    """All that a plan may tell, or of codes a few."""
    if name in CALLS:
        return CALLS[name]
    values = read_toml(shipped_folder("plans") / f"{name}.toml").values
    if "code" in values:
        return ["13579", "1123", "99999999"]
    labels = [text["label"] for entry in values.get("fsk", []) for text in entry["texts"]]
    sections = ("tone", "cadence", "sequence")
    for entry in (entry for section in sections for entry in values.get(section, [])):
        labels += [entry[key] for key in ("name", "modulated") if key in entry]
    return labels


PLANS = [path.stem for path in sorted(shipped_folder("plans").glob("*.toml"))]
SENT = [(name, label) for name in PLANS for label in list_labels(name)]


@pytest.mark.parametrize("name", PLANS)
def test_something_of_every_plan_is_sent(name: str) -> None:
    assert list_labels(name)


@pytest.mark.parametrize(("name", "label"), SENT, ids=["/".join(each) for each in SENT])
def test_what_a_plan_sends_is_what_it_tells(name: str, label: str) -> None:
    signal = parse_signal(f"noise:-75,silence:400ms,plan:{name}/{label}@-20,silence:1s", fs_hz=FS_HZ, seed=5)
    assert signal.n_samples is not None
    samples = np.concatenate(list(signal.blocks(1 << 15, n_samples=signal.n_samples)))[:, 0]
    events = streamer.detect(samples, FS_HZ, plan=name)
    if name in SPELLED:  # an event a letter
        assert "".join(event.text or event.label for event in events) == label
    else:
        assert [event.label for event in events] == [label]
    assert events[0].t_s == pytest.approx(0.4, abs=0.01)
    check_labels([event.label for event in events], [load_plan(name)])  # and so can be waited for
