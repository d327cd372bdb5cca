"""What every store has to do with a table of somebody's own, whose rows come, change and go.

Whatever is written, and however the records are cut into batches: each tally is GROUP BY.
"""

import random
from abc import ABC, abstractmethod
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from tallies import Average, Count, Declaration, Sum, Tally, Window
from tallies.stores.dynamodb.store import DynamoStore
from tallies.stores.sample import Sample
from tallies.stores.sqlite import SqliteStore
from tests.core.model import group_by
from tests.length import at_length

Row = dict[str, Any]
SALES = Tally(
    name="sales",
    group_by=("city", "shop"),
    measures={"orders": Count(), "revenue": Sum("amount"), "mean": Average("amount")},
    windows=(Window.ALL, Window.MONTH, Window.DAY),
    time="at",
    zone="Europe/Berlin",
    where={"status": ["paid", "open"]},
    ranked=(Window.ALL, Window.DAY),
    ranked_by="revenue",
)
STATUSES = Tally(name="statuses", group_by=("status",), measures={"orders": Count()})
HOURS = Tally(
    name="hours",
    group_by=("shop",),
    measures={"orders": Count(), "tips": Sum("tip")},
    windows=(Window.WEEK, Window.HOUR),
    time="at",
    ranked=(),
)
FIRST = Declaration([SALES, STATUSES], "orders")
SECOND = Declaration([STATUSES, HOURS, SALES], "orders")
SMALL = [
    Tally(name="by_number", group_by=("tip",), measures={"orders": Count()}),
    Tally(name="by_text", group_by=("shop",), measures={"orders": Count()}),
    Tally(name="total", group_by=(), measures={"orders": Count()}),
    Tally(name="sum", group_by=(), measures={"orders": Count(), "tips": Sum("tip")}),
    Tally(
        name="days",
        group_by=(),
        measures={"orders": Count()},
        windows=(Window.DAY,),
        time="at",
    ),
]
VALUES: dict[str, list[Any]] = {
    "city": ["Rome", "São#Paulo", "100%"],
    "shop": ["a", "b"],
    "at": [
        "2082-10-25T00:30:00Z",  # the clocks of Berlin are set back half an hour later
        "2082-10-31T23:30:00.000Z",
        "2082-11-01T01:00:00+02:00",
        "2082-12-31T23:30:00.000001Z",
    ],
    "amount": [1, -3, 0, 10**12],
    "tip": [0, 1, 5],
    "status": ["paid", "open", "void"],
}
ACTS, KEYS = at_length(120, least=60), 30


class Table(ABC):
    """A table `orders` of somebody's, and the store of its tallies."""

    store: SqliteStore | DynamoStore

    @abstractmethod
    def put(self, key: int, row: Row) -> None:
        """Write a whole row, whatever was there."""

    @abstractmethod
    def change(self, key: int, name: str, value: Any) -> None:
        """Change one value of a row, if it is there."""

    @abstractmethod
    def delete(self, key: int) -> None:
        """Delete a row, if it is there."""

    @abstractmethod
    def as_it_is(self) -> SqliteStore | DynamoStore:
        """The store, opened by somebody who does not say what it keeps."""

    @abstractmethod
    def another_store(self, declared: Declaration) -> SqliteStore | DynamoStore:
        """Another store of tallies of the table, which comes to be the `store`."""

    def carry(self, records: int = 1_000, steps: int = 10**6) -> None:
        """Carry batches of so many records, until nothing is left."""
        aggregator = self.store.aggregator(records)
        for _ in range(steps):
            if not aggregator.step().records:
                return


class DeclaredSuite:
    """To be subclassed with a fixture `table`, of a store that keeps `FIRST`."""

    @pytest.mark.parametrize("seed", range(3))
    def test_any_history_equals_group_by(self, table: Table, seed: int) -> None:
        dice = random.Random(seed)
        rows: dict[int, Row] = {}
        for number in range(ACTS):
            _act(table, rows, dice)
            if dice.random() < 0.1:
                table.carry(records=dice.choice([1, 3, 20]), steps=dice.choice([1, 5]))
            if number % 40 == 20:
                assert table.store.verify().drifted == []  # with records on their way
        _check(table, FIRST, rows)

    def test_another_declaration_is_built_while_all_goes_on(self, table: Table) -> None:
        dice = random.Random(9)
        rows: dict[int, Row] = {}

        def some() -> None:
            for _ in range(ACTS // 3):
                _act(table, rows, dice)

        some()
        table.carry(records=7, steps=2)
        some()
        table.store.rebuild(SECOND)
        some()
        assert table.store.verify().drifted == []
        _check(table, SECOND, rows)
        table.store.rebuild(FIRST)
        some()
        _check(table, FIRST, rows)

    def test_what_two_aggregators_take_counts_once(self, table: Table) -> None:
        dice = random.Random(5)
        rows: dict[int, Row] = {}
        one, other = table.store.aggregator(5), table.store.aggregator(7)
        for _ in range(ACTS):
            _act(table, rows, dice)
            dice.choice([one, other]).step()
        _check(table, FIRST, rows)

    def test_what_differs_is_said_whole(self, table: Table) -> None:
        other = Declaration([HOURS, replace(SALES, ranked=())], "orders")
        assert table.store.differs(FIRST) == ""
        assert table.store.differs(other) == (
            "'hours' is new; 'sales' differs in ranked; 'statuses' is not declared"
        )

    def test_a_store_that_is_there_needs_no_declaration(self, table: Table) -> None:
        with table.as_it_is() as store:
            assert not store.init()
            assert list(store.tallies()) == ["sales", "statuses"]

    def test_rows_that_cannot_be_counted_are_told_of(self, table: Table) -> None:
        good = {name: values[0] for name, values in VALUES.items()}
        rows: list[Row] = [
            good,
            {**good, "amount": "much"},
            {**good, "at": "2082-13-01T00:00:00Z"},
            {**good, "city": ""},
            {**good, "amount": "much", "status": "void"},  # is none of sales
        ]
        for key, row in enumerate(rows):
            table.put(key, row)
        table.carry()
        table.delete(1)
        table.put(5, {**good, "amount": "more"})  # both are on their way
        found = table.store.verify()
        assert found.drifted == []
        by = [{"group_by": 1, "measures": 1, "time": 1}, {}]
        assert [part.uncounted_by for part in found.parts] == by
        assert (found.uncounted, found.uncounted_by) == (3, by[0])
        # A row without a valid group is in no sample.
        sampled = table.store.verify(sample=Sample(1.0, 0))
        assert [part.uncounted for part in sampled.parts] == [2, 0]
        rebuilt = table.store.rebuild(SECOND)
        assert (rebuilt.built, rebuilt.uncounted) == (True, 1)  # by the hour: one has no time
        mended = table.store.rebuild()
        assert (mended.built, mended.drifted, mended.uncounted) == (False, [], 4)
        # Where a build has a name of its own, nobody sees it.
        assert {record.tally for record in table.store.parked.records()} <= {"sales", "hours"}
        parts = [part.tally.name for part in mended.parts if part.tally]
        assert parts == [tally.name for tally in SECOND.tallies]
        for tally in SECOND.tallies:
            assert table.store.reading(tally.name).of.name == tally.name
        table.carry()
        assert table.store.parked.count() > 0
        table.store.rebuild(Declaration([replace(SALES, ranked=())], "orders"))
        assert table.store.parked.count() == 0

    def test_what_is_declared_never_negative_is_parked_where_it_is(self, table: Table) -> None:
        tips = replace(HOURS, nonnegative=True)
        table.store.rebuild(Declaration([tips], "orders"))
        good = {name: values[0] for name, values in VALUES.items()}
        table.put(1, {**good, "tip": 3})
        table.put(2, {**good, "tip": -5})
        table.carry()
        (tally,) = table.store.tallies().values()
        expected = {"orders": 1, "tips": 3}
        assert {str(row.values) for row in tally.rows()} == {str(expected)}
        assert table.store.parked.count() == 1
        found = table.store.verify()
        assert (found.drifted, found.uncounted) == ([], 1)
        table.store.rebuild()
        table.delete(2)
        table.carry()
        assert {str(row.values) for row in tally.rows()} == {str(expected)}

    def test_a_tally_may_be_called_as_the_build_of_another(self, table: Table) -> None:
        # Their tables would have one name: that of what an epoch builds, that of an index.
        names = ["x", "x-2", "x_4", "x_ranking"]
        tallies = [replace(STATUSES, name=name, ranked=(Window.ALL,)) for name in names]
        table.store = table.another_store(Declaration(tallies, "orders"))
        table.put(1, {name: values[0] for name, values in VALUES.items()})
        table.carry()
        other = [replace(tally, group_by=("shop",)) for tally in tallies]
        for declared in (other[:1] + tallies[1:], tallies, other):
            table.store.rebuild(Declaration(declared, "orders"))
            table.put(1, {name: values[-1] for name, values in VALUES.items()})
            table.put(2, {name: values[-1] for name, values in VALUES.items()})
            table.carry()
            found = table.store.tallies()
            assert list(found) == names
            for tally in declared:
                (row,) = (row for row in found[tally.name].rows() if row.window == "all")
                assert row.values == {"orders": 2}
            assert table.store.verify().drifted == []
            table.delete(2)

    @pytest.mark.parametrize("tally", SMALL, ids=[tally.name for tally in SMALL])
    def test_a_tally_that_reads_little(self, table: Table, tally: Tally) -> None:
        table.put(1, {name: values[0] for name, values in VALUES.items()})
        table.store.rebuild(Declaration([tally], "orders"))
        table.put(2, {name: values[1] for name, values in VALUES.items()})
        assert table.store.verify().drifted == []
        table.carry()
        assert table.store.verify().drifted == []
        assert table.store.rebuild().drifted == []
        (found,) = table.store.tallies().values()
        assert sum(row.values["orders"] for row in found.rows()) == 2


def _act(table: Table, rows: dict[int, Row], dice: random.Random) -> None:
    key = dice.randrange(KEYS)
    choice = dice.random()
    if choice < 0.5:
        row = {name: dice.choice(values) for name, values in VALUES.items()}
        table.put(key, row)
        rows[key] = row
    elif choice < 0.85:
        name = dice.choice(list(VALUES))
        value = dice.choice(VALUES[name])
        table.change(key, name, value)
        if key in rows:
            rows[key] = {**rows[key], name: value}
    else:
        table.delete(key)
        rows.pop(key, None)


def _check(table: Table, declared: Declaration, rows: dict[int, Row]) -> None:
    table.carry()
    store = table.store
    found = store.tallies()
    assert list(found) == [tally.name for tally in declared.tallies]
    for tally in declared.tallies:
        expected = group_by(tally, _admitted(tally, rows))
        reader = found[tally.name]
        counts = {(row.group, row.window): row.values["orders"] for row in reader.rows()}
        assert counts == {key: amounts[0] for key, amounts in expected.items()}
        for measure, value in tally.measures.items():
            if isinstance(value, Sum):
                at = 1 + [one.label for one in tally.summed].index(value.value.label)
                sums = {
                    (row.group, row.window): Fraction(row.values[measure]) for row in reader.rows()
                }
                assert sums == {key: amounts[at] for key, amounts in expected.items()}
    board = found["sales"].leaderboard("all", 100)
    revenue = {
        group: amounts[1]
        for (group, window), amounts in group_by(SALES, _admitted(SALES, rows)).items()
        if window == "all" and amounts[1]
    }
    assert [(line.group, Fraction(line.amount)) for line in board] == sorted(
        revenue.items(), key=lambda item: (-item[1], item[0])
    )
    assert store.parked.count() == 0
    assert store.verify().drifted == []


def _admitted(tally: Tally, rows: dict[int, Row]) -> list[Row]:
    wanted = ["paid", "open"] if tally.where else VALUES["status"]
    return [row for row in rows.values() if row["status"] in wanted]
