"""What aggregation costs a writer: latency of `mark` with the loop running, beside without it."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from time import perf_counter, sleep

from benchmarks.harness.measure import in_turns, percentile
from benchmarks.harness.result import Bound, Result, Run
from benchmarks.harness.workload import marks, user, zipf_restaurants
from tallies.favorites.on_sqlite import SqliteFavorites
from tallies.runtimes.embedded import EmbeddedLoop

OPEN_RATE = 1_000
"""Marks a second that arrive in the open loop, whether the one before is done or not."""
_BEFORE = 20_000
"""Favorites in the file when a round begins."""
_PREPARED = "prepared.db"
_SPIN_SECONDS = 0.0005
_LIMIT = Bound("<=", 1.1)

Background = Callable[[SqliteFavorites], AbstractContextManager[object]]
Latencies = Callable[[SqliteFavorites, list[str], int], list[float]]


def run(run: Run) -> Iterator[Result]:
    """Closed and open loop; the aggregator as a thread of the same process, and as another."""
    _prepare(run.folder / _PREPARED)
    for place, background in (("same process", EmbeddedLoop), ("another process", _other_process)):
        closed = (run.pick(10_000, 5_000), closed_loop, background)
        yield from _compare(run, f"closed loop, {place}", *closed, (_LIMIT, _LIMIT))
        # At a fixed rate every wait for the write lock counts as often as marks queue behind it;
        # the ninety-ninth percentile then shows the lock itself, so it is told and not judged.
        opened = (run.pick(3_000, 1_000, usual=1_000), open_loop, background)
        yield from _compare(run, f"{OPEN_RATE:,} a second, {place}", *opened, (_LIMIT, None))


def closed_loop(store: SqliteFavorites, restaurants: list[str], first_user: int) -> list[float]:
    """Seconds of each mark, one straight after the other."""
    taken = []
    for number, restaurant in enumerate(restaurants, first_user):
        who = user(number)
        started = perf_counter()
        store.mark(who, restaurant)
        taken.append(perf_counter() - started)
    return taken


def open_loop(store: SqliteFavorites, restaurants: list[str], first_user: int) -> list[float]:
    """Seconds from when each mark was due to its end: waiting behind a slow one counts too."""
    taken = []
    begin = perf_counter() + 0.01
    for number, restaurant in enumerate(restaurants):
        who = user(first_user + number)
        due = begin + number / OPEN_RATE
        sleep(max(0.0, due - perf_counter() - _SPIN_SECONDS))
        while perf_counter() < due:
            sleep(0)  # a timer alone is late by as much as a mark takes; this lets threads run
        store.mark(who, restaurant)
        taken.append(perf_counter() - due)
    return taken


def _compare(
    run: Run,
    what: str,
    count: int,
    loop: Latencies,
    background: Background,
    bounds: tuple[Bound | None, Bound | None],
) -> Iterator[Result]:
    restaurants = list(zipf_restaurants(count, seed=2))
    names = iter(range(1_000))

    def round_of(background: Background) -> list[float]:
        path = run.folder / f"{next(names)}.db"
        shutil.copyfile(run.folder / _PREPARED, path)
        with SqliteFavorites(path) as store, background(store):
            taken = loop(store, restaurants, _BEFORE)
        path.unlink()
        return [percentile(taken, share) * 1e6 for share in (0.5, 0.99)]

    pairs = in_turns(
        run.pick(9, 3, usual=5),
        lambda: round_of(background),
        lambda: round_of(lambda _: nullcontext()),
    )
    for name, found, bound in zip(("p50", "p99"), pairs, bounds, strict=True):
        yield Result(
            what=f"mark {name}, {what}",
            unit="µs",
            ours=found.ours,
            peer_name="aggregation off",
            peer=found.peer,
            ratio=found.ratio,
            bound=bound,
        )


def _prepare(path: Path) -> None:
    """Make the file that each round begins with a copy of: its favorites are in it and counted."""
    with SqliteFavorites(path) as store:
        store.init()
        for _ in store.load(marks(_BEFORE, days=1)):
            pass
        aggregator = store.aggregator()
        while aggregator.step().records:
            pass


@contextmanager
def _other_process(store: SqliteFavorites) -> Iterator[None]:
    """A process that does nothing but aggregate."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.sqlite.mark_aggregator", str(store.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()  # it says so when it has begun
        try:
            yield
        finally:
            assert process.stdin is not None
            process.stdin.close()  # which it takes as the word to end
            process.wait()
