"""Figures for Prometheus, by Debian's prometheus and its own check of them."""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from streamer.base.errors import SpecError
from streamer.events import GapRecord, OutputBooks, SourceRecord, Stats, WorkerRecord
from streamer.outputs import check_outputs, open_outputs, reaches_out
from streamer.outputs.to_metrics import MOST_LABELS
from tests.outputs.counterparts import Server, find_free_port, require, running, wait_until
from tests.outputs.records import DIGIT, START

STATS = Stats(
    captured=48000,
    analysed=47000,
    dropped=600,
    pending=400,
    latency_ms_p50=0.5,
    latency_ms_p99=1.5,
    realtime_factor=40.0,
    input_dbfs=[-20.0, -30.0],
    peak_dbfs=[-10.0, -20.0],
    outputs=[OutputBooks(name="nats://h", queued=1, sent=2, lost=3, away_s=4.0)],
)
GAP = GapRecord(sample=0, t_s=0.0, lost_samples=600, reason="input_overflow")


def fetch(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        return answer.read().decode()


def is_ready(port: int) -> bool:
    try:
        return urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=5).status == 200
    except urllib.error.HTTPError as error:
        error.close()
        return False


def read_samples(text: str) -> dict[tuple[str, ...], float]:
    """By name and the values of labels, in the order of their names."""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_figures_are_those_of_the_records() -> None:
    port = find_free_port()
    [output] = open_outputs([f"metrics:{port}"])
    begin = msgspec.structs.replace(DIGIT, phase="begin")
    lost = SourceRecord(state="lost", source="mic")
    worker = WorkerRecord(reason="died", restarts=1)
    for record in (START, begin, DIGIT, DIGIT, GAP, STATS, lost, worker):
        output.put(record)
    wait_until(lambda: output.books.queued == 0)
    text = fetch(port)
    found = read_samples(text)
    assert found["streamer_events_total", "1", "5", "dtmf", "dtmf"] == 2
    assert found["streamer_gaps_total", "input_overflow"] == 1
    assert found["streamer_workers_replaced_total",] == 1
    assert found["streamer_samples", "dropped"] == 600
    assert found["streamer_latency_seconds", "99"] == 0.0015
    assert found["streamer_input_dbfs", "2"] == -30
    assert found["streamer_output_records", "nats://h", "lost"] == 3
    assert found["streamer_output_away_seconds", "nats://h"] == 4
    assert [value for name, value in found.items() if name[0] == "streamer_source_up"] == [0]
    promtool = require("promtool", "prometheus")
    checked = subprocess.run(
        [promtool, "check", "metrics"], input=text, text=True, capture_output=True, check=False
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
    assert output.finish()
    with pytest.raises(OSError, match="refused"):
        fetch(port)


def test_debians_prometheus_scrapes_them(tmp_path: Path) -> None:
    port, own = find_free_port(), find_free_port()
    config = tmp_path / "prometheus.yml"
    config.write_text(
        f"scrape_configs: [{{job_name: s, scrape_interval: 100ms, scrape_timeout: 100ms,"
        f" static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}]\n"
    )
    words = [
        require("prometheus", "prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={tmp_path}/db",
    ]
    server = Server([*words, f"--web.listen-address=127.0.0.1:{own}"], port=own)

    def ask(query: str) -> list[Any]:
        with urllib.request.urlopen(
            f"http://127.0.0.1:{own}/api/v1/query?query={query}", timeout=5
        ) as answer:
            return json.load(answer)["data"]["result"]

    [output] = open_outputs([f"metrics:{port}"])
    with running(server):
        for record in (START, DIGIT, STATS):
            output.put(record)
        wait_until(lambda: is_ready(own))
        wait_until(lambda: bool(ask("streamer_events_total")))
        [found] = ask("streamer_events_total")
        assert found["metric"]["label"] == "5"
        assert found["value"][1] == "1"
    assert output.finish()


def test_labels_are_bounded_however_many_there_are() -> None:
    port = find_free_port()
    [output] = open_outputs([f"metrics:{port}"])
    for number in range(MOST_LABELS + 50):
        output.put(msgspec.structs.replace(DIGIT, label=f"n{number}"))
    wait_until(lambda: output.books.queued == 0)
    assert read_samples(fetch(port))["streamer_events_total", "", "other", "dtmf", "dtmf"] == 50
    assert output.finish()


def test_nobody_else_is_listened_to_unless_told() -> None:
    assert not reaches_out("metrics:9464")
    assert reaches_out("metrics:0.0.0.0:9464")
    for target in ("metrics:", "metrics:0", "metrics:http://h", "metrics:9464?types=dtmf"):
        with pytest.raises(SpecError):
            check_outputs([target])
    port = find_free_port()
    [output] = open_outputs([f"metrics:{port}"])
    with pytest.raises(SpecError, match="cannot be listened at: Address already in use"):
        open_outputs([f"metrics:127.0.0.1:{port}"])
    assert output.finish()
