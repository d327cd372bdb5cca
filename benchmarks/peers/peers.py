"""Side by side: this store, Redis with sorted sets, PostgreSQL with triggers that count.

All three keep the same: who favorited what and when (a user's list, newest first), and counts for
all time, the month and the day that can be read in order. Redis and PostgreSQL count inside the
mark; here the loop counts behind it, and the marks per second include the wait until it has.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from statistics import median
from time import perf_counter

from benchmarks.harness.measure import percentile
from benchmarks.harness.result import Result, Run
from benchmarks.harness.workload import LAST_DAY, RESTAURANTS, user, zipf_restaurants
from benchmarks.peers.peer import Missing, Peer
from benchmarks.peers.postgres import postgres
from benchmarks.peers.redis import redis
from benchmarks.peers.sqlite import embedded
from tallies.core.times import canonical_time

_SERVERS = (redis, postgres)
_PAIRS = (
    # As durable as each other: what a power cut may take, from about a second down to nothing.
    ("SQLite NORMAL", "Redis everysec"),
    ("SQLite NORMAL", "PostgreSQL async commit"),
    ("SQLite FULL", "PostgreSQL sync commit"),
)
_READS = 200
_FIGURES = ("marks until counted", "mark, p50", "mark, p99", "top 100, p50")
_UNITS = ("marks/s", "µs", "µs", "µs")


def run(run: Run) -> Iterator[Result]:
    """Each round does the same marks and reads on every one, after another."""
    marks, rounds = run.pick(10_000, 4_000, usual=4_000), run.pick(5, 3, usual=3)
    found: dict[str, list[list[float]]] = {}
    with ExitStack() as stack:
        peers = dict(stack.enter_context(embedded(run.folder)))
        for start in _SERVERS:
            try:
                peers |= stack.enter_context(start(run.folder))
            except Missing as absent:
                run.note(str(absent))
        restaurants = zipf_restaurants(RESTAURANTS * 2 + marks * (rounds + 1))
        warm_up = [next(restaurants) for _ in range(RESTAURANTS * 2)]
        for peer in peers.values():
            _mark_all(peer, warm_up, 0)
        first_user = len(warm_up)
        for number in range(rounds):
            chosen = [next(restaurants) for _ in range(marks)]
            names = list(peers)
            for name in names if number % 2 else reversed(names):
                found.setdefault(name, []).append(_round(peers[name], chosen, first_user))
            first_user += marks
        boards = {name: peer.top(100) for name, peer in peers.items()}
    counts = {name: [count for _, count in board] for name, board in boards.items()}
    assert len(set(map(str, counts.values()))) == 1, "the leaderboards differ"
    for ours, theirs in _PAIRS:
        if theirs in found:
            yield from _results(ours, theirs, found[ours], found[theirs])


def _mark_all(peer: Peer, restaurants: list[str], first_user: int) -> list[float]:
    taken = []
    now = canonical_time(LAST_DAY)
    for number, restaurant in enumerate(restaurants, first_user):
        who = user(number)
        started = perf_counter()
        peer.mark(who, restaurant, now)
        taken.append(perf_counter() - started)
    peer.settle()
    return taken


def _round(peer: Peer, restaurants: list[str], first_user: int) -> list[float]:
    started = perf_counter()
    taken = _mark_all(peer, restaurants, first_user)
    rate = len(taken) / (perf_counter() - started)
    reads = []
    for _ in range(_READS):
        started = perf_counter()
        peer.top(100)
        reads.append(perf_counter() - started)
    latencies = (percentile(taken, 0.5), percentile(taken, 0.99), percentile(reads, 0.5))
    return [rate, *(latency * 1e6 for latency in latencies)]


def _results(
    ours: str, theirs: str, a: list[list[float]], b: list[list[float]]
) -> Iterator[Result]:
    for index, (figure, unit) in enumerate(zip(_FIGURES, _UNITS, strict=True)):
        pairs = [(x[index], y[index]) for x, y in zip(a, b, strict=True)]
        yield Result(
            what=f"{figure}, {ours}",
            unit=unit,
            ours=median(x for x, _ in pairs),
            peer_name=theirs,
            peer=median(y for _, y in pairs),
            ratio=median(x / y for x, y in pairs),
            higher_is_better=unit == "marks/s",
        )
