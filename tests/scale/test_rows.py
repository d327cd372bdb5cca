"""Rows that hold their own positions, and leaderboards by buckets: held against the real apply."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from benchmarks.dynamodb.write_units import by_buckets, in_rows
from benchmarks.scale.batch.by_rows import RowWork, touched
from benchmarks.scale.batch.by_transactions import TransactionWork
from benchmarks.scale.batch.moving import Moving
from benchmarks.scale.facts import POSITION_BYTES, ROW_BYTES
from benchmarks.scale.model.amounts import Amounts, bucket_number
from benchmarks.scale.model.field import Field
from benchmarks.scale.model.popularity import Ints, popularity
from benchmarks.scale.model.shard import Formed, Shard
from benchmarks.scale.settings import DEFAULT, TRANSACTIONS, Settings
from benchmarks.scale.simulate import Simulation
from tallies.core.boards.buckets import bucket_of
from tallies.operate.plan.workload.moves import exactly
from tallies.stores.dynamodb.rows.keys import is_reserved
from tallies.stores.layout import Layout
from tests.scale.test_cut import GROUPS, records_of

SIZES = [1, 10, 100, 1_000]


def field_of(settings: Settings, shards: int = 1) -> Field:
    """One whose rows are all new."""
    random = np.random.default_rng(1)
    field = Field(replace(settings, groups=GROUPS), 100.0, shards, random, spread=0.0)
    field.amounts.amount[:] = 0
    field.amounts.bucket[:] = 0
    return field


def written(field: Field, drawn: Ints, at: float = 0.0) -> RowWork | TransactionWork:
    """Bring a batch into the rows, step by step."""
    batch = Formed(at, np.full(len(drawn), at))
    shard = Shard(field.settings, 1.0, field.random)
    work: RowWork | TransactionWork = (
        RowWork(field, shard, batch, drawn)
        if field.settings.guard == "rows"
        else TransactionWork(field, shard, 0, batch, drawn)
    )
    now: float | None = work.first()
    while now is not None:
        now = work.step(now)
    return work


def drawn_in(size: int) -> list[Ints]:
    random = np.random.default_rng(size)
    count = max(2, min(50, 2_000 // size))
    return [popularity(GROUPS, 1.0).draw(random, size) for _ in range(count)]


@pytest.mark.parametrize("size", SIZES)
def test_units_of_rows_are_those_of_the_apply(size: int) -> None:
    batches = drawn_in(size)
    meter = in_rows(
        records_of(np.concatenate(batches)), size, Layout(ranking="buckets", guard="rows")
    )
    field = field_of(DEFAULT)
    for number, drawn in enumerate(batches):
        written(field, drawn, 1_000.0 * number)  # one by one: no partition is ever full
    assert field.throttles == 0
    assert field.units == meter.units


@pytest.mark.parametrize("size", SIZES)
def test_units_of_rows_by_measure_are_those_of_the_apply(size: int) -> None:
    batches = drawn_in(size)
    meter = in_rows(records_of(np.concatenate(batches)), size, Layout(guard="rows"))
    field = field_of(replace(DEFAULT, ranking="measure"))
    for number, drawn in enumerate(batches):
        written(field, drawn, 1_000.0 * number)  # one by one: no partition is ever full
    # The meter has the table's; each of these rows is ranked, and moves for two units.
    assert field.units == meter.units * 3


@pytest.mark.parametrize("size", SIZES)
def test_units_of_transactions_by_buckets_are_those_of_the_apply(size: int) -> None:
    batches = drawn_in(size)
    meter = by_buckets(records_of(np.concatenate(batches)), size)
    field = field_of(TRANSACTIONS)
    for number, drawn in enumerate(batches):
        written(field, drawn, 1_000.0 * number)  # one by one: no partition is ever full
    assert field.units == meter.units
    assert field.moved == meter.moved


@pytest.mark.parametrize("size", [10, 100])
def test_as_many_rows_move_as_poissons_law_expects(size: int) -> None:
    records = 20_000
    random = np.random.default_rng(3)
    field = field_of(DEFAULT)
    for number in range(records // size):
        written(field, popularity(GROUPS, 1.0).draw(random, size), 1_000.0 * number)
    expected = exactly(GROUPS, 1.0, size, records)
    assert field.moved / 3 == pytest.approx(expected.moved * records, rel=0.03)
    entered = int((field.amounts.amount > 0).sum())
    assert entered / 3 == pytest.approx(expected.entered * records, rel=0.03)


def test_all_records_are_in_their_rows_once() -> None:
    field = field_of(DEFAULT)
    batches = drawn_in(100)
    for drawn in batches:
        work = written(field, drawn)
        assert (work.counted() > 0).all()
        assert work.counted().max() <= work.ended()
    expected = np.bincount(np.concatenate(batches), minlength=GROUPS)
    for window in range(3):
        assert (field.amounts.amount[window * GROUPS :][:GROUPS] == expected).all()
    assert not field.amounts.is_wrong(np.arange(3 * GROUPS)).any()


def test_a_full_partition_puts_rows_off_and_loses_none() -> None:
    """More new rows than a leaderboard takes a second: they wait, and all come in."""
    settings = replace(DEFAULT, client_factor=0.0, transaction_factor=0.1)
    field = field_of(settings)
    work = written(field, np.arange(5_000))
    assert field.throttles > 0
    assert (field.amounts.amount[: 3 * GROUPS].reshape(3, GROUPS)[:, :5_000] == 1).all()
    # Five thousand entries, a thousand a second, and a burst of one second beside.
    assert work.ended() > 3.0
    assert field.units == 5_000 * 3 * 2


def test_a_threshold_is_the_products() -> None:
    amounts = np.array([*range(1, 2_000), *(10**power + 7 for power in range(4, 18))])
    numbers = bucket_number(amounts)
    buckets = [bucket_of(int(amount)) for amount in amounts]
    assert (np.diff(numbers) > 0).tolist() == [one < next_ for one, next_ in pairwise(buckets)]
    assert bucket_number(np.array([0, 1])).tolist() == [0, 1]


def test_a_second_write_is_refused_when_somebody_has_written_the_row() -> None:
    field = field_of(DEFAULT)
    rows = np.array([7, 8])
    field.amounts.add(rows, np.array([1, 1]))
    field.amounts.add(rows, np.array([3, 3]))
    moving = Moving(field, rows, field.amounts.amount[rows])
    field.amounts.add(rows[:1], np.array([1]))  # another shard, in between
    flow = moving.flow()
    now: float | None = 1.0
    while now is not None:
        now = flow.step(now)
    # A refused write, then a right one; and one that was right at once. Both move in the index.
    assert field.units == 1 + 2 * (1 + 2)
    assert field.moved == 2
    assert not field.amounts.is_wrong(rows).any()


def test_what_another_shard_has_moved_is_not_moved_again() -> None:
    field = field_of(DEFAULT)
    row = np.array([7])
    field.amounts.add(row, np.array([1]))
    field.amounts.add(row, np.array([3]))
    for _ in range(2):
        assert Moving(field, row, field.amounts.amount[row]).flow().step(1.0) is None
    assert field.moved == 1
    assert field.units == (1 + 2) + 1


def test_rows_come_in_the_order_of_their_first_records() -> None:
    groups, place, records = touched(np.array([5, 3, 5, 9, 3, 5]))
    assert groups.tolist() == [5, 3, 9]
    assert place.tolist() == [0, 1, 0, 2, 1, 0]
    assert records.tolist() == [3, 2, 1]


def test_a_row_weighs_what_the_products_does() -> None:
    """Beside its position of each shard."""
    drawn = popularity(GROUPS, 1.0).draw(np.random.default_rng(1), 100)
    database = in_rows(records_of(drawn), 100, Layout(ranking="buckets", guard="rows"))
    items = [
        item
        for table in database.tables.values()
        for (group, _), item in table.items()
        if not is_reserved(group) and "favorites" in item
    ]
    assert len(items) == 3 * len(np.unique(drawn))
    for item in items:
        positions = {name: value for name, value in item.items() if name.startswith("@")}
        others = {name: value for name, value in item.items() if name not in positions}
        longer = 40 - len(item["group"]["S"])
        assert weight(others) + longer == pytest.approx(ROW_BYTES.value, abs=10)
        assert weight(positions) == pytest.approx(POSITION_BYTES.value, abs=1)


def weight(item: Mapping[str, Any]) -> int:
    """Bytes as DynamoDB weighs an item, numbers as text at most."""
    found = 0
    for name, value in item.items():
        ((kind, content),) = value.items()
        found += len(name) + (len(content) if kind == "B" else len(str(content).encode()))
    return found


@pytest.mark.parametrize(("shards", "units"), [(1, 1), (32, 1), (64, 2), (128, 4), (1_024, 25)])
def test_a_row_of_many_shards_takes_more_than_a_unit(shards: int, units: int) -> None:
    random = np.random.default_rng(1)
    some = Amounts(replace(DEFAULT, groups=10), popularity(10, 1.0), 1_000.0, shards, random)
    assert some.units(np.arange(30)).tolist() == [units] * 30


def test_a_row_with_few_records_has_few_positions() -> None:
    random = np.random.default_rng(1)
    some = Amounts(replace(DEFAULT, groups=10), popularity(10, 1.0), 1_000.0, 1_024, random)
    some.amount[:] = 3
    assert some.units(np.arange(30)).tolist() == [1] * 30


def test_a_batch_that_is_not_in_in_time_comes_again() -> None:
    """It pays for what it finds in, and begins no row twice."""
    settings = replace(DEFAULT, groups=GROUPS, batch_size=10_000, client_factor=20.0)
    simulation = Simulation(settings, 100, shards=1)
    outcome = simulation.run(seconds=600)
    assert outcome.redeliveries > 0
    assert not outcome.keeps_up
