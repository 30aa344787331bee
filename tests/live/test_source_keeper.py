"""What becomes of a source, told as stories: what is heard of it and when, what is done, and how it stands then."""

from __future__ import annotations

import pytest

from streamer.base.errors import SourceError, SpecError, StreamerError
from streamer.events import ErrorRecord, SourceRecord
from streamer.live.capture_messages import Ended, Opened
from streamer.live.source_keeper import Order, Orders, SourceKeeper
from streamer.sources import SourceInfo, SourceSpec

GONE = "mic:USB is gone; waiting for it to come back"
CHANGED = "mic:USB came back with 44100 Hz, 2 channels instead of 48000 Hz, 1 channel; samples are counted from 0 anew"


class Story:
    """A source, and what was heard of it; no device, no clock."""

    def __init__(self, *, is_live: bool = True, is_sent: bool = False) -> None:
        self.keeper = SourceKeeper(SourceSpec(kind="mic", target="3"))
        self._is_live, self._is_sent = is_live, is_sent
        self.now_s, self._blocks, self._newest_s = 0.0, 0, 0.0

    def tell(self, story: str) -> list[str | Order]:
        """story: "TIME EVENT, TIME EVENT, ..."; what was to be done, messages as their text"""
        orders: Orders = []
        for line in story.split(","):
            time, _, event = line.strip().partition(" ")
            self.now_s = float(time)
            orders += self._happen(event)
        return [_show(order) for order in orders]

    def _happen(self, event: str) -> Orders:
        keeper, now_s = self.keeper, self.now_s
        match event.split(" ", 1):
            case ["opened"]:
                return keeper.hear(self._open(48000, 1), now_s)
            case ["opened", name] if name.startswith("as "):
                return keeper.hear(self._open(48000, 1, name.removeprefix("as ")), now_s)
            case ["opened", "changed"]:
                return keeper.hear(self._open(44100, 2), now_s)
            case ["dies"]:
                return keeper.hear(None, now_s)
            case ["ends"]:
                return keeper.hear(Ended(), now_s)
            case ["fails"]:
                return keeper.hear(Ended(error="no such device", exit_code=3), now_s)
            case ["refuses", why]:
                return keeper.hear(Ended(error=why, exit_code=3, is_refusal=True), now_s)
            case ["workers"]:
                return keeper.run(now_s)
            case ["block"]:
                self._blocks, self._newest_s = self._blocks + 1, now_s
                return []
            case ["look"]:
                return keeper.look(now_s, blocks=self._blocks, newest_s=self._newest_s)
            case ["begin"]:
                self._blocks = 0
                return keeper.begin(now_s)
            case ["stop"]:
                keeper.stop(now_s, has_process=True)
                return []
        raise AssertionError(event)

    def _open(self, fs_hz: float, channels: int, name: str = "mic:USB") -> Opened:
        info = SourceInfo(
            name=name, fs_hz=fs_hz, channels=channels, is_live=self._is_live, is_sent=self._is_sent
        )
        return Opened(info=info)


def _show(order: Order | ErrorRecord | SourceRecord) -> str | Order:
    if isinstance(order, SourceRecord):
        return order.state if order.lost_s is None else f"{order.state} after {order.lost_s:g} s"
    return order.message if isinstance(order, ErrorRecord) else order


RUNS = "0 opened, 1 workers, 1.1 block"
BEGUN = [Order.BEGIN, Order.GIVE_RING]
LOST = [Order.KILL, Order.FLUSH, "lost", GONE, Order.OPEN]

LIVE_STORIES = [
    ("0 opened, 0.1 look", [Order.BEGIN], "Open"),  # nothing is missed while the workers start
    (RUNS, BEGUN, "Running"),
    (f"{RUNS}, 1.55 look", BEGUN, "Running"),
    # The first block may take two seconds and a half.
    ("0 opened, 1 workers, 3.4 look", BEGUN, "Running"),
    ("0 opened, 1 workers, 3.6 look", [*BEGUN, *LOST], "Lost"),
    # A loss shows in three ways. It is told at the next look, and the source opened again at once.
    (f"{RUNS}, 1.7 look", [*BEGUN, *LOST], "Lost"),
    (f"{RUNS}, 2 dies, 2.1 look", [*BEGUN, *LOST], "Lost"),
    (f"{RUNS}, 2 fails, 2.1 look", [*BEGUN, *LOST], "Lost"),
    # It is back once a block has come.
    (f"{RUNS}, 2 dies, 2.1 look, 3 opened, 3.1 look", [*BEGUN, *LOST, Order.GIVE_RING], "Lost"),
    (
        f"{RUNS}, 2 dies, 2.1 look, 3 opened, 3.1 block, 3.2 look",
        [*BEGUN, *LOST, Order.GIVE_RING, "back after 1.2 s"],
        "Running",
    ),
    # Lost before the workers were ready, it begins when it is back.
    ("0 opened, 0.5 dies, 0.6 look, 2 opened", [Order.BEGIN, *LOST, "back after 1.5 s"], "Open"),
    ("0 opened, 0.5 dies, 0.6 look, 1 workers", [Order.BEGIN, *LOST], "Lost"),
    (
        "0 opened, 0.5 dies, 0.6 look, 2 opened, 2 workers",
        [Order.BEGIN, *LOST, "back after 1.5 s", Order.GIVE_RING],
        "Running",
    ),
    # Two that were lost together are told of twice.
    (
        f"{RUNS}, 2 dies, 2.1 look, 3 opened, 3.1 block, 3.2 look, 4 dies, 4.1 look",
        [*BEGUN, *LOST, Order.GIVE_RING, "back after 1.2 s", *LOST],
        "Lost",
    ),
    # One that comes back as something else is another section's.
    (f"{RUNS}, 2 dies, 2.1 look, 3 opened changed, 9 look", [*BEGUN, *LOST, CHANGED], "Changed"),
    (
        f"{RUNS}, 2 dies, 2.1 look, 3 opened changed, 4 begin",
        [*BEGUN, *LOST, CHANGED, "back after 2 s"],
        "Open",
    ),
    (
        f"{RUNS}, 2 dies, 2.1 look, 3 opened changed, 4 begin, 5 workers, 5.1 block, 5.2 look",
        [
            *BEGUN,
            *LOST,
            CHANGED,
            "back after 2 s",
            Order.GIVE_RING,
        ],
        "Running",
    ),
    # Lost again meanwhile, it is waited for as before, and not told of again.
    (
        f"{RUNS}, 2 dies, 2.1 look, 3 opened changed, 3.5 dies, 3.6 look, 4 begin, 4.1 look",
        [*BEGUN, *LOST, CHANGED, Order.KILL, Order.OPEN],
        "Lost",
    ),
    (
        f"{RUNS}, 2 dies, 2.1 look, 3 opened changed, 3.5 dies, 4 begin, 4.1 look, 5 opened changed",
        [*BEGUN, *LOST, CHANGED, Order.KILL, Order.OPEN, "back after 3 s"],
        "Open",
    ),
    # A stop is waited for a second; what is lost is not waited for.
    (f"{RUNS}, 2 stop, 2.5 ends", [*BEGUN, Order.CLOSE], "Over"),
    (f"{RUNS}, 2 stop, 2.9 look", BEGUN, "Stopping"),
    (f"{RUNS}, 2 stop, 2.9 look, 3.1 look", [*BEGUN, Order.KILL], "Over"),
    ("0 stop, 0.5 opened", [], "Stopping"),
    ("0 opened, 0.5 stop, 1 workers", [Order.BEGIN], "Stopping"),
    (f"{RUNS}, 2 dies, 2.1 look, 3 stop, 3.1 look", [*BEGUN, *LOST], "Over"),
    (f"{RUNS}, 2 dies, 2.1 look, 3 opened changed, 3 stop", [*BEGUN, *LOST, CHANGED], "Over"),
    (f"{RUNS}, 2 dies, 2.1 look, 3 stop, 3.1 opened, 3.2 dies", [*BEGUN, *LOST, Order.CLOSE], "Over"),
    # What cannot be had in the beginning is not waited for.
    ("0 fails", [Order.CLOSE], "Over"),
    ("0 refuses its rate is 44100 Hz", [Order.CLOSE], "Over"),
]


PAUSED = [Order.FLUSH, "lost", "nothing comes to mic:USB; waiting for a sender"]

SENT_STORIES = [
    # A sender that pauses is no fault of ours: nothing is closed, and nothing opened.
    (f"{RUNS}, 3 look", BEGUN, "Running"),
    (f"{RUNS}, 3.2 look, 60 look, 3600 look", [*BEGUN, *PAUSED], "Lost"),
    (f"{RUNS}, 3.2 look, 60 block, 60.1 look", [*BEGUN, *PAUSED, "back after 56.9 s"], "Running"),
    ("0 opened, 1 workers, 5.1 look", [*BEGUN, *PAUSED], "Lost"),
    # If its process dies, that is.
    (f"{RUNS}, 2 dies, 2.1 look", [*BEGUN, Order.KILL, *PAUSED, Order.OPEN], "Lost"),
    (f"{RUNS}, 3.2 look, 9 dies, 9.3 look", [*BEGUN, *PAUSED, Order.KILL, Order.OPEN], "Lost"),
]


@pytest.mark.parametrize(("story", "orders", "state"), SENT_STORIES)
def test_what_is_done_about_a_sender(story: str, orders: list[str | Order], state: str) -> None:
    told = Story(is_sent=True)
    assert told.tell(story) == orders
    assert type(told.keeper.state).__name__ == state


@pytest.mark.parametrize(("story", "orders", "state"), LIVE_STORIES)
def test_of_a_live_source(story: str, orders: list[str | Order], state: str) -> None:
    live = Story()
    assert live.tell(story) == orders
    assert type(live.keeper.state).__name__ == state


@pytest.mark.parametrize(
    ("story", "orders", "state"),
    [
        (f"{RUNS}, 9 look", BEGUN, "Running"),  # a pipe may be silent for as long as it likes
        (f"{RUNS}, 2 ends", [*BEGUN, Order.CLOSE], "Over"),
        (f"{RUNS}, 2 dies", [*BEGUN, Order.CLOSE], "Over"),
        ("0 opened, 0.5 fails, 1 workers", [Order.BEGIN, Order.CLOSE], "Over"),
    ],
)
def test_of_a_source_that_can_wait(story: str, orders: list[str | Order], state: str) -> None:
    file = Story(is_live=False)
    assert file.tell(story) == orders
    assert type(file.keeper.state).__name__ == state


def test_attempts_that_fail_come_twice_as_late_each_time_up_to_a_second() -> None:
    story = Story()
    story.tell(f"{RUNS}, 2 dies, 2 look")
    tries_s = []
    while story.now_s < 6:
        story.tell(f"{story.now_s} fails")
        while Order.OPEN not in story.tell(f"{story.now_s + 0.0625} look"):
            pass
        tries_s.append(story.now_s)
    assert tries_s == [2.25, 2.75, 3.75, 4.75, 5.75, 6.75]


def test_an_attempt_that_hangs_is_ended_after_three_seconds() -> None:
    story = Story()
    story.tell(f"{RUNS}, 2 dies, 2 look")
    assert story.tell("5 look") == []
    assert story.tell("5.1 look") == [Order.KILL]
    assert story.tell("5.3 look") == []
    assert story.tell("5.4 look") == [Order.OPEN]
    # So is one whose device opens, and then sends nothing.
    assert story.tell("6 opened") == [Order.GIVE_RING]
    assert story.tell("8.9 look, 9.1 look") == [Order.KILL]


def test_each_refusal_is_told_once() -> None:
    story = Story()
    story.tell(f"{RUNS}, 2 dies, 2 look")
    slow = "mic:USB is back, but its rate is 44100 Hz"
    assert story.tell("2.1 refuses its rate is 44100 Hz") == [Order.KILL, slow]
    assert story.tell("2.5 look, 2.6 refuses its rate is 44100 Hz") == [Order.OPEN, Order.KILL]
    assert story.tell("4 look, 4.1 fails") == [Order.OPEN, Order.KILL]
    assert story.tell("6 look, 6.1 refuses it has no channel 2") == [
        Order.OPEN,
        Order.KILL,
        "mic:USB is back, but it has no channel 2",
    ]


def test_one_that_is_back_under_another_name_is_told_and_goes_by_that() -> None:
    story = Story()
    assert story.keeper.name == "mic:3"
    story.tell(RUNS)
    assert story.keeper.name == "mic:USB"
    assert story.tell("2 dies, 2 look, 3 opened as mic:USB #2")[-2:] == [
        "mic:USB is back as mic:USB #2",
        Order.GIVE_RING,
    ]
    assert story.keeper.info is not None
    assert story.keeper.info.name == story.keeper.name == "mic:USB #2"
    assert (
        story.tell("3.1 block, 3.2 look, 4 dies, 4.1 look")[-2]
        == "mic:USB #2 is gone; waiting for it to come back"
    )
    assert story.tell("4.2 opened as mic:USB #2") == [Order.GIVE_RING]


def test_since_when_it_is_gone_is_known_until_a_block_comes() -> None:
    story = Story()
    story.tell(RUNS)
    assert story.keeper.lost_since_s is None
    story.tell("2 dies, 2.1 look, 2.2 fails")
    assert story.keeper.lost_since_s == 2
    story.tell("3 look, 3.1 opened, 3.2 block, 3.3 look")
    assert story.keeper.lost_since_s is None
    story.tell("4 dies, 4.1 look, 5 opened changed")
    assert story.keeper.lost_since_s == 4
    story.tell("5 stop")
    assert story.keeper.lost_since_s == 4


def test_it_has_run_from_the_workers_being_ready_to_the_next_section() -> None:
    story = Story()
    steps = ["0 opened", "1 workers", "1.1 dies", "1.2 look", "2 opened changed", "3 begin", "4 workers"]
    has_run = []
    for step in steps:
        story.tell(step)
        has_run.append(story.keeper.has_run)
    assert has_run == [False, True, True, True, True, False, True]


def test_a_section_that_cannot_be_made_ends_it_with_its_error() -> None:
    story = Story()
    story.tell(f"{RUNS}, 2 dies, 2.1 look, 3 opened changed")
    assert story.keeper.next_info is not None
    assert story.keeper.next_info.fs_hz == 44100
    story.keeper.give_up(SpecError("bands must lie below 22050 Hz"))
    assert isinstance(story.keeper.error, SourceError)
    assert str(story.keeper.error) == "bands must lie below 22050 Hz"


def test_to_stop_what_has_no_process_is_to_end_it() -> None:
    story = Story()
    # A block came, its process ended, and only the block has been seen.
    story.tell(f"{RUNS}, 2 dies, 2.1 look, 3 opened, 3.1 block, 3.15 dies, 3.2 look")
    assert type(story.keeper.state).__name__ == "Running"
    story.keeper.stop(3.3, has_process=False)
    assert story.keeper.is_over


def test_a_killed_capture_process_is_an_error_of_ours() -> None:
    story = Story(is_live=False)
    story.tell(f"{RUNS}, 2 dies")
    error = story.keeper.error
    assert isinstance(error, StreamerError)
    assert (str(error), error.exit_code) == ("the capture process of mic:USB died", 70)


def test_a_trace_goes_along_with_the_error() -> None:
    story = Story(is_live=False)
    story.keeper.hear(Ended(error="cannot open 3", exit_code=70, trace="Traceback ..."), 0.0)
    assert story.keeper.error is not None
    assert story.keeper.error.__notes__ == ["Traceback ..."]


def test_an_end_that_was_wanted_is_no_error() -> None:
    for story in (f"{RUNS}, 2 ends", f"{RUNS}, 2 stop, 2.1 fails", "0 stop, 0.1 dies"):
        file = Story(is_live=False)
        file.tell(story)
        assert file.keeper.is_over
        assert file.keeper.error is None
