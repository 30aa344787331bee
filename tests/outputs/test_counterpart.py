"""Whatever may be away, slow or refuse: order kept, every record sent once or counted as lost."""

from __future__ import annotations

import random
import threading
from collections import deque
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.events import ErrorRecord, Event
from streamer.outputs import counterpart, output
from streamer.outputs.counterpart import Counterpart, RefusedError
from streamer.outputs.letters import Letter
from streamer.outputs.target import Wanted, parse_target
from tests.outputs.counterparts import wait_until
from tests.outputs.records import DIGIT, END, START


class Scripted(Counterpart):
    """Does what a script says, an entry each time it is asked: takes so many, refuses, is away; then takes all."""

    def __init__(self, script: list[int | str], *, wanted: Wanted | None = None) -> None:
        self._script = deque(script)
        self.may_go_on = threading.Event()
        self.taken: list[str] = []
        super().__init__(name="scripted", wanted=wanted or Wanted())

    def connect(self) -> None:
        if self._script and self._script[0] == "shut":
            self._script.popleft()
            raise ConnectionRefusedError(111, "Connection refused")

    def deliver(self, letters: deque[Letter]) -> None:
        self.may_go_on.wait()
        act = self._script.popleft() if self._script else len(letters)
        for _ in range(min(act if isinstance(act, int) else 0, len(letters))):
            self.taken.append(letters.popleft().key)
        if act == "refuse":
            raise RefusedError("no such thing")
        if isinstance(act, str) or letters:
            raise TimeoutError

    def let_go(self) -> None:
        pass


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counterpart, "FIRST_PAUSE_S", 0.0)


def number(count: int) -> Iterator[Event]:
    return (msgspec.structs.replace(DIGIT, id=number) for number in range(count))


@given(
    script=st.lists(st.one_of(st.integers(0, 5), st.sampled_from(["refuse", "away", "shut"])), max_size=12),
    count=st.integers(1, 40),
)
def test_every_record_is_sent_once_and_in_order_or_counted_as_lost(
    script: list[int | str], count: int
) -> None:
    scripted = Scripted(script)
    scripted._pause_s = 0.0
    scripted.may_go_on.set()
    scripted.put(START)
    for event in number(count):
        scripted.put(event)
    wait_until(lambda: scripted.books.queued == 0)
    assert scripted.finish(timeout_s=10)
    books = scripted.books
    assert books.sent + books.lost == count + 1
    assert len(scripted.taken) == books.sent
    ids = [int(key.split("-")[1]) for key in scripted.taken if key.startswith("r-") and key.endswith("-end")]
    assert ids == sorted(set(ids))
    assert books.lost <= script.count("refuse")


def test_what_there_is_no_room_for_is_counted_and_told_where_it_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(output, "MAX_WAITING", 8)
    scripted = Scripted([])
    for event in number(1):
        scripted.put(event)
    wait_until(lambda: scripted._queue.qsize() == 0)  # it is at the door, which does not open
    for event in number(20):
        scripted.put(event)
    assert scripted.books.lost == 12
    scripted.may_go_on.set()
    wait_until(lambda: scripted.books.queued == 0)
    scripted.put(DIGIT)
    assert scripted.finish(timeout_s=10)
    assert scripted.books.sent == 1 + 8 + 1 + 1
    assert [key.split("-")[1] for key in scripted.taken[-2:]] == ["error", "17"]


def test_all_that_is_left_at_the_end_is_told_also_what_nobody_had_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(counterpart, "GIVE_UP_S", 0.0)
    scripted = Scripted(["away"] * 1000, wanted=Wanted(only_events=True))
    for event in number(1):
        scripted.put(event)
    wait_until(lambda: scripted._queue.qsize() == 0)  # it is at the door, which does not open
    scripted.put(START)  # which is only to be known of
    for event in number(3):
        scripted.put(event)
    scripted.ask_to_finish()
    scripted.may_go_on.set()
    assert scripted.finish(timeout_s=10)
    assert "4 lines were not taken off us in time, as it is away" in scripted.describe_error()
    assert (scripted.books.sent, scripted.books.lost, scripted.books.queued) == (0, 4, 0)


def test_a_recording_waits_for_what_is_slow_and_not_for_what_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "MAX_WAITING", 8)
    slow, away = Scripted([]), Scripted(["shut"] * 1000)
    for event in number(8):
        slow.put(event)
        away.put(event)
    wait_until(lambda: away.books.away_s is not None)
    assert slow.is_behind or slow.books.queued == 8
    assert not away.is_behind
    for each in (slow, away):
        each.may_go_on.set()
        assert each.finish(timeout_s=10)


def test_a_program_that_has_seeded_its_chances_gets_the_same_however_often_it_is_tried() -> None:
    before = random.getstate()
    away = Scripted(["shut", "shut", "shut"])
    away._pause_s = 0.0
    away.may_go_on.set()
    away.put(DIGIT)
    assert away.finish(timeout_s=10)
    assert away.books.sent == 1
    assert random.getstate() == before


def test_news_are_told_once_however_often_it_is_tried() -> None:
    scripted = Scripted(["shut", "shut", "shut", "refuse", "refuse", 1, "refuse"])
    scripted._pause_s = 0.0
    scripted.may_go_on.set()
    for event in number(5):
        scripted.put(event)
    wait_until(lambda: scripted.books.queued == 0)
    assert scripted.finish(timeout_s=10)
    words = [news.partition(":")[0].split(" after ")[0] for news in scripted.take_news()]
    assert words[:3] == ["scripted is away", "scripted is back", "scripted refuses what it is sent"]
    assert scripted.books.lost == 3


def test_records_are_wanted_by_type_label_and_phase() -> None:
    def wanted(options: str, *, only_events: bool = False) -> Wanted:
        return Wanted.read(parse_target(f"mqtt://h#{options}", "mqtt"), only_events=only_events)

    begin = msgspec.structs.replace(DIGIT, phase="begin")
    error = ErrorRecord(message="x")
    assert [wanted("").takes(each) for each in (START, begin, DIGIT, error, END)] == [True] * 5
    assert [wanted("phase=begin").takes(each) for each in (begin, DIGIT, START)] == [True, False, True]
    assert [wanted("labels=5,6").takes(each) for each in (DIGIT, START)] == [True, True]
    assert not wanted("labels=6").takes(DIGIT)
    assert [wanted("types=dtmf,error").takes(each) for each in (DIGIT, error, END)] == [True, True, False]
    assert [wanted("", only_events=True).takes(each) for each in (DIGIT, error)] == [True, False]


def test_whose_a_record_is_is_known_where_no_start_is_wanted() -> None:
    scripted = Scripted([], wanted=Wanted(types=("dtmf",)))
    scripted.may_go_on.set()
    for record in (START, DIGIT, END):
        scripted.put(record)
    assert scripted.finish(timeout_s=10)
    assert scripted.taken == ["r-17-end"]
    assert (scripted.books.sent, scripted.books.queued) == (1, 0)


def test_options_are_told_from_addresses_that_have_question_marks() -> None:
    hook = parse_target("webhook:https://h/a?b=c&d#phase=end", "webhook")
    assert hook.address == "https://h/a?b=c&d"
    assert hook.read("phase", str, "") == "end"
    broker = parse_target("mqtt://me:p%40ss@h:1/t?qos=2#types=dtmf", "mqtt")
    assert (broker.address, broker.name) == ("//me:p%40ss@h:1/t", "mqtt://me@h:1/t")
    assert (broker.read("qos", str, ""), broker.read("types", str, "")) == ("2", "dtmf")
    url = broker.split_url(port=1883)
    assert (url.host, url.port, url.user, url.password, url.path) == ("h", 1, "me", "p@ss", "t")
