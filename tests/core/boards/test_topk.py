"""The threshold algorithm, beside the full sum; and that it reads little where little will do."""

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tallies.core.boards.topk import Page, Ranked, every_line, place, top_k, weighted
from tallies.core.tally import Number

Board = dict[str, Number]

groups = st.sampled_from([*"abcdefgh", "🍜", "B"])
counts = st.integers(1, 4)  # few values: ties are the rule
decimals = st.decimals("0.01", "99", places=2, allow_nan=False)
boards = st.dictionaries(groups, counts, max_size=10)
instances = st.lists(st.tuples(st.integers(1, 5), boards), max_size=6)


class Lists:
    """Sorted lists in memory, and what was asked of them."""

    def __init__(self, boards: Sequence[Board], most: int | None = None) -> None:
        self.boards = boards
        self.sorted = [
            sorted((Ranked(*pair) for pair in board.items() if pair[1]), key=place)
            for board in boards
        ]
        self.lines = 0
        self.looked_up = 0

    def read_on(self, asked: Sequence[Page]) -> list[list[Ranked]]:
        found = []
        for page in asked:
            after = page.after
            lines = [
                line for line in self.sorted[page.of] if after is None or place(line) > place(after)
            ][: page.limit]
            self.lines += len(lines)
            found.append(lines)
        return found

    def look_up(self, some: Sequence[str]) -> Mapping[str, Sequence[Number]]:
        assert len(set(some)) == len(some)
        self.looked_up += len(some) * len(self.boards)
        return {group: [board.get(group, 0) for board in self.boards] for group in some}


def full_sum(weights: Sequence[int], boards: Sequence[Board]) -> list[tuple[str, Fraction]]:
    """The slow, obvious answer."""
    totals: dict[str, Fraction] = {}
    for weight, board in zip(weights, boards, strict=True):
        for group, amount in board.items():
            totals[group] = totals.get(group, Fraction(0)) + weight * Fraction(amount)
    pairs = [(group, total) for group, total in totals.items() if total]
    return sorted(pairs, key=lambda pair: (-pair[1], pair[0]))


def as_fractions(lines: Sequence[Ranked]) -> list[tuple[str, Fraction]]:
    return [(line.group, Fraction(line.amount)) for line in lines]


@given(instances, st.integers(1, 12))
@example([], 1)
@example([(1, {})], 3)
@example([(1, {"a": 1, "b": 1}), (1, {"b": 1, "a": 1})], 1)
def test_the_top_k_equal_the_full_sum(instance: list[tuple[int, Board]], k: int) -> None:
    weights, boards = [w for w, _ in instance], [b for _, b in instance]
    expected = full_sum(weights, boards)
    lists = Lists(boards)
    assert as_fractions(top_k(weights, lists.read_on, lists.look_up, k)) == expected[:k]
    assert as_fractions(every_line(weights, lists.read_on)) == expected


@given(st.lists(st.tuples(st.integers(1, 10**6), st.dictionaries(groups, decimals)), max_size=5))
def test_decimals_are_summed_exactly(instance: list[tuple[int, Board]]) -> None:
    weights, boards = [w for w, _ in instance], [b for _, b in instance]
    lists = Lists(boards)
    found = top_k(weights, lists.read_on, lists.look_up, 3)
    assert as_fractions(found) == full_sum(weights, boards)[:3]


@given(instances, st.integers(1, 5))
def test_pages_follow_one_another(instance: list[tuple[int, Board]], size: int) -> None:
    weights, boards = [w for w, _ in instance], [b for _, b in instance]
    lists = Lists(boards)
    paged: list[Ranked] = []
    while page := top_k(weights, lists.read_on, lists.look_up, size, paged[-1] if paged else None):
        assert len(page) <= size
        paged += page
    assert as_fractions(paged) == full_sum(weights, boards)


@given(st.integers(0, 2**32), st.integers(2, 12), st.integers(1, 40), st.integers(0, 120))
@settings(deadline=None, max_examples=40)  # the full sum takes its time
def test_long_lists_of_many_pages(seed: int, days: int, k: int, skip: int) -> None:
    boards = [zipf_day(day, 300, 900, seed) for day in range(days)]
    weights = [2 ** (days - day) for day in range(days)]
    lists = Lists(boards)
    expected = full_sum(weights, boards)
    skipped = top_k(weights, lists.read_on, lists.look_up, skip)
    after = skipped[-1] if skipped else None
    found = top_k(weights, lists.read_on, lists.look_up, k, after)
    start = len(skipped)
    assert as_fractions(found) == expected[start : start + k]


def test_little_is_read_where_few_lead() -> None:
    boards = [zipf_day(day, 20_000, 40_000) for day in range(10)]
    there = sum(map(len, boards))
    lists = Lists(boards)
    assert (
        as_fractions(top_k([1] * 10, lists.read_on, lists.look_up, 10))
        == (full_sum([1] * 10, boards)[:10])
    )
    assert lists.lines < there / 25
    assert lists.looked_up < there / 25


def test_of_one_list_no_more_is_read_than_asked_for() -> None:
    lists = Lists([{f"g{n:05}": 1 for n in range(10_000)}])  # all of them tie
    found = top_k([1], lists.read_on, lists.look_up, 50, Ranked("g00099", 1))
    assert [line.group for line in found] == [f"g{n:05}" for n in range(100, 150)]
    assert (lists.lines, lists.looked_up) == (150, 0)


def test_a_group_that_sinks_while_it_is_read_counts_once() -> None:
    full: Board = {f"g{n:04}": 5000 - n for n in range(1500)}
    lists = Lists([full])

    def read_on(asked: Sequence[Page]) -> list[list[Ranked]]:
        found = lists.read_on(asked)
        lists.sorted[0] = [line for line in lists.sorted[0] if line.group != "g0000"]
        lists.sorted[0].append(Ranked("g0000", 1))
        return found

    found = every_line([1], read_on)
    assert len(found) == 1500
    assert found[-1] == Ranked("g0000", 1)


def test_nothing_is_rounded() -> None:
    big = Decimal("12345678901234567890123456789.987654321")
    assert weighted([999_999, 1], [big, Decimal("0.000000001")]) == Fraction(big) * 999_999 + (
        Fraction(1, 10**9)
    )
    assert weighted([], []) == 0


@pytest.mark.parametrize("limit", [0, -1])
def test_asked_for_nothing(limit: int) -> None:
    assert top_k([1], Lists([{"a": 1}]).read_on, Lists([{}]).look_up, limit) == []


def zipf_day(day: int, places: int, marks: int, seed: int = 0) -> Board:
    """The counts of a day on which few places get most of the marks, not the same every day."""
    numbers: Counter[str] = Counter()
    state = seed * 1_000_003 + day + 1
    for _ in range(marks):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        share = (state >> 11) / 2**53
        numbers[f"p{(int(places**share) + day % 3) % places:05}"] += 1
    return dict(numbers)
