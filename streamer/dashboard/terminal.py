"""The terminal behind /dev/tty: its settings, size and keys. Nothing here ever waits for it."""

from __future__ import annotations

import errno
import os
import re
import select
import signal
import termios
import time
from types import FrameType
from typing import Any

FALLBACK_SIZE = (80, 24)  # for terminals that say 0 x 0, as serial lines do
LARGEST_SIZE = (1000, 300)  # an 8K screen in a small font; a made-up size costs no more than that
LEAVE_WITHIN_S = 0.5  # how long a terminal that stopped reading is given to take the last bytes

# The window's title kept, alternate screen, no cursor, no wrapping, cleared; and back.
ENTER = "\x1b[22;2t\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[0m\x1b[2J"
LEAVE = "\x1b[?2026l\x1b[r\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l\x1b[23;2t"
ASK_GROUND = "\x1b]11;?\x1b\\"  # what colour the background is; xterm and most others answer, some never
ANSWER_WITHIN_S = 1.0
BEGIN_SCREEN = "\x1b[?2026h"  # synchronized output: the terminal shows all of a screen or nothing
END_SCREEN = "\x1b[?2026l"

LOCAL_FLAGS = 3  # indices into what tcgetattr returns
INPUT_FLAGS = 0
CONTROL_CHARS = 6


KEY_NAMES = {
    b"\x1b[5~": "pgup",
    b"\x1b[6~": "pgdn",
    b"\x1b[A": "up",
    b"\x1bOA": "up",
    b"\x1b[B": "down",
    b"\x1bOB": "down",
    b"\x1b[C": "right",
    b"\x1bOC": "right",
    b"\x1b[D": "left",
    b"\x1bOD": "left",
    b"\x1b[H": "home",
    b"\x1bOH": "home",
    b"\x1b[1~": "home",
    b"\x1b[4~": "end",
    b"\x1b[F": "end",
    b"\x1bOF": "end",
    b"\x1bOP": "f1",
    b"\x1b[11~": "f1",
    b"\x1b": "escape",
    b"\r": "enter",
    b"\n": "enter",
    b"\x7f": "backspace",
    b"\x08": "backspace",
    b" ": "space",
    b"\x03": "ctrl-c",
    b"\x1a": "ctrl-z",
    b"\x1c": "ctrl-\\",
}

# One key: a control sequence, a function key, a string the terminal answers with, a character, a stray byte.
_ONE_KEY = re.compile(
    rb"""\x1b\[ [0-?]* [\x20-/]* [@-~] | \x1bO [\x20-~] | \x1b[]P_^X] [^\x07\x1b]* (?:\x07|\x1b\\)
    | [\xc2-\xf4][\x80-\xbf]{1,3} | [\x00-\xff]""",
    re.VERBOSE,
)
_UNFINISHED = re.compile(
    rb"(?: \x1b\[ [0-?]* [\x20-/]* | \x1b[]P_^X] [^\x07\x1b]* \x1b? | \x1bO ) \Z", re.VERBOSE
)
_GROUND = re.compile(
    rb"\x1b\]11;rgba?:([0-9a-f]{1,4})/([0-9a-f]{1,4})/([0-9a-f]{1,4})(?=[\x07\x1b/])", re.IGNORECASE
)
_LUMINANCE = (0.2126, 0.7152, 0.0722)  # ITU-R BT.709, of red, green and blue
_LONGEST_SEQUENCE_BYTES = 256


def split_keys(typed: bytes) -> tuple[list[str], bytes]:
    """The keys in what a terminal sent, and the unfinished sequence at its end.

    A key is a name from KEY_NAMES or the character itself. Sequences that mean nothing here are swallowed
    whole, so that no answer of the terminal can press q.
    """
    unfinished = _UNFINISHED.search(typed[-_LONGEST_SEQUENCE_BYTES:])
    rest = unfinished.group() if unfinished else b""
    keys = []
    for one in _ONE_KEY.findall(typed[: len(typed) - len(rest)]):
        key = KEY_NAMES.get(one) or one.decode("utf-8", errors="replace")
        if key.isprintable():
            keys.append(key)
    return keys, rest


def read_is_light(answer: bytes) -> bool | None:
    """Whether the background is light, from what a terminal sent; None where that is no answer to ASK_GROUND."""
    found = _GROUND.search(answer)
    if found is None:
        return None
    shares = [int(part, 16) / (16 ** len(part) - 1) for part in found.groups()]
    luminance: float = sum(weight * share for weight, share in zip(_LUMINANCE, shares, strict=True))
    return luminance > 0.5


class TerminalGoneError(OSError):
    """The terminal was closed, or there never was one."""


class Terminal:
    """A terminal opened for itself alone, in cbreak mode and on its alternate screen between enter and leave.

    Opened afresh, the description is ours: it can be non-blocking without upsetting the shell's.
    """

    def __init__(self, path: str = "/dev/tty") -> None:
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
            self._found = termios.tcgetattr(self._fd)
        except (OSError, termios.error) as error:
            raise TerminalGoneError(f"{path} is not a terminal that can be opened ({error})") from error
        self._ours: list[Any] | None = None
        self._pending = b""
        self._unfinished = b""
        self._asked_s: float | None = None
        self.is_light: bool | None = None  # once it has said so

    def fileno(self) -> int:
        return self._fd

    @property
    def entered(self) -> bool:
        return self._ours is not None

    @property
    def pending(self) -> bool:
        """Whether the terminal has not yet taken all that was written."""
        return bool(self._pending)

    def in_foreground(self) -> bool:
        """Whether the shell lets this job have the terminal."""
        try:
            return os.tcgetpgrp(self._fd) == os.getpgrp()
        except OSError as error:
            if error.errno == errno.ENOTTY:  # not the one we were started from: no shell shares it out
                return True
            raise TerminalGoneError("the terminal has gone") from error

    def size(self) -> tuple[int, int]:
        """Columns and rows, as of now; of what is larger than any screen a corner is used."""
        try:
            columns, rows = os.get_terminal_size(self._fd)
        except OSError as error:
            raise TerminalGoneError("the terminal has gone") from error
        if not columns or not rows:
            return FALLBACK_SIZE
        return min(columns, LARGEST_SIZE[0]), min(rows, LARGEST_SIZE[1])

    def enter(self) -> None:
        """Single keys unechoed, the alternate screen, the cursor hidden."""
        try:
            self._found = termios.tcgetattr(self._fd)
            termios.tcsetattr(self._fd, termios.TCSANOW, cbreak_settings(self._found))
            self._ours = termios.tcgetattr(self._fd)
        except termios.error as error:
            raise TerminalGoneError("the terminal has gone") from error
        self.write(ENTER)

    def ask_ground(self) -> None:
        """Once: nobody waits for the answer, it comes among the keys, or never. Then is_light is set."""
        if self._asked_s is None:
            self._asked_s = time.monotonic()
            self.write(ASK_GROUND)

    @property
    def _awaits_answer(self) -> bool:
        is_new = self._asked_s is not None and time.monotonic() - self._asked_s < ANSWER_WITHIN_S
        return is_new and self.is_light is None

    def leave(self) -> None:
        """The terminal as enter found it. Safe to call twice, and when the terminal has gone."""
        if self._ours is None:
            return
        # After a kill -9 of the main process the shell has the terminal and we are in the background, where
        # SIGTTOU would stop us here for ever. And if the shell has set the terminal up already, hands off.
        previous = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        try:
            if self._awaits_answer:  # or else the shell would take it for something typed
                select.select([self._fd], [], [], LEAVE_WITHIN_S / 2)
            if termios.tcgetattr(self._fd) == self._ours:
                termios.tcflush(self._fd, termios.TCIFLUSH)  # keys meant for us are not the shell's
                termios.tcsetattr(self._fd, termios.TCSANOW, self._found)
            self.write(LEAVE)
            stop_s = time.monotonic() + LEAVE_WITHIN_S
            while self._pending and time.monotonic() < stop_s:
                time.sleep(0.01)
                self.flush()
        except (TerminalGoneError, termios.error):
            pass
        finally:
            self._ours = None
            self._pending = b""
            signal.signal(signal.SIGTTOU, previous)

    def close(self) -> None:
        self.leave()
        os.close(self._fd)

    def read_keys(self) -> list[str]:
        """The keys pressed since the last call."""
        try:
            typed = os.read(self._fd, 1024)
        except BlockingIOError:
            if self._unfinished != b"\x1b" or self._awaits_answer:
                return []
            self._unfinished = b""  # nothing came behind it
            return ["escape"]
        except OSError as error:
            raise TerminalGoneError("the terminal has gone") from error
        if not typed:
            raise TerminalGoneError("the terminal has gone")
        typed = self._unfinished + typed
        if (is_light := read_is_light(typed)) is not None:
            self.is_light = is_light
        held = b"\x1b" if typed.endswith(b"\x1b") and self._awaits_answer else b""
        keys, self._unfinished = split_keys(typed.removesuffix(held))
        self._unfinished += held
        return keys

    def write(self, text: str) -> None:
        """Queue text behind what is pending, and write what the terminal takes now."""
        self._pending += text.encode("utf-8", errors="replace")
        self.flush()

    def flush(self) -> None:
        """Write what the terminal takes now of what is pending."""
        try:
            while self._pending:
                self._pending = self._pending[os.write(self._fd, self._pending) :]
        except BlockingIOError:
            pass
        except OSError as error:
            raise TerminalGoneError("the terminal has gone") from error


def cbreak_settings(found: list[Any]) -> list[Any]:
    """Keys one by one and unechoed. Ctrl-C stays a signal, for the main process.

    Ctrl-Z and Ctrl-\\ come as keys, because the screen has to be put back before the job stops or dies and the shell
    sets the terminal up for itself; so does Ctrl-S, because it would freeze the output.
    """
    settings = [*found[:CONTROL_CHARS], list(found[CONTROL_CHARS])]
    settings[LOCAL_FLAGS] &= ~(termios.ECHO | termios.ICANON)
    settings[INPUT_FLAGS] &= ~termios.IXON
    settings[CONTROL_CHARS][termios.VMIN] = 1
    settings[CONTROL_CHARS][termios.VTIME] = 0
    for key in (termios.VSUSP, termios.VQUIT):
        settings[CONTROL_CHARS][key] = b"\x00"  # _POSIX_VDISABLE
    return settings


def is_cbreak(settings: list[Any]) -> bool:
    """Whether these look like cbreak_settings of something."""
    return (
        not settings[LOCAL_FLAGS] & (termios.ECHO | termios.ICANON)
        and settings[CONTROL_CHARS][termios.VSUSP] == b"\x00"
    )


class Rescue:
    """The terminal as it was found, for whoever outlives the dashboard's process and what it had no time to do."""

    def __init__(self, path: str = "/dev/tty") -> None:
        self._fd = -1
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
            self._found = termios.tcgetattr(self._fd)
        except (OSError, termios.error):
            self.close()  # then there is no dashboard either

    def put_back(self) -> None:
        """Once the dashboard's process is gone, if it has not done so itself. Waits for nobody."""
        if self._fd < 0:
            return
        previous = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        try:
            if is_cbreak(termios.tcgetattr(self._fd)):
                termios.tcflush(
                    self._fd, termios.TCIFLUSH
                )  # keys meant for the dashboard are not the shell's
                termios.tcsetattr(self._fd, termios.TCSANOW, self._found)
                os.write(self._fd, LEAVE.encode())
        except (OSError, termios.error):
            pass  # it takes nothing now, or has gone
        finally:
            signal.signal(signal.SIGTTOU, previous)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class Signals:
    """Which signals have come, readable by select: handlers only note, the loop acts."""

    NOTED = (signal.SIGTERM, signal.SIGHUP, signal.SIGTSTP, signal.SIGCONT, signal.SIGWINCH)

    def __init__(self) -> None:
        self._read_fd, self._write_fd = os.pipe()
        os.set_blocking(self._read_fd, False)
        os.set_blocking(self._write_fd, False)
        signal.set_wakeup_fd(self._write_fd, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGQUIT):  # the main process ends the run, and tells us, or dies
            signal.signal(number, signal.SIG_IGN)
        for number in self.NOTED:
            signal.signal(number, self._note)

    @staticmethod
    def _note(number: int, frame: FrameType | None) -> None:
        """The wakeup pipe has the number already."""

    def fileno(self) -> int:
        return self._read_fd

    def take(self) -> set[int]:
        """Numbers of the signals that came since the last call."""
        try:
            return set(os.read(self._read_fd, 1024))
        except BlockingIOError:
            return set()


def stop_job() -> None:
    """Stop the whole job as Ctrl-Z does; returns when it is continued. The terminal has been left before."""
    noted = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
    os.killpg(0, signal.SIGTSTP)
    signal.signal(signal.SIGTSTP, noted)


def quit_job() -> None:
    """End the whole job as Ctrl-\\ does; this process ignores it. The terminal has been left before."""
    os.killpg(0, signal.SIGQUIT)
