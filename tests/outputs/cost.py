"""What outputs cost a live run: none, against six of which one is dead and one slow, in turn.

    python -m tests.outputs.cost --seconds 20 --pairs 2 [--base FOLDER]

--base: an older checkout, which is run without outputs too, each time.
Processor time is that of the run and all of its processes; the latency is that of the last `stats`. The file among the
six, and the broker, must have every event that stdout has.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.outputs.counterparts import find_free_port, make_nats, running
from tests.programs import STREAMER, find_children, read_lines

SOUND = "dtmf:5550123@-12:60ms/60ms+loop+noise:-60"
SLOW_S = 1.0
START_S = 3.0  # until it is no longer starting


class SlowHook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(SLOW_S)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_words: object) -> None:
        pass


def run(
    seconds: float, outputs: list[str], *, checkout: str | None = None
) -> tuple[float, list[dict[str, object]]]:
    """Share of a core, and the lines of stdout."""
    env = None if checkout is None else {**os.environ, "PYTHONPATH": checkout}
    words = [
        *STREAMER,
        "live",
        f"sim:{SOUND}",
        "-r",
        "48k",
        "--duration",
        f"{seconds + 2 * START_S:g}s",
        "--json",
        "-q",
    ]
    for target in outputs:
        words += ["-o", target]
    with subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env
    ) as live:
        said: list[tuple[str, str]] = []
        reader = threading.Thread(target=lambda: said.append(live.communicate()))
        reader.start()
        time.sleep(START_S)
        before_s, began_s = sum_used_s(live.pid), time.monotonic()
        time.sleep(seconds)
        share = (sum_used_s(live.pid) - before_s) / (time.monotonic() - began_s)
        reader.join()
    [(out, err)] = said
    print(f"  exit {live.returncode} {err.strip()[:150]}", file=sys.stderr)
    return share, read_lines(out)


def sum_used_s(pid: int) -> float:
    """Processor time of a process and all below it, so far."""
    ticks = 0
    for each in (pid, *find_children(pid)):
        fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def name_events(lines: list[dict[str, object]]) -> set[tuple[object, object]]:
    return {(line["id"], line["phase"]) for line in lines if "id" in line and "phase" in line}


def find_stats(lines: list[dict[str, object]]) -> dict[str, object]:
    return [line for line in lines if line["type"] == "stats"][-1]


def tell(name: str, share: float, lines: list[dict[str, object]]) -> None:
    stats = find_stats(lines)
    print(f"{name}: {share:.1%} of a core, latency {stats['latency_ms_p50']} / {stats['latency_ms_p99']} ms")


def compare(folder: Path, seconds: float, base: str | None) -> bool:
    server = ThreadingHTTPServer(("127.0.0.1", 0), SlowHook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with running(make_nats(folder / "nats")) as nats:
        outputs = [
            str(folder / "events.jsonl"),
            f"nats://127.0.0.1:{nats.port}",
            f"mqtt://127.0.0.1:{find_free_port()}",  # dead
            f"http://127.0.0.1:{server.server_address[1]}/",  # slow
            f"metrics:{find_free_port()}",
            str(folder / "events.csv"),
        ]
        if base is not None:
            tell("base", *run(seconds, [], checkout=base))
        tell("none", *run(seconds, []))
        six, lines = run(seconds, outputs)
        tell("six ", six, lines)
        history = [*STREAMER, "history", f"nats://127.0.0.1:{nats.port}", "--json"]
        read = subprocess.run(history, capture_output=True, text=True, check=True).stdout
    server.shutdown()
    server.server_close()
    events = name_events(lines)
    in_file = name_events(read_lines((folder / "events.jsonl").read_text()))
    is_whole = events == in_file == name_events(read_lines(read)) and bool(events)
    books = [
        (str(each["name"]).partition(":")[0], each["sent"], each["lost"])
        for each in find_stats(lines)["outputs"]  # type: ignore[attr-defined]
    ]
    print(f"  {len(events)} events whole: {is_whole}  {json.dumps(books)}")
    return is_whole


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--pairs", type=int, default=2)
    parser.add_argument("--base")
    given = parser.parse_args()
    verdicts = []
    for _ in range(given.pairs):
        with TemporaryDirectory() as folder:
            verdicts.append(compare(Path(folder), given.seconds, given.base))
    return 0 if all(verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
