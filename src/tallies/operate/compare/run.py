"""The run: each design writes the same events at the same rate, and then dies a few deaths."""

import subprocess
import sys
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from statistics import quantiles
from tempfile import TemporaryDirectory
from threading import Event as Flag
from threading import Thread
from time import perf_counter, sleep

from tallies.core.errors import InvalidInput
from tallies.favorites.favorite import Event
from tallies.operate.compare import killed
from tallies.operate.compare.designs import NAMES, SCAN, Design, wrong
from tallies.operate.compare.engines import Engine
from tallies.stores.protocol import Progress, no_progress

TICK_SECONDS = 0.02
"""Between two polls of a consumer that has nothing to do."""
DAY_SECONDS = 86_400.0
SETTLE_SECONDS = 60.0


@dataclass(frozen=True)
class Outcome:
    """The result for one design."""

    design: str
    write_p50_ms: float
    write_p99_ms: float
    stale_p50_seconds: float
    stale_p99_seconds: float
    write_units: float
    """Of counting, for each write of the application."""
    read_units: float
    wrong: int
    """Counts that are wrong after the kills, when everything has been carried over."""
    counts: int
    """How many counts there should be and are."""


def compare(
    engine: Engine,
    events: Sequence[Event],
    *,
    rate: float,
    kills: int,
    seed: int,
    progress: Progress = no_progress,
) -> list[Outcome]:
    """Run all designs, one after the other.

    Raises:
        InvalidInput: there are no events.
        StoreError: the engine refuses.
    """
    if not events:
        raise InvalidInput("There are no events to compare by; give a log that has some.")
    found = []
    for name in NAMES:
        with TemporaryDirectory(prefix="tallies-") as folder, engine.fresh(name) as place:
            design = engine.open(name, place, Path(folder))
            told = partial(_tell, progress, name, len(events))
            timed = _timed(design, name, events, rate, told)
            design.close()
        with TemporaryDirectory(prefix="tallies-") as folder, engine.fresh(name) as place:
            errors, counts = _killed(engine, name, place, Path(folder), events, kills, seed)
        found.append(Outcome(name, *timed, errors, counts))
    return found


def _tell(progress: Progress, name: str, total: int, done: int) -> None:
    progress(name, done, total)


def _timed(
    design: Design, name: str, events: Sequence[Event], rate: float, on_write: Callable[[int], None]
) -> tuple[float, float, float, float, float, float]:
    carried: list[tuple[float, int]] = []  # (when, records up to then)
    stop = Flag()

    def carrying() -> None:
        done = 0
        while not (stop.is_set() and done >= changes):
            began = perf_counter()
            records = design.carry()
            done += records
            if records:
                carried.append((perf_counter(), done))
            elif stop.is_set() and perf_counter() - stopped > SETTLE_SECONDS:
                return
            else:
                sleep(max(0.0, TICK_SECONDS - (perf_counter() - began)))

    changes, stopped = 0, 0.0
    taken: list[float] = []
    acknowledged: list[float] = []
    there: set[tuple[str, str]] = set()
    consumer = Thread(target=carrying, daemon=True)
    if design.in_background:
        consumer.start()
    start = perf_counter()
    for number, event in enumerate(events):
        sleep(max(0.0, start + number / rate - perf_counter()))
        began = perf_counter()
        design.write(event)
        taken.append(perf_counter() - began)
        pair = event.user_id, event.restaurant_id
        if (event.op == "mark") != (pair in there):  # this one changed something
            (there.add if event.op == "mark" else there.discard)(pair)
            acknowledged.append(perf_counter())
            changes += 1
        if number % 100 == 0:
            on_write(number)
    stopped = perf_counter()
    stop.set()
    if design.in_background:
        consumer.join()
        upto = [records for _, records in carried]
        behind = [
            max(0.0, carried[bisect_left(upto, number)][0] - at)
            for number, at in enumerate(acknowledged, 1)
        ]
    elif name == SCAN:
        began = perf_counter()
        design.carry()
        # A write waits for the next scan: any share of a day, and then the scan itself.
        lasted = perf_counter() - began
        behind = [share / 100 * DAY_SECONDS + lasted for share in range(101)]
    else:
        behind = [0.0] * 2
    on_write(len(events))
    each = len(events)
    return (
        *(value * 1000 for value in _percentiles(taken)),
        *_percentiles(behind),
        design.write_units / each,
        design.read_units / each,
    )  # type: ignore[return-value] # two, two, and two


def _percentiles(values: Sequence[float]) -> tuple[float, float]:
    if len(values) < 2:
        return values[0], values[0]
    cuts = quantiles(values, n=100, method="inclusive")
    return cuts[49], cuts[98]


def _killed(
    engine: Engine,
    name: str,
    place: str,
    folder: Path,
    events: Sequence[Event],
    kills: int,
    seed: int,
) -> tuple[int, int]:
    """Kill the writing process a few times; how many counts are wrong then, and of how many."""
    random = Random(f"{seed} {name}")  # noqa: S311 # when to kill is no secret
    log = killed.write_log(folder, events)
    command = [
        sys.executable,
        "-m",
        killed.__name__,
        engine.name,
        name,
        place,
        str(folder),
        str(log),
    ]
    for _ in range(kills):
        with subprocess.Popen(command, stdout=subprocess.PIPE) as child:  # noqa: S603 # ourselves
            assert child.stdout is not None  # noqa: S101 # it is a pipe
            child.stdout.readline()  # it has begun to write
            sleep(random.uniform(*engine.lives_seconds))
            child.kill()
    last = [*command, "to the end"]
    subprocess.run(last, stdout=subprocess.DEVNULL, check=True)  # noqa: S603 # ourselves
    design = engine.open(name, place, folder)
    try:
        return wrong(design), len(design.counts())
    finally:
        design.close()
