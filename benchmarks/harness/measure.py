"""How two things are compared on a noisy machine: in turns, with medians of the rounds' ratios."""

from collections.abc import Callable, Sequence
from statistics import median
from time import perf_counter
from typing import NamedTuple


class Paired(NamedTuple):
    """Medians of both sides, and of the ratios of rounds that ran side by side."""

    ours: float
    peer: float
    ratio: float


def in_turns(
    rounds: int, ours: Callable[[], Sequence[float]], peer: Callable[[], Sequence[float]]
) -> list[Paired]:
    """Measure both sides `rounds` times, A B B A A B …, so that drift and order favour neither.

    A side may measure several figures at once; the answer has one `Paired` for each.
    """
    pairs: list[tuple[Sequence[float], Sequence[float]]] = []
    for number in range(rounds):
        if number % 2:
            second = peer()
            pairs.append((ours(), second))
        else:
            first = ours()
            pairs.append((first, peer()))
    return compare([a for a, _ in pairs], [b for _, b in pairs])


def compare(ours: Sequence[Sequence[float]], peer: Sequence[Sequence[float]]) -> list[Paired]:
    """One `Paired` for each figure, from the figures of rounds that ran side by side."""
    return [
        Paired(median(a), median(b), median(x / y for x, y in zip(a, b, strict=True)))
        for a, b in zip(zip(*ours, strict=True), zip(*peer, strict=True), strict=True)
    ]


def one_by_one(
    rounds: int,
    calls: int,
    ours: Callable[[], object],
    peer: Callable[[], object],
    shares: Sequence[float],
) -> list[Paired]:
    """Latencies in seconds of single calls that take turns: a `Paired` for each percentile.

    A first round warms up and is not counted.
    """
    found: list[tuple[list[float], list[float]]] = []
    for _ in range(rounds + 1):
        taken = [(seconds(ours), seconds(peer)) for _ in range(calls)]
        a, b = zip(*taken, strict=True)
        found.append(([percentile(a, s) for s in shares], [percentile(b, s) for s in shares]))
    return compare([a for a, _ in found[1:]], [b for _, b in found[1:]])


def seconds(work: Callable[[], object]) -> float:
    """How long a call takes."""
    started = perf_counter()
    work()
    return perf_counter() - started


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of all values (0..1) do not exceed: one that was measured."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
