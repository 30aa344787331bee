"""What was heard, as people read it: rows that grow, the tape, tallies, the last hour."""

from __future__ import annotations

import pytest

from streamer.dashboard.heard import KEPT_TALLIES, Book
from streamer.dashboard.messages import EventRow


def tell(book: Book, story: str, *, kind: str = "dtmf", plan: str = "a", **more) -> Book:
    """Events of 0.1 s, one every half second; a digit or capital is heard, a dot is half a second of nothing."""
    for step, label in enumerate(story):
        if label != ".":
            t_s = step * 0.5
            fields = {
                "type": kind,
                "label": label,
                "time": f"12:00:{t_s:06.3f}",
                "t_s": t_s,
                "plan": plan,
                **more,
            }
            fields["is_digit"] = kind == "dtmf"
            book.add(EventRow(id=step + 1, phase="begin", **fields))
            book.add(EventRow(id=step + 1, phase="end", duration_ms=100.0, **fields))
    book.go_on(len(story) * 0.5)
    return book


@pytest.mark.parametrize(
    ("story", "rows"),
    [
        ("5550123", ["5550123"]),
        ("91........1", ["91", "1"]),  # four seconds without a digit part a number
        ("91.......1", ["911"]),
        ("9" + "." * 9 + "1" + "." * 9 + "1", ["9", "1", "1"]),
    ],
)
def test_digits_less_than_four_seconds_apart_are_one_row(story, rows):
    assert [row.label for row in tell(Book(), story).rows] == rows


@pytest.mark.parametrize(
    ("story", "rows"), [("BBBB", ["B×4"]), ("BBABB", ["B×2", "A×1", "B×2"]), ("B........B", ["B×2"])]
)
def test_equal_labels_in_a_row_are_one_row_with_a_count(story, rows):
    assert [f"{row.label}×{row.count}" for row in tell(Book(), story, kind="tone").rows] == rows


def test_ten_digits_and_four_bursts_are_two_rows():
    book = tell(tell(Book(), "0123456789"), "...........BBBB", kind="tone")
    assert [(row.label, row.count) for row in book.rows] == [("0123456789", 1), ("B", 4)]
    assert book.n_events == 14


def test_rows_stand_in_the_order_of_their_starts():
    book = Book()
    for start_s, label in ((5.0, "late"), (2.0, "early"), (3.0, "middle")):
        book.add(EventRow(id=int(start_s), phase="begin", type="tone", label=label, time="", t_s=start_s))
    assert [row.label for row in book.rows] == ["early", "middle", "late"]


def test_what_has_no_length_is_a_row_of_its_own_and_parts_nothing():
    book = tell(Book(), "55")
    book.add(EventRow(id=0, phase="", type="gap", label="7.2 s lost", time="", t_s=1.0, lost_s=7.2))
    book.add(EventRow(id=9, phase="begin", type="dtmf", label="6", time="", t_s=1.5, plan="a", is_digit=True))
    assert [row.label for row in book.rows] == ["556", "7.2 s lost"]
    assert book.lost_s == 7.2


def test_channels_and_plans_have_rows_of_their_own():
    book = Book()
    for number, (channel, plan) in enumerate([(1, "a"), (2, "a"), (1, "b")], 1):
        book.add(
            EventRow(id=number, phase="begin", type="tone", label="x", time="", plan=plan, channel=channel)
        )
    assert len(book.rows) == 3


def test_what_sounds_is_what_began_last_until_it_ends():
    book = Book()
    for number, label in enumerate("AB", 1):
        book.add(EventRow(id=number, phase="begin", type="tone", label=label, time="", t_s=float(number)))
    assert [row.label for row in book.find_sounding()] == ["B", "A"]
    book.add(EventRow(id=2, phase="end", type="tone", label="B", time="", t_s=2.0, duration_ms=500.0))
    assert [row.label for row in book.find_sounding()] == ["A"]
    book.add(EventRow(id=1, phase="end", type="tone", label="A", time="", t_s=1.0, duration_ms=9000.0))
    assert book.find_sounding() == []
    assert [row.duration_s for row in book.rows] == [9.0, 0.5]


def test_the_tape_has_each_number_once_and_parts_them():
    book = tell(Book(), "911..........5550123")
    assert [said.text for said in book.said] == ["911", "5550123"]


def test_letters_are_one_row_and_one_piece_of_the_tape():
    book = Book()
    for number, text in enumerate([" C", "Q", " D", "E", " OH2XYZ"], 1):
        row = EventRow(id=number, phase="end", type="morse", label=text, text=text, time="", t_s=number * 0.5)
        book.add(row)
    assert [row.label for row in book.rows] == ["CQ DE OH2XYZ"]
    assert [(said.kind, said.text, said.is_digits) for said in book.said] == [
        ("morse", "CQ DE OH2XYZ", False)
    ]
    assert list(book.tallies) == ["morse"]


def test_tallies_count_digits_together_and_each_label_alone():
    book = tell(tell(Book(), "5550123"), "BBA", kind="tone")
    assert {name: (tally.this_hour, tally.run) for name, tally in book.tallies.items()} == {
        "dtmf digits": (7, 7),
        "B": (2, 2),
        "A": (1, 1),
    }


def test_another_hour_begins_its_tally_at_0():
    book = Book()
    for number, hour in enumerate((12, 12, 13), 1):
        book.add(
            EventRow(id=number, phase="begin", type="tone", label="x", time=f"{hour}:59:00.000", t_s=number)
        )
    assert (book.tallies["x"].this_hour, book.tallies["x"].run) == (1, 3)


def test_the_last_hour_has_events_where_they_were_and_losses_where_they_were():
    book = Book()
    book.go_on(7200.0)
    for number, ago_s in enumerate((3500, 1800, 1800, 30), 1):
        book.add(EventRow(id=number, phase="begin", type="tone", label="x", time="", t_s=7200.0 - ago_s))
    book.add(EventRow(id=0, phase="", type="gap", label="", time="", t_s=7200.0 - 900, lost_s=10.0))
    counts, lost = book.read_hour(36)
    assert {at: n for at, n in enumerate(counts.tolist()) if n} == {0: 1, 17: 2, 35: 1}
    assert lost.nonzero()[0].tolist() == [26, 27]


def test_before_the_run_the_last_hour_has_nothing():
    book = Book()
    book.go_on(600.0)
    counts, _ = book.read_hour(60)
    assert (counts < 0).sum() == 49
    book.go_on(100_000.0)
    assert (book.read_hour(60)[0] == 0).all()


def test_a_section_that_counts_from_0_goes_on_behind_the_one_before():
    book = tell(Book(), "555")
    book.begin_section()
    tell(book, "6", plan="b")
    assert [row.label for row in book.rows] == ["555", "6"]
    assert book.rows[0].start_s < book.rows[1].start_s


def test_what_is_looked_for_is_found_from_the_newest_on():
    book = tell(tell(Book(), "5"), "BAB", kind="tone")
    assert book.search("b") == [0, 2]
    assert book.search("dtmf") == [3]
    assert book.search("nothing") == []


def test_a_code_is_said_whole_and_by_its_plan_whatever_else_is_heard_meanwhile():
    book = tell(Book(), "91")
    for number, label in enumerate(("12345", "12345"), 10):
        fields = {
            "type": "match",
            "plan": "zvei1",
            "label": label,
            "text": label,
            "time": "",
            "is_code": True,
        }
        book.add(EventRow(id=number, phase="begin", t_s=1.0 + number / 10, **fields))
        book.add(EventRow(id=number, phase="end", t_s=1.0 + number / 10, duration_ms=350.0, **fields))
    tell(book, "..1")
    assert [(said.kind, said.text) for said in book.said] == [
        ("dtmf", "911"),
        ("zvei1", "12345"),
        ("zvei1", "12345"),
    ]
    assert [(row.label, row.count) for row in book.rows] == [("911", 1), ("12345", 2)]
    assert book.tallies["zvei1 12345"].run == 2


def test_a_source_that_is_away_is_a_row_that_goes_on_until_it_is_back_and_nothing_that_sounds():
    book = tell(Book(), "91")
    gone = {"id": 0, "type": "error", "label": "USB Audio is gone", "time": ""}
    book.add(EventRow(phase="begin", t_s=1.0, **gone))
    book.begin_section()  # it comes back as another
    assert [(row.label, row.is_on) for row in book.rows] == [("91", False), ("USB Audio is gone", True)]
    assert book.find_sounding() == []
    book.add(EventRow(phase="end", t_s=0.0, duration_ms=7200.0, **gone))
    assert [(row.is_on, row.duration_s) for row in book.rows][-1] == (False, 7.2)
    assert book.n_events == 2
    assert list(book.tallies) == ["dtmf digits"]


def test_the_names_that_are_counted_are_bounded_and_the_oldest_is_forgotten():
    book = Book()
    for number in range(KEPT_TALLIES + 3):
        label = "often" if number % 2 else f"{number:05}"
        book.add(
            EventRow(id=number, phase="begin", type="match", label=label, time="", t_s=float(number * 9))
        )
    for number in range(KEPT_TALLIES + 3):
        book.add(EventRow(id=number, phase="begin", type="match", label=f"x{number}", time=""))
    assert len(book.tallies) == KEPT_TALLIES
    assert f"x{KEPT_TALLIES}" in book.tallies
    assert "00000" not in book.tallies
