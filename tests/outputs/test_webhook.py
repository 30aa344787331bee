"""Webhooks by a real HTTP server that refuses, is slow, goes away, and loses its connections."""

from __future__ import annotations

import json
import re
import socket
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import pytest
import soundfile

from streamer.base.errors import SpecError
from streamer.commands.live.load_settings import load_settings
from streamer.outputs import check_outputs, open_outputs, reaches_out
from streamer.outputs.posts import Address, Poster
from streamer.outputs.target import hide_password
from tests.outputs.counterparts import find_free_port, has_sent, is_away, wait_until
from tests.outputs.records import DIGIT, START
from tests.outputs.test_nats import make_digits
from tests.pages import list_files
from tests.programs import run


class Hook:
    """Answers with what is next in `answers`, then with 200; notes what it was sent."""

    def __init__(self, port: int = 0) -> None:
        self.answers: list[tuple[int, dict[str, str], str]] = []
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.may_answer = threading.Event()
        self.may_answer.set()
        hook = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.may_answer.wait()
                status, headers, text = hook.answers.pop(0) if hook.answers else (200, {}, "fine")
                if status == 0:  # gone in the middle
                    self.close_connection = True
                    return
                hook.got.append((self.path, dict(self.headers), body))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_words: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def keys(self) -> list[str]:
        return [headers["Idempotency-Key"] for _, headers, _ in self.got]


@pytest.fixture
def hook() -> Iterator[Hook]:
    found = Hook()
    yield found
    found.may_answer.set()
    found.close()


def test_each_finished_event_is_posted_with_its_key(hook: Hook, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret\n")
    target = f"http://127.0.0.1:{hook.port}/a?b=c#host=lab&token_file={tmp_path}/token"
    [output] = open_outputs([target])
    for record in (START, DIGIT, DIGIT):
        output.put(record)
    assert output.finish(timeout_s=10)
    [(path, headers, body), second] = hook.got
    assert path == "/a?b=c"
    assert headers["Content-Type"] == "application/json"
    assert headers["Authorization"] == "Bearer secret"
    assert headers["Idempotency-Key"] == "r-17-end" == second[1]["Idempotency-Key"]
    said = json.loads(body)
    assert (said["label"], said["host"], said["schema"]) == ("5", "lab", "streamer.event/1")


@pytest.mark.parametrize(
    ("form", "kind", "read"),
    [
        ("text", "text/plain; charset=utf-8", lambda body: body.decode()),
        ("slack", "application/json", lambda body: json.loads(body)["text"]),
        ("discord", "application/json", lambda body: json.loads(body)["content"]),
    ],
)
def test_people_are_told_in_the_form_their_service_takes(
    hook: Hook, form: str, kind: str, read: object
) -> None:
    [output] = open_outputs([f"webhook:http://127.0.0.1:{hook.port}/#as={form}"])
    output.put(DIGIT)
    assert output.finish(timeout_s=10)
    [(_, headers, body)] = hook.got
    assert headers["Content-Type"] == kind
    assert callable(read)
    assert read(body).split()[2:4] == ["dtmf", "5"]


def test_what_may_pass_is_tried_again_and_a_refusal_is_not(hook: Hook) -> None:
    hook.answers = [
        (503, {}, "busy"),
        (429, {"Retry-After": "1"}, ""),
        (200, {}, ""),
        (400, {}, "no such hook\nx"),
    ]
    [output] = open_outputs([f"webhook:http://127.0.0.1:{hook.port}/"])
    for digit in make_digits(range(3)):
        output.put(digit)
    wait_until(lambda: output.books.queued == 0)
    assert output.finish(timeout_s=10)
    assert hook.keys == ["-0-end", "-0-end", "-0-end", "-1-end", "-2-end"]
    assert (output.books.sent, output.books.lost) == (2, 1)
    news = output.take_news()
    assert "is away: HTTP 503 Service Unavailable: busy" in news[0]
    assert "refuses what it is sent: HTTP 400 Bad Request: no such hook" in news[-1]


@contextmanager
def dripping(what: str) -> Iterator[Poster]:
    """To a server that says this, and then a letter now and then."""
    is_over = threading.Event()

    def drip(server: socket.socket) -> None:
        link, _ = server.accept()
        with link, suppress(OSError):
            link.sendall(what.encode())
            while not is_over.wait(0.05):
                link.sendall(b"x")

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=drip, args=(server,), daemon=True).start()
        poster = Poster(Address(url=f"http://127.0.0.1:{server.getsockname()[1]}/", timeout_s=0.3))
        yield poster
        poster.drop()
        is_over.set()


@pytest.mark.parametrize(
    "what", ["HTTP/1.1 2", "HTTP/1.1 503 Busy\r\nX: ", "HTTP/1.1 503 Busy\r\nContent-Length: 9999\r\n\r\n"]
)
def test_an_answer_that_drips_is_waited_for_as_long_as_one_that_does_not_come(what: str) -> None:
    with dripping(what) as poster, pytest.raises(TimeoutError, match="no answer within 300ms"):
        poster.post(b"", {}, ending=threading.Event())


@pytest.mark.parametrize(
    "what", ["HTTP/1.1 200 OK\r\nX: ", "HTTP/1.1 204 Fine\r\nContent-Length: 9999\r\n\r\n"]
)
def test_what_was_taken_is_not_sent_again_as_more_was_to_be_said(what: str) -> None:
    with dripping(what) as poster:
        poster.post(b"", {}, ending=threading.Event())


def test_nobody_is_followed_to_another_address(hook: Hook) -> None:
    hook.answers = [(302, {"Location": "http://192.0.2.1/"}, "")]
    [output] = open_outputs([f"webhook:http://127.0.0.1:{hook.port}/"])
    output.put(DIGIT)
    assert output.finish(timeout_s=10)
    assert output.books.error == "HTTP 302 Found: http://192.0.2.1/"


def test_a_server_that_goes_away_and_comes_back_gets_all_in_order(hook: Hook) -> None:
    [output] = open_outputs([f"webhook:http://127.0.0.1:{hook.port}/"])
    hook.answers = [(200, {"Connection": "close"}, "")]
    output.put(DIGIT)
    wait_until(has_sent(output, 1))
    hook.close()
    for digit in make_digits(range(20)):
        output.put(digit)
    wait_until(is_away(output))
    again = Hook(hook.port)
    wait_until(has_sent(output, 21))
    assert output.finish(timeout_s=10)
    assert again.keys == [f"-{number}-end" for number in range(20)]
    again.close()


def test_a_connection_that_the_server_has_dropped_meanwhile_is_made_anew(hook: Hook) -> None:
    [output] = open_outputs([f"webhook:http://127.0.0.1:{hook.port}/"])
    output.put(DIGIT)
    wait_until(has_sent(output, 1))
    hook.answers = [(0, {}, "")]
    output.put(DIGIT)
    wait_until(has_sent(output, 2))
    assert output.take_news() == []
    assert output.finish(timeout_s=10)


def test_a_server_that_does_not_answer_is_away(hook: Hook) -> None:
    [output] = open_outputs([f"webhook:http://127.0.0.1:{hook.port}/#timeout=0.2s"])
    hook.may_answer.clear()
    output.put(DIGIT)
    wait_until(is_away(output))
    assert output.books.error == "no answer within 200ms"
    hook.may_answer.set()
    wait_until(has_sent(output, 1))
    assert output.finish(timeout_s=10)


def test_a_certificate_that_nobody_vouches_for_is_not_talked_to(hook: Hook) -> None:
    [output] = open_outputs([f"https://127.0.0.1:{hook.port}/"])
    output.put(DIGIT)
    wait_until(is_away(output))
    assert not hook.got
    assert not output.finish(timeout_s=0.1)


def test_what_is_wrong_with_an_address_is_told_at_once() -> None:
    for target, why in [
        ("webhook:", "is no web address"),
        ("webhook:ftp://h/", "is no web address"),
        ("https://h/a b", "is no web address"),
        ("https://h/#as=xml", "write json, text, slack or discord"),
        ("https://h/#token_file=/no/such", "cannot be read"),
        ("https://h/#token_file=/dev/null", "holds no line"),
        ("https://a..b/", "is no web address"),  # as libraries said once they looked for it, and live ended
        (f"https://{'a' * 64}.org/", "is no web address"),
        ("https://h/#header=two words: x", "header is .*; write Name: value"),
    ]:
        with pytest.raises(SpecError, match=why):
            check_outputs([target])
    assert reaches_out("https://example.org/")
    assert not reaches_out(f"http://127.0.0.1:{find_free_port()}/")


class Turnstile(threading.Semaphore):
    """Lets one through for each step; as an event of a hook's, which lets all through once it is set."""

    wait = threading.Semaphore.acquire

    def set(self) -> None:
        self.release(1000)


def test_the_books_say_how_far_a_slow_one_is(hook: Hook) -> None:
    turnstile = hook.may_answer = Turnstile(0)  # type: ignore[assignment]
    [output] = open_outputs([f"http://127.0.0.1:{hook.port}/"])
    for digit in make_digits(range(5)):
        output.put(digit)
    for sent in (1, 2):
        turnstile.release()
        wait_until(lambda sent=sent: output.books.sent == sent)
        assert output.books.queued == 5 - sent
    turnstile.set()
    assert output.finish(timeout_s=10)
    assert output.books.sent == 5


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("https://me:pass@host/T0/SECRET?token=SECRET#phase=end", r"https://me@host/…[0-9a-f]{4}#phase=end"),
        ("webhook:https://host:8443/SECRET", r"webhook:https://host:8443/…[0-9a-f]{4}"),
        ("https://host?token=SECRET", r"https://host/…[0-9a-f]{4}"),
        ("https://host/#as=text&header=X-Key: SECRET", r"https://host/#as=text&header=…"),
        ("https://me:SEC/RET@host/", r"https://me@host/"),
        ("exec:curl -d {label} https://host/SECRET", r"exec:curl -d {label} https://host/…[0-9a-f]{4}"),
        ("nats://me:SECRET@host/x?types=dtmf", r"nats://me@host/x\?types=dtmf"),
    ],
)
def test_what_lets_anybody_post_is_nobody_elses_business(text: str, told: str) -> None:
    assert re.fullmatch(told, hide_password(text))
    assert hide_password(hide_password(text)) == hide_password(text) or "…" in told


def test_two_webhooks_of_one_service_can_be_told_apart() -> None:
    assert hide_password("https://host/a") != hide_password("https://host/b")


def test_a_secret_path_is_shown_nowhere(hook: Hook, tmp_path: Path) -> None:
    target = f"http://127.0.0.1:{hook.port}/SECRET/1?token=SECRET"
    hook.answers = [(404, {}, "no /SECRET/1?token=SECRET here"), (302, {"Location": target}, "")]
    [output] = open_outputs([target])
    output.put(DIGIT)
    wait_until(lambda: output.books.lost == 1)
    said = [*output.take_news(), output.name, str(output.books)]
    output.put(DIGIT)
    assert not output.finish(timeout_s=10) or output.books.lost == 2
    said += [*output.take_news(), str(output.books)]
    config = tmp_path / "c.toml"
    config.write_text(f"[[output]]\nto = '{target}'\nheader = 'X-Key: SECRET'\n")
    said.append(load_settings(environ={}, config=config).format(has_origin=True))
    for targets in ([target, target], [f"{target}\0"], [f"{target}#colour=red"], [f"{target}#header=SECRET"]):
        with pytest.raises(SpecError) as refused:
            check_outputs(targets)
        said.append(str(refused.value))
    assert all(len(each) > 5 and "SECRET" not in each for each in said), said


def test_who_we_are_may_stand_before_the_host(hook: Hook, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t")
    for options in ("", f"#token_file={tmp_path}/token"):
        [output] = open_outputs([f"http://me:p%40ss@127.0.0.1:{hook.port}/{options}"])
        output.put(DIGIT)
        assert output.finish(timeout_s=10)
    told = [headers["Authorization"] for _, headers, _ in hook.got]
    assert told == [f"Basic {b64encode(b'me:p@ss').decode()}", "Bearer t"]


def test_a_server_that_says_a_part_of_a_secret_back_is_not_quoted(hook: Hook, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("SECRET-1")
    words = "SECRET-1 of user, p=SECRET-2, SECRET/3 and SECRET-4: nobody knows kitchen"
    hook.answers = [(401, {}, words)]
    options = f"#token_file={tmp_path}/token&header=X-Key: SECRET-4"
    [output] = open_outputs([f"http://127.0.0.1:{hook.port}/SECRET%2F3?p=SECRET-2&db=kitchen{options}"])
    output.put(DIGIT)
    assert output.finish(timeout_s=10)
    assert "HTTP 401 Unauthorized: … of user, p=…, … and …: nobody knows kitchen" in output.take_news()[0]


@pytest.mark.parametrize(
    ("event", "phases", "posted"),
    [
        ({"type": "dtmf"}, "begin end", "end"),
        ({"type": "level", "label": "loud"}, "begin end", "begin"),
        ({"type": "match", "text": " K"}, "end", "end"),  # a letter of Morse, which is told when it is over
        (
            {"type": "match", "text": "ZCZC"},
            "begin end",
            "begin end",
        ),  # an alert, whose text comes at its end
        ({"type": "match"}, "begin end begin end", "begin begin"),  # of two runs, which count anew
    ],
)
def test_each_event_is_posted_once_as_soon_as_it_is_of_use(
    hook: Hook, event: dict[str, str], phases: str, posted: str
) -> None:
    [output] = open_outputs([f"http://127.0.0.1:{hook.port}/"])
    for number, phase in enumerate(phases.split()):
        if number % 2 == 0:
            output.put(msgspec.structs.replace(START, run=f"r{number}"))
        output.put(msgspec.structs.replace(DIGIT, phase=phase, **event))
    assert output.finish(timeout_s=10)
    assert [key.rpartition("-")[2] for key in hook.keys] == posted.split()
    assert output.books.lost == 0


@pytest.mark.slow
def test_an_alarm_of_live_is_posted_as_it_begins_and_names_the_clip_in_which_it_does(
    hook: Hook, tmp_path: Path
) -> None:
    plan = tmp_path / "loud.toml"
    plan.write_text(list_files("outputs")["loud.toml"])
    sound = "sim:silence:2s,tone:1000@-20:3s,silence:3s"
    outputs = ["-o", f"clips:{tmp_path}/kept?pre=1s", "-o", f"http://127.0.0.1:{hook.port}/"]
    done = run("live", sound, "-r", "8k", "-q", "--speed", "4", "--plan", str(plan), *outputs)
    assert (done.returncode, done.stderr) == (0, "")
    [(_, _, body)] = hook.got
    said = json.loads(body)
    assert (said["phase"], said["label"]) == ("begin", "loud")
    samples, fs_hz = soundfile.read(tmp_path / "kept" / said["clip"])
    at = round(said["clip_offset_s"] * fs_hz)
    assert abs(samples[: at - 400]).max() == 0
    assert abs(samples[at + 400 : at + 800]).max() == pytest.approx(0.1, rel=0.01)
