"""Leaderboards from buckets are those that a plain sort gives, whatever the index has so far."""

from collections.abc import Mapping
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallies.core.amounts import number_of
from tallies.core.boards.buckets import bucket_of
from tallies.core.boards.topk import place
from tallies.core.tally import Count, Number, Sum, Tally
from tallies.core.windows import Window
from tallies.stores.dynamodb.apply.progress import group_lane
from tallies.stores.dynamodb.catalog.catalog import TallyVersion
from tallies.stores.dynamodb.rows.by_bucket import BoardsByBucket, Known
from tallies.stores.dynamodb.rows.ranking import ranking_key
from tallies.stores.layout import Layout
from tallies.stores.protocol import Ranked
from tests.length import at_length

COUNTS = Tally(name="n", group_by="g", measures={"n": Count()}, ranked=[Window.ALL])
SUMS = Tally(name="n", group_by="g", measures={"n": Sum("n")}, ranked=[Window.ALL])

Amounts = Mapping[str, Number]

groups = st.text("abcdef", min_size=1, max_size=3)
counts = st.dictionaries(groups, st.integers(0, 40), max_size=40)
sums: st.SearchStrategy[Amounts] = st.dictionaries(
    groups,
    st.one_of(st.integers(-12, 12), st.decimals(-2, 2, places=2), st.just(Decimal("1E+9"))),
    max_size=40,
)


class Table:
    """Rows, and an index whose entries may be those of other amounts."""

    def __init__(self, rows: Amounts, indexed: Amounts, shards: int, page: int = 1000) -> None:
        self.rows = rows
        self.page = page
        self.read_rows = 0
        self.queries = 0
        self.entries = [
            (ranking_key("all", group_lane(group), shards), bucket_of(amount), group)
            for group, amount in indexed.items()
        ]
        Random(len(indexed)).shuffle(self.entries)  # it has no order among equals

    def query(self, **asked: Any) -> dict[str, Any]:
        self.queries += 1
        values = asked["ExpressionAttributeValues"]
        name = values[":name"]["S"]
        which = asked["KeyConditionExpression"].removeprefix("ranking = :name AND #by ")
        sign, *rest = which.split()
        given = [number_of(values[each]["N"]) for each in rest if each.startswith(":")]
        tests = {
            "BETWEEN": lambda bucket: given[0] <= bucket <= given[1],
            ">": lambda bucket: bucket > given[0],
            "<": lambda bucket: bucket < given[0],
            "=": lambda bucket: bucket == given[0],
        }
        found = [(b, g) for partition, b, g in self.entries if partition == name and tests[sign](b)]
        found.sort(key=lambda entry: entry[0], reverse=not asked.get("ScanIndexForward", True))
        start = asked.get("ExclusiveStartKey", 0)
        end = start + min(asked.get("Limit", self.page), self.page)
        some = found[start:end]
        shown = [
            {"group": {"S": group}, "bucket": {"N": str(bucket)}}
            for bucket, group in some
            if "FilterExpression" not in asked or group < values[":group"]["S"]
        ]
        more = {"LastEvaluatedKey": end} if end < len(found) else {}
        counted = {"Count": len(shown), "ScannedCount": len(some)}
        return {**more, **counted, **({} if "Select" in asked else {"Items": shown})}

    def batch_get_item(self, **asked: Any) -> dict[str, Any]:
        ((table, wanted),) = asked["RequestItems"].items()
        assert not wanted["ConsistentRead"]  # which would cost twice as much
        names = [key["group"]["S"] for key in wanted["Keys"]]
        self.read_rows += len(names)
        items = [
            {"group": {"S": name}, "time_window": {"S": "all"}, "n": {"N": str(self.rows[name])}}
            for name in names
            if name in self.rows
        ]
        return {"Responses": {table: items}, "UnprocessedKeys": {}}


def boards(
    tally: Tally,
    rows: Amounts,
    indexed: Amounts | None = None,
    *,
    shards: int = 1,
    page: int = 1000,
    known: Known | None = None,
) -> tuple[BoardsByBucket, Table]:
    table = Table(rows, rows if indexed is None else indexed, shards, page)
    version = TallyVersion("n", tally, "n", Layout(shards, "buckets"))
    return BoardsByBucket(table, version, known), table  # type: ignore[arg-type] # played


def ordered(rows: Amounts) -> list[Ranked]:
    return sorted((Ranked(*row) for row in rows.items() if row[1]), key=place)


def check(tally: Tally, rows: Amounts, shards: int, page: int, size: int) -> None:
    expected = ordered(rows)
    for known in (None, Known()):
        asked, _ = boards(tally, rows, shards=shards, page=page, known=known)
        after: Ranked | None = None
        paged: list[Ranked] = []
        while some := asked.leaderboard("all", size, after, 0):
            assert len(some) <= size
            assert asked.leaderboard("all", size, None, len(paged)) == some
            paged += some
            after = some[-1]
        assert paged == expected
        for number, line in enumerate(expected):
            assert asked.above("all", line, size) == expected[max(0, number - size) : number]
            assert asked.rank("all", *line) == (number + 1, len(expected), line.amount)


@settings(deadline=None, max_examples=at_length(100))
@given(counts, st.sampled_from([1, 3]), st.integers(1, 5), st.integers(1, 9))
def test_counts(rows: dict[str, int], shards: int, page: int, size: int) -> None:
    check(COUNTS, rows, shards, page, size)


@settings(deadline=None, max_examples=at_length(100))
@given(sums, st.sampled_from([1, 3]), st.integers(1, 5), st.integers(1, 9))
def test_sums_that_may_be_negative_or_fractions(
    rows: Amounts, shards: int, page: int, size: int
) -> None:
    check(SUMS, rows, shards, page, size)


@settings(deadline=None, max_examples=at_length(100))
@given(sums, sums, st.integers(1, 9))
def test_rows_that_have_moved_since_stand_where_they_belong(
    rows: Amounts, indexed: Amounts, size: int
) -> None:
    asked, _ = boards(SUMS, rows, indexed)
    every = asked.leaderboard("all", 1000, None, 0)
    assert every == ordered(
        {group: rows[group] for group in rows.keys() & indexed.keys() if indexed[group]}
    )
    paged: list[Ranked] = []
    while some := asked.leaderboard("all", size, paged[-1] if paged else None, 0):
        paged += some
    assert paged == sorted(set(paged), key=place)  # none twice, none out of its order
    assert set(paged) <= set(every)


def test_groups_of_one_amount_cost_no_row() -> None:
    rows = {f"g{number:05}": 1 for number in range(3000)} | {"top": 9, "second": 5}
    asked, table = boards(COUNTS, rows)
    first = asked.leaderboard("all", 10, None, 0)
    assert [line.group for line in first] == ["top", "second", *(f"g{n:05}" for n in range(8))]
    assert table.read_rows == 2
    asked.leaderboard("all", 10, first[-1], 0)
    asked.rank("all", "g00007", 1)
    assert table.read_rows == 2


def test_what_stands_before_an_offset_is_not_read() -> None:
    rows = {f"g{number:03}": 1000 - number for number in range(900)}
    asked, table = boards(COUNTS, rows)
    assert asked.leaderboard("all", 5, None, 600) == ordered(rows)[600:605]
    same = sum(bucket_of(amount) == bucket_of(400) for amount in rows.values())
    assert table.read_rows == same


def test_one_question_reads_a_bucket_once() -> None:
    rows = {f"g{number:03}": 600 + number % 50 for number in range(900)}
    asked, table = boards(COUNTS, rows, known={})
    expected = ordered(rows)
    own = expected[450]
    assert asked.rank("all", *own) == (451, 900, own.amount)
    assert asked.above("all", own, 5) == expected[445:450]
    assert asked.leaderboard("all", 5, own, 0) == expected[451:456]
    assert table.read_rows == 900


@pytest.mark.parametrize("ties", [10, 3000])
def test_ties_are_asked_for_in_ever_larger_pages(ties: int) -> None:
    rows = {f"g{number:05}": 1 for number in range(ties)}
    asked, table = boards(COUNTS, rows, page=10**6)
    asked.leaderboard("all", 10, None, 0)
    assert table.queries <= 8
