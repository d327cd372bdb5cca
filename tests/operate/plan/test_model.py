"""The model of the plan is held against the real apply, and against sums done another way."""

import csv
import gzip
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from random import Random

import pytest

from benchmarks.dynamodb.write_units import Meter, _units, by_buckets, stream_records
from benchmarks.harness.workload import RESTAURANTS
from tallies.core.windows import Window
from tallies.favorites.favorite import Event
from tallies.operate.plan.designs import Bill, with_lambda, with_scan, with_worker
from tallies.operate.plan.prices import read_prices
from tallies.operate.plan.setting import Setting
from tallies.operate.plan.units import batch_units, look_reads
from tallies.operate.plan.workload.batches import Batching, a_day, shards
from tallies.operate.plan.workload.folding import Log, Zipf
from tallies.operate.plan.workload.load import HOURS, Load, load_of_events
from tallies.operate.plan.workload.moves import Life, Moves, exactly
from tallies.stores.dynamodb.stream.records import StreamRecord, from_event
from tests.engines.fixtures import in_ci
from tests.length import at_length

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
CLOSE = 0.02
"""What the issue of the plan asks for: within two percent of what is measured."""


@pytest.mark.parametrize("batch", [1, 10, 100, 1_000, 10_000])
def test_write_units_are_those_of_the_real_apply_on_a_zipf_load(batch: int) -> None:
    records = list(stream_records(min(20_000, batch * 200)))
    measured = _units(records, batch, by_position=True) / len(records)
    mix = Zipf(Load(restaurants=RESTAURANTS, removals=0))

    planned = batch_units(mix.touched(batch), doubled_index=False) / batch

    assert planned == pytest.approx(measured, rel=CLOSE)


@pytest.mark.slow(but="retail")
@pytest.mark.parametrize("batch", [1, 10, 100, 1_000])
@pytest.mark.parametrize("log", ["retail-marks.csv.gz", "travel-favorites.csv.gz"])
def test_write_units_are_those_of_the_real_apply_on_real_events(log: str, batch: int) -> None:
    events = _events(log, _enough(batch))
    load, kept = load_of_events(events)
    records = _records(events)
    measured = _units(records, batch, by_position=True) / len(records)

    touched = Log(load, kept).touched(batch)

    assert batch_units(touched, doubled_index=False) / batch == pytest.approx(measured, rel=CLOSE)


@pytest.mark.slow(but="1000")
@pytest.mark.parametrize("batch", [10, 100, 1_000, 10_000])
def test_write_units_by_buckets_are_those_of_the_real_apply_on_a_zipf_load(batch: int) -> None:
    some = at_length(20_000) if batch > 10 else 2_000
    records = list(stream_records(max(some, at_length(6, 4) * batch)))
    meter = by_buckets(records, batch)
    # All three windows see the same day here, from empty rows on.
    each = Life(RESTAURANTS, 1.0, len(records)).moves(batch)
    of_batch = Moves(each.entered * batch, each.moved * batch)
    touched = Zipf(Load(restaurants=RESTAURANTS, removals=0)).touched(batch)
    touched = replace(touched, moves=dict.fromkeys(Load().ranked, of_batch))

    planned = batch_units(touched, doubled_index=False) / batch

    assert planned == pytest.approx(meter.units / len(records), rel=CLOSE)
    assert look_reads(touched) / batch == pytest.approx(meter.reads / len(records), rel=CLOSE)


@pytest.mark.slow(but="retail")
@pytest.mark.parametrize("batch", [1, 10, 100, 1_000])
@pytest.mark.parametrize("log", ["retail-marks.csv.gz", "travel-favorites.csv.gz"])
def test_write_units_by_buckets_are_those_of_the_real_apply_on_real_events(
    log: str, batch: int
) -> None:
    events = _events(log, _enough(batch))
    load, kept = load_of_events(events)
    records = _records(events)
    meter = by_buckets(records, batch)

    touched = Log(load, kept, "buckets").touched(batch)

    planned = batch_units(touched, doubled_index=False) / batch
    assert planned == pytest.approx(meter.units / len(records), rel=CLOSE)


def test_what_moves_between_buckets_is_interpolated() -> None:
    for batch, life in ((1, 7_000), (3, 7_000), (40, 210_000), (700, 90_000), (5_000, 6_000)):
        near, exact = Life(1_000, 1.0, life).moves(batch), exactly(1_000, 1.0, batch, life)
        assert near.entered == pytest.approx(exact.entered, rel=0.05)
        assert near.moved == pytest.approx(exact.moved, rel=0.08, abs=0.001)


def _enough(batch: int) -> int:
    """So many events that even the largest batch is cut out of them twenty times."""
    return at_length(20_000, 20 * batch)


@lru_cache(maxsize=2)
def _events(log: str, count: int) -> list[Event]:
    path = DATA / log
    if not path.exists():
        if in_ci():
            pytest.fail(f"{path} is missing", pytrace=False)
        pytest.skip(f"{path} is missing")
    with gzip.open(path, "rt", newline="") as lines:
        found = [
            Event(
                row["user_id"],
                row["restaurant_id"],
                row["created_at"],
                "unmark" if row.get("op") == "unmark" else "mark",
            )
            for row, _ in zip(csv.DictReader(lines), range(count), strict=False)
        ]
    return sorted(found, key=lambda event: event.created_at)


def _records(events: Sequence[Event]) -> list[StreamRecord]:
    """What the source's stream would hold after these events."""
    made: dict[tuple[str, str], str] = {}
    records: list[StreamRecord] = []
    for event in events:
        pair = event.user_id, event.restaurant_id
        if (event.op == "mark") == (pair in made):
            continue
        created = made.pop(pair) if event.op == "unmark" else event.created_at
        if event.op == "mark":
            made[pair] = created
        image = {
            "pk": {"S": "#".join(pair)},
            "user_id": {"S": event.user_id},
            "restaurant_id": {"S": event.restaurant_id},
            "created_at": {"S": created},
        }
        number = str(10**24 + len(records))
        side = "NewImage" if event.op == "mark" else "OldImage"
        records.append(
            from_event(
                {
                    "eventID": number,
                    "eventName": "INSERT" if event.op == "mark" else "REMOVE",
                    "dynamodb": {"SequenceNumber": number, side: image},
                }
            )
        )
    return records


def test_the_meter_knows_the_seed_figure() -> None:
    """One mark by itself: three rows, each in a leaderboard, and the guard."""
    assert _units(list(stream_records(1)), 1, by_position=True) == 14
    assert Meter().units == 0


@pytest.mark.parametrize("restaurants", [1, 7, 3_000, 200_000])
@pytest.mark.parametrize("skew", [0.0, 0.8, 1.0, 1.5])
def test_bands_of_ranks_lose_nothing(restaurants: int, skew: float) -> None:
    mix = Zipf(Load(restaurants=restaurants, skew=skew))
    weights = [rank**-skew for rank in range(1, restaurants + 1)]
    total = sum(weights)
    for records in (1, 30, 5_000):
        plain = sum(1 - (1 - weight / total) ** records for weight in weights)
        assert mix.groups(records) == pytest.approx(plain, rel=0.005)
    assert mix.hottest == pytest.approx(weights[0] / total, rel=0.001)


def test_a_day_has_all_its_writes_and_its_peak() -> None:
    load = Load(writes_a_day=86_400, peak=4)
    rates = load.rates()
    assert sum(rates) / HOURS == pytest.approx(1)
    assert max(rates) == pytest.approx(4, rel=1e-6)
    assert min(rates) > 0


@pytest.mark.parametrize(("rate", "window", "size"), [(0.02, 5, 100), (3, 10, 1000), (50, 1, 20)])
def test_batches_are_those_of_a_simulated_shard(rate: float, window: float, size: int) -> None:
    load = Load(writes_a_day=rate * 86_400 * 4, peak=1.0)
    assert shards(load) == 4
    day = a_day(load, Batching(window, size), lambda records: records)
    dice = Random(1)
    batches = records = 0
    waited = now = 0.0
    while records < 60_000:
        first = now + dice.expovariate(rate)
        at, batch = first, [first]
        while len(batch) < size:
            at += dice.expovariate(rate)
            if at > first + window:
                break
            batch.append(at)
        now = batch[-1] if len(batch) == size else first + window
        batches += 1
        records += len(batch)
        waited += sum(now - each for each in batch)
    assert load.writes_a_day / day.batches == pytest.approx(records / batches, rel=0.03)
    assert day.value == pytest.approx(load.writes_a_day, rel=0.03)
    assert day.wait_seconds == pytest.approx(waited / records, rel=0.06)


def test_costs_go_the_way_that_they_should() -> None:
    prices = read_prices("us-east-1")
    setting = Setting(free_tier=False)
    bill = Bill(setting, prices)

    def total(load: Load, setting: Setting = setting) -> float:
        return with_lambda(load, Zipf(load, setting.ranking), setting, Bill(setting, prices)).total

    base = Load()
    assert total(replace(base, writes_a_day=70_000)) > 5 * total(base)
    assert total(base, replace(setting, batching_window=300)) < total(base)
    assert total(replace(base, ranked=(Window.ALL,))) < total(base)
    older = replace(setting, guard="transactions", ranking="measure")
    assert total(base, replace(older, doubled_index=True)) > total(base, older) > total(base)
    assert total(base, replace(setting, free_tier=True)) < total(base)
    scan = with_scan(base, Zipf(base, setting.ranking), setting, bill)
    grown = replace(base, favorites=base.rows_of_source * 100)
    assert with_scan(grown, Zipf(grown, setting.ranking), setting, bill).total > 10 * scan.total
    assert with_worker(base, Zipf(base, setting.ranking), setting, bill).total > total(base)


def test_the_line_of_write_units_is_that_of_the_fact_sheet() -> None:
    """7,000 events a day, nothing folded: 14 units each, 1.84 to 1.87 USD (30 to 30.4 days)."""
    load = Load(removals=0, restaurants=1_000_000, skew=0, peak=1)
    setting = Setting(batching_window=0, backups=False, guard="transactions", ranking="measure")
    design = with_lambda(
        load, Zipf(load, setting.ranking), setting, Bill(setting, read_prices("us-east-1"))
    )
    assert design.lines["write units of tallies"] == pytest.approx(14 * 7000 * 365 / 12 * 0.625e-6)
