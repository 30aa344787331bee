"""What the dashboard is shown follows the levels that come, not what the stream has gone on to meanwhile."""

from __future__ import annotations

from streamer.analysis.bank import Batch
from streamer.commands.live.spec import MonitorSpec
from streamer.commands.live.view import View
from streamer.dashboard.messages import Message, Scene, Snapshot
from streamer.live.stream import Stream
from streamer.sources import parse_source
from tests.live.test_reload import FS_HZ, HIGH, change_once, run


class Link:
    """Keeps what it is to send."""

    def __init__(self) -> None:
        self.sent: list[Message] = []

    def send(self, message: Message) -> None:
        self.sent.append(message)


def make_view(source: str, stream: Stream) -> tuple[View, Link]:
    view = View(MonitorSpec(source=parse_source(source, rate_hz=FS_HZ)), stream)
    link = view._link = Link()  # type: ignore[assignment]
    return view, link


def test_levels_from_before_a_reload_are_shown_in_their_own_scene_though_it_is_over_by_then() -> None:
    source = "sim:sweep:100-3900@-10:5s"
    items, stream = run(source, change_once(HIGH), speed=5.0)
    view, link = make_view(source, stream)
    for item in items:
        if isinstance(item, Batch):
            view.add(item)
            view.show()
    scenes = [message for message in link.sent if isinstance(message, Scene)]
    assert [(scene.band_freqs_hz, scene.goes_on) for scene in scenes] == [
        ([300.0, 700.0], False),
        ([1000.0, 2000.0, 3000.0], True),
    ]
    second = link.sent.index(scenes[1])
    for messages, n_bands in ((link.sent[:second], 2), (link.sent[second:], 3)):
        shown = [message for message in messages if isinstance(message, Snapshot) and message.levels]
        assert {len(snapshot.levels) for snapshot in shown} == {4 * n_bands}


def test_lines_are_measured_of_the_newest_second_and_only_while_somebody_looks_at_them() -> None:
    source = "sim:tone:441.3@-20:3s+tone:1000.5@-32:3s"
    items, stream = run(source, lambda _stream, _items: None, speed=5.0)
    view, link = make_view(source, stream)
    for item in items:
        if isinstance(item, Batch):
            view.add(item)
    view.show()
    view._watched = 1
    view._stats_s = -1.0
    view.show()
    without, with_lines = (message for message in link.sent if isinstance(message, Snapshot))
    assert without.lines is None
    assert [(round(line.freq_hz, 1), round(line.level_dbfs)) for line in with_lines.lines or []] == [
        (441.3, -20),
        (1000.5, -32),
    ]
