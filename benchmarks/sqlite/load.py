"""`tallies load` of a large log: time and memory of the whole command."""

import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from benchmarks.harness.measure import in_turns, seconds
from benchmarks.harness.result import Bound, Result, Run
from benchmarks.harness.workload import marks
from tallies.favorites.on_sqlite import SqliteFavorites

_LINES_AN_UNMARK = 20
MOST_SECONDS_A_MILLION = 60.0


class _Loaded(NamedTuple):
    seconds: float
    peak_mb: float


def run(run: Run) -> Iterator[Result]:
    """Memory is constant when twice the events take no more of it."""
    yield _beside_a_plain_loop(run, run.pick(200_000, 50_000, usual=60_000))
    events = run.pick(1_000_000, 100_000, usual=300_000)
    whole, half = run.folder / "whole.csv", run.folder / "half.csv"
    _write(whole, events)
    _write(half, events // 2)
    time, memory = in_turns(1, lambda: _load(run.folder, whole), lambda: _load(run.folder, half))
    half_name = f"{events // 2:,} events"
    # Small logs do not fill the caches.
    constant = None if run.size == "quick" else Bound("<=", 1.15)
    yield Result(
        what=f"load of {events:,} events",
        unit="s",
        ours=time.ours,
        peer_name=half_name,
        peer=time.peer,
        ratio=time.ratio,
        bound=Bound("<=", MOST_SECONDS_A_MILLION * events / 1_000_000, of="ours"),
    )
    yield Result(
        what=f"load of {events:,} events, peak memory",
        unit="MB",
        ours=memory.ours,
        peer_name=half_name,
        peer=memory.peer,
        ratio=memory.ratio,
        bound=Bound("<=", 300.0, of="ours"),
    )
    yield Result(
        what="its memory is constant",
        unit="MB",
        ours=memory.ours,
        peer_name=half_name,
        peer=memory.peer,
        ratio=memory.ratio,
        bound=constant,
    )


def _beside_a_plain_loop(run: Run, events: int) -> Result:
    log, store = run.folder / "log.csv", run.folder / "plain.db"
    _write(log, events)

    def plain() -> list[float]:
        with SqliteFavorites(store) as made:
            made.init()
        command = [sys.executable, "-m", "benchmarks.sqlite.plain_load", str(log), str(store)]
        taken = seconds(lambda: subprocess.run(command, check=True))
        for path in run.folder.glob("plain.db*"):
            path.unlink()
        return [taken]

    (found,) = in_turns(run.pick(5, 3, usual=3), lambda: [_load(run.folder, log).seconds], plain)
    return Result(
        what=f"load of {events:,} events, until all are counted",
        unit="s",
        ours=found.ours,
        peer_name="a plain loop that counts nothing",
        peer=found.peer,
        ratio=found.ratio,
        bound=Bound("<=", 1.3),
    )


def _write(path: Path, events: int) -> None:
    """A year of marks; every twentieth line takes back the mark before it."""
    with path.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        lines.writerow(["user_id", "restaurant_id", "created_at", "op"])
        pairs = pairwise(marks(events + 1, days=365))
        for number, (before, event) in enumerate(pairs, 1):
            if number % _LINES_AN_UNMARK:
                lines.writerow(event)
            else:
                lines.writerow(before._replace(created_at=event.created_at, op="unmark"))


def _load(folder: Path, log: Path) -> _Loaded:
    store = folder / "load.db"
    command = [sys.executable, "-m", "tallies", "load", str(log), "--store", f"sqlite:///{store}"]
    # A process of its own in between: a child's peak counts from that of its parent.
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.harness.peak", *command],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    for path in folder.glob("load.db*"):
        path.unlink()
    found = json.loads(done.stdout)
    return _Loaded(found["seconds"], found["peak_mb"])
