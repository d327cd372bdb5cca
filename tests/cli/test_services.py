"""The commands that stay: they serve, they say where, and they end cleanly when told to."""

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import httpx2 as httpx
import pytest

from tests.cli.command import environment, tallies
from tests.web import WEB


class Service:
    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process = process
        self.url = url

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        self.process.send_signal(number)
        _, err = self.process.communicate(timeout=60)
        return self.process.returncode, err


@contextmanager
def running(*arguments: str | Path, **variables: str) -> Iterator[Service]:
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "tallies", *arguments, "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(**variables),
    )
    try:
        assert process.stdout is not None
        url = None
        while url is None and (line := process.stdout.readline()):
            url = re.search(r"http://\S+?(?=/?\s|/?$)", line)
        assert url is not None, process.communicate()[1]
        until_healthy(url[0])
        yield Service(process, url[0])
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def until_healthy(url: str) -> None:
    deadline = monotonic() + 60
    while True:
        try:
            WEB.get(f"{url}/health").raise_for_status()
        except httpx.TransportError:
            assert monotonic() < deadline, "it does not serve"
        else:
            return


def until_equal(url: str, expected: object) -> None:
    deadline = monotonic() + 60
    while (found := WEB.get(url).json()) != expected:
        assert monotonic() < deadline, found


@pytest.mark.slow(but="15")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_aggregates_and_ends_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    store = f"sqlite:///{tmp_path}/s.db"
    with running("serve", "--store", store) as service:
        assert WEB.put(f"{service.url}/users/ann/favorites/noodles").status_code == 201
        until_equal(
            f"{service.url}/leaderboards/all",
            {
                "window": "all",
                "items": [{"rank": 1, "restaurant_id": "noodles", "favorites": 1}],
                "next": None,
            },
        )
        with WEB.stream("GET", f"{service.url}/leaderboards/all/live") as stream:
            lines = stream.iter_lines()
            assert json.loads(next(lines).removeprefix("data: "))["window"] == "all"
            began = monotonic()
            assert service.stop(number) == (0, "")
            assert monotonic() - began < 60  # an open stream does not hold it
    found = json.loads(tallies("status", "--json", store=store).out)
    assert (found["aggregator"], found["lag_records"]) == (None, 0)


def test_two_serve_one_file(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/s.db"
    with running("serve", "--store", store) as one, running("serve", "--store", store) as two:
        WEB.put(f"{one.url}/users/ann/favorites/noodles")
        WEB.put(f"{two.url}/users/bob/favorites/noodles")
        for service in (one, two):
            until_equal(
                f"{service.url}/leaderboards/all",
                {
                    "window": "all",
                    "items": [{"rank": 1, "restaurant_id": "noodles", "favorites": 2}],
                    "next": None,
                },
            )
    assert tallies("verify", store=store).code == 0


def test_a_port_in_use_is_said_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for command in ("serve", "demo"):
            ran = tallies(command, "--port", port, store=f"sqlite:///{tmp_path}/s.db")
            assert ran.code == 2
            assert "address already in use" in ran.err
            assert len(ran.err.splitlines()) == 1


@pytest.mark.slow
def test_the_demo_is_a_city_that_says_it_is_made_up_and_moves(tmp_path: Path) -> None:
    with running("demo") as service:
        assert "made-up" in WEB.get(f"{service.url}/health").json()["notice"]
        board = WEB.get(f"{service.url}/leaderboards/all?limit=100").json()["items"]
        assert len(board) >= 50
        names = WEB.get(f"{service.url}/names", params={"id": board[0]["restaurant_id"]}).json()
        assert names[board[0]["restaurant_id"]]["cuisine"]
        with WEB.stream("GET", f"{service.url}/leaderboards/all/live?limit=100") as stream:
            boards = [
                line for line in _take(stream.iter_lines(), 2) if line.startswith('data: {"window')
            ]
        assert boards[0] != boards[1]
        assert service.stop(signal.SIGINT)[0] == 0


def _take(lines: Iterator[str], boards: int) -> Iterator[str]:
    for line in lines:
        if line.startswith('data: {"window'):
            yield line
            boards -= 1
            if not boards:
                return


@pytest.mark.slow
def test_the_demo_stands_still_and_keeps_its_data_when_told_to(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/demo.db"
    with running("demo", "--still", "--seed", "3", TALLIES_STORE=store) as service:
        before = WEB.get(f"{service.url}/leaderboards/month").json()
        assert WEB.get(f"{service.url}/health").json()["lag_records"] == 0
        assert service.stop()[0] == 0
    assert [line["favorites"] for line in before["items"]] == [
        line["favorites"] for line in json.loads(tallies("top", "month", "--json", store=store).out)
    ]


@pytest.mark.slow(but="options0")
@pytest.mark.parametrize("options", [["--still"], ["--speed", "1e9"]])
def test_the_demo_on_a_log_of_ones_own(tmp_path: Path, options: list[str]) -> None:
    log = tmp_path / "log.csv"
    log.write_text(
        "user_id,restaurant_id,created_at\n"
        "ann,n1,2017-08-01T12:00:00Z\nbob,n1,2017-08-02T12:00:00Z\n"
    )
    names = tmp_path / "names.csv"
    names.write_text("restaurant_id,title\nn1,Noodle Bar\n")
    with running("demo", "--events", log, "--names", names, *options) as service:
        until_equal(
            f"{service.url}/restaurants/n1/tally",
            {"restaurant_id": "n1", "windows": {"all": 2, "2017-08": 2, "2017-08-02": 1}},
        )
        assert WEB.get(f"{service.url}/names?id=n1").json() == {
            "n1": {"name": "Noodle Bar", "cuisine": None}
        }
        assert service.stop()[0] == 0
