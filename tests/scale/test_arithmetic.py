"""Where arithmetic knows the answer, the simulation gives it."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.scale.breaking import breaking_point
from benchmarks.scale.facts import (
    ACTIONS,
    BATCH_SECONDS,
    CLIENT_SECONDS,
    INVOKE_SECONDS,
    PARTITION_UNITS,
    RECORD_SECONDS,
    TRANSACTION_BASE_SECONDS,
    TRANSACTION_SECONDS,
    UPDATE_CLIENT_SECONDS,
    UPDATE_SECONDS,
)
from benchmarks.scale.model.capacity import Partitions, Rows
from benchmarks.scale.model.popularity import popularity
from benchmarks.scale.model.shard import shards_of
from benchmarks.scale.settings import DEFAULT, OLDER, RANKING_SHARDS, SMALL, Settings
from benchmarks.scale.simulate import Simulation, simulate

# Nothing is ranked, so that nothing else is in the way.
ONE_BY_ONE = replace(DEFAULT, batch_size=1, batching_seconds=0.0, ranked=0)
IN_TRANSACTIONS = replace(ONE_BY_ONE, guard="transactions")


def service_seconds(settings: Settings) -> float:
    """How long an invocation with one record takes when nothing is in its way."""
    handler = (BATCH_SECONDS.value + RECORD_SECONDS.value) / settings.cores
    begun = INVOKE_SECONDS.value + handler
    if settings.guard == "rows":
        row = UPDATE_CLIENT_SECONDS.value / settings.cores
        return begun + (1 + settings.windows) * row + 2 * UPDATE_SECONDS.value
    actions = settings.windows + 1
    whole, base = TRANSACTION_SECONDS.value, TRANSACTION_BASE_SECONDS.value
    per_action = (whole - base + CLIENT_SECONDS.value / settings.cores) / ACTIONS.value
    return begun + base + per_action * actions


@pytest.mark.slow(but="settings0")
@pytest.mark.parametrize(
    ("load", "settings"),
    [(0.3, ONE_BY_ONE), (0.6, ONE_BY_ONE), (0.6, IN_TRANSACTIONS)],
)
def test_one_shard_with_one_record_a_batch_waits_as_an_m_d_1_queue(
    load: float, settings: Settings
) -> None:
    service = service_seconds(settings)
    simulation = Simulation(settings, load / service, shards=1, spread=0.0, poll_seconds=0.0)

    outcome = simulation.run(seconds=4_000 * service / (1 - load) ** 2)

    expected = service + load * service / (2 * (1 - load))
    assert simulation.staleness.mean == pytest.approx(expected, rel=0.05)
    assert outcome.utilisation["shard"] == pytest.approx(load, rel=0.05)
    assert outcome.keeps_up


def test_more_than_a_shard_can_serve_falls_behind() -> None:
    service = service_seconds(ONE_BY_ONE)
    simulation = Simulation(ONE_BY_ONE, 1.3 / service, shards=1, spread=0.0)
    assert not simulation.run(seconds=60).keeps_up


def test_a_batching_window_makes_records_wait_half_of_it() -> None:
    settings = replace(OLDER, batching_seconds=20.0, batch_size=10_000)
    simulation = Simulation(settings, 50, shards=1, spread=0.0, poll_seconds=0.0)
    outcome = simulation.run(seconds=4_000)
    # 1,000 records are some 620 groups, 19 transactions one after another; half of them wait less.
    assert outcome.p50_seconds == pytest.approx(10, abs=0.6)
    assert outcome.records_a_batch == pytest.approx(1_001, rel=0.02)


def test_nobody_conflicts_with_nobody() -> None:
    outcome = Simulation(OLDER, 300, shards=1).run()
    assert outcome.conflicts == 0
    assert outcome.throttles == 0


@pytest.mark.slow
def test_a_row_serves_one_transaction_after_another() -> None:
    """All shards write one single row: what gets through is what one row can give."""
    one = replace(IN_TRANSACTIONS, groups=1)
    outcome = Simulation(one, 400, shards=16, spread=0.0).run(seconds=60)
    held = TRANSACTION_BASE_SECONDS.value + 0.04 * (
        TRANSACTION_SECONDS.value - TRANSACTION_BASE_SECONDS.value
    )
    through = outcome.records / (0.75 * outcome.simulated_seconds)
    assert outcome.conflicts > 0
    assert not outcome.keeps_up
    assert 0.5 / held < through <= 1 / held


@pytest.mark.slow
def test_rows_that_hold_their_positions_give_all_of_their_partition() -> None:
    """All shards write the same three rows, a unit each: units are the limit, nothing cancels."""
    one = replace(ONE_BY_ONE, groups=1, client_factor=0.0)
    outcome = Simulation(one, 500, shards=16, spread=0.0).run(seconds=20)
    through = outcome.records / (0.75 * outcome.simulated_seconds)
    assert outcome.conflicts == 0
    assert not outcome.keeps_up
    assert through == pytest.approx(PARTITION_UNITS.value / 3, rel=0.03)
    assert outcome.utilisation["item"] == pytest.approx(1, rel=0.03)


def test_a_batch_costs_the_hottest_restaurant_a_unit_a_window() -> None:
    settings = replace(DEFAULT, groups=1)
    simulation = Simulation(settings, 50, shards=1, poll_seconds=0.0)
    outcome = simulation.run(seconds=200)
    batches = outcome.records / outcome.records_a_batch
    assert float(simulation.field.items.used[0]) == pytest.approx(3 * batches, abs=6)


def test_groups_apart_do_not_conflict() -> None:
    """With a counter shard for each shard of the stream no two of them meet on a row."""
    apart = replace(
        RANKING_SHARDS, counter_shards=8, split_groups=1_000, groups=1_000, ranking_shards=4
    )
    outcome = Simulation(apart, 2_000, shards=8).run(seconds=30)
    assert outcome.conflicts == 0
    together = replace(apart, counter_shards=1, split_groups=0)
    assert Simulation(together, 2_000, shards=8).run(seconds=30).conflicts > 0


def touched_by(batch: int) -> float:
    """Different restaurants of a batch, on average."""
    shares = popularity(DEFAULT.groups, DEFAULT.exponent).shares
    return float((1 - (1 - shares) ** batch).sum())


@pytest.mark.slow
def test_a_small_function_breaks_where_its_processor_is_full() -> None:
    """Each restaurant of a full batch is three rows, each of them a request."""
    settings = replace(SMALL, ranked=0)
    requests = 1 + 3 * touched_by(1_000)
    batch = BATCH_SECONDS.value + 1_000 * RECORD_SECONDS.value
    seconds = (batch + requests * UPDATE_CLIENT_SECONDS.value) / settings.cores
    expected = settings.least_shards * 1_000 / seconds

    broken = breaking_point(settings)

    assert broken.carries.writes_a_second == pytest.approx(expected, rel=0.08)
    assert broken.binding == "processor"


def test_the_older_default_breaks_where_its_index_partition_is_full() -> None:
    """Every restaurant that a full batch touches costs the leaderboard's partition two units."""
    settings = replace(OLDER, least_shards=1, headroom=1.0)
    expected = PARTITION_UNITS.value / 2 / touched_by(1_000) * 1_000

    broken = breaking_point(settings, lambda each, rate: Simulation(each, rate).run(90))

    assert broken.carries.writes_a_second == pytest.approx(expected, rel=0.08)
    assert broken.binding == "index"


def test_ranking_fewer_windows_moves_nothing() -> None:
    """Each window's leaderboard is in a partition of its own."""
    three, one = simulate(OLDER, 600), simulate(replace(OLDER, ranked=1), 600)
    assert one.utilisation["index"] == three.utilisation["index"]
    assert one.units_a_record < three.units_a_record


@pytest.mark.slow
def test_seeds() -> None:
    assert simulate(DEFAULT, 50, seed=1) == simulate(DEFAULT, 50, seed=1)
    assert simulate(DEFAULT, 50, seed=1) != simulate(DEFAULT, 50, seed=2)


@pytest.mark.parametrize(
    ("rate", "shards"), [(0.08, 1), (1_000, 1), (1_001, 2), (5_000, 8), (1e6, 1_024)]
)
def test_partitions_split_in_two_when_they_are_full(rate: float, shards: int) -> None:
    assert shards_of(rate, replace(DEFAULT, least_shards=1, headroom=1.0)) == shards


@pytest.mark.parametrize(
    ("rate", "shards"), [(0.08, 4), (2_000, 4), (2_001, 8), (5_000, 16), (1e6, 2_048)]
)
def test_a_table_on_demand_has_partitions_for_twice_its_peak(rate: float, shards: int) -> None:
    assert shards_of(rate, DEFAULT) == shards


def test_a_partition_gives_its_rate_and_no_more() -> None:
    partitions = Partitions(2, units_a_second=100)
    given = 0
    for tick in range(10_000):
        if not partitions.throttles(np.array([1]), now := tick / 1_000):
            partitions.take(np.array([1]), 5, now)
            given += 5
    assert given == pytest.approx(10 * 100 + 100, rel=0.02)  # ten seconds, and the burst
    assert not partitions.throttles(np.array([0]), 0.0)


def test_a_partition_that_the_roll_up_fills_is_refused() -> None:
    with pytest.raises(ValueError, match="use more of them"):
        Partitions(1, units_a_second=0)


def test_a_row_is_free_when_its_transaction_is_over() -> None:
    rows = Rows(3)
    rows.hold(np.array([0, 1]), now=1.0, seconds=0.5)
    assert rows.conflict(np.array([1, 2]), 1.4)
    assert not rows.conflict(np.array([1, 2]), 1.5)
    assert not rows.conflict(np.array([2]), 1.4)
