"""Where arithmetic knows the answer, the simulation gives it."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.scale.breaking import breaking_point
from benchmarks.scale.capacity import Partitions, Rows
from benchmarks.scale.facts import (
    ACTIONS,
    CLIENT_SECONDS,
    INVOKE_SECONDS,
    PARTITION_UNITS,
    RECORD_SECONDS,
    TRANSACTION_BASE_SECONDS,
    TRANSACTION_SECONDS,
)
from benchmarks.scale.popularity import popularity
from benchmarks.scale.settings import DEFAULT, RANKING_SHARDS, Settings
from benchmarks.scale.shard import shards_of
from benchmarks.scale.simulate import Simulation, simulate

ONE_BY_ONE = replace(DEFAULT, batch_size=1, batching_seconds=0.0)


def service_seconds(settings: Settings) -> float:
    """How long an invocation with one record takes when nothing is in its way."""
    actions = settings.windows + 1
    whole, base = TRANSACTION_SECONDS.value, TRANSACTION_BASE_SECONDS.value
    per_action = (whole - base + CLIENT_SECONDS.value) / ACTIONS.value
    return INVOKE_SECONDS.value + RECORD_SECONDS.value + base + per_action * actions


@pytest.mark.parametrize("load", [0.3, 0.6, 0.8])
def test_one_shard_with_one_record_a_batch_waits_as_an_m_d_1_queue(load: float) -> None:
    service = service_seconds(ONE_BY_ONE)
    # Plenty of ranking shards, so that nothing else is in the way.
    settings = replace(ONE_BY_ONE, ranking_shards=64)
    simulation = Simulation(settings, load / service, shards=1, spread=0.0, poll_seconds=0.0)

    outcome = simulation.run(seconds=4_000 * service / (1 - load) ** 2)

    expected = service + load * service / (2 * (1 - load))
    assert simulation.staleness.mean == pytest.approx(expected, rel=0.05)
    assert outcome.utilisation["shard"] == pytest.approx(load, rel=0.03)
    assert outcome.keeps_up


def test_more_than_a_shard_can_serve_falls_behind() -> None:
    service = service_seconds(ONE_BY_ONE)
    simulation = Simulation(
        replace(ONE_BY_ONE, ranking_shards=64), 1.3 / service, shards=1, spread=0.0
    )
    assert not simulation.run(seconds=60).keeps_up


def test_a_batching_window_makes_records_wait_half_of_it() -> None:
    settings = replace(DEFAULT, batching_seconds=20.0, batch_size=10_000)
    simulation = Simulation(settings, 50, spread=0.0, poll_seconds=0.0)
    outcome = simulation.run(seconds=4_000)
    # 1,000 records are some 620 groups, 19 transactions one after another; half of them wait less.
    assert outcome.p50_seconds == pytest.approx(10, abs=0.6)
    assert outcome.records_a_batch == pytest.approx(1_001, rel=0.02)


def test_nobody_conflicts_with_nobody() -> None:
    outcome = simulate(DEFAULT, 300)
    assert outcome.shards == 1
    assert outcome.conflicts == 0
    assert outcome.throttles == 0


def test_a_row_serves_one_transaction_after_another() -> None:
    """All shards write one single row: what gets through is what one row can give."""
    one = replace(DEFAULT, groups=1, batch_size=1, batching_seconds=0.0, ranked=0)
    outcome = Simulation(one, 400, shards=16, spread=0.0).run(seconds=60)
    held = TRANSACTION_BASE_SECONDS.value + 0.04 * (
        TRANSACTION_SECONDS.value - TRANSACTION_BASE_SECONDS.value
    )
    through = outcome.records / (0.75 * outcome.simulated_seconds)
    assert outcome.conflicts > 0
    assert not outcome.keeps_up
    assert 0.5 / held < through <= 1 / held


def test_groups_apart_do_not_conflict() -> None:
    """With a counter shard for each shard of the stream no two of them meet on a row."""
    apart = replace(
        RANKING_SHARDS, counter_shards=8, split_groups=1_000, groups=1_000, ranking_shards=4
    )
    outcome = Simulation(apart, 2_000, shards=8).run(seconds=30)
    assert outcome.conflicts == 0
    together = replace(apart, counter_shards=1, split_groups=0)
    assert Simulation(together, 2_000, shards=8).run(seconds=30).conflicts > 0


def test_the_default_breaks_where_its_index_partition_is_full() -> None:
    """Every restaurant that a full batch touches costs the leaderboard's partition two units."""
    shares = popularity(DEFAULT.groups, DEFAULT.exponent).shares
    touched = float((1 - (1 - shares) ** DEFAULT.batch_size).sum())
    expected = PARTITION_UNITS.value / 2 / touched * DEFAULT.batch_size

    broken = breaking_point(DEFAULT)

    assert broken.carries.writes_a_second == pytest.approx(expected, rel=0.08)
    assert broken.binding == "index"


def test_ranking_fewer_windows_moves_nothing() -> None:
    """Each window's leaderboard is in a partition of its own."""
    three, one = simulate(DEFAULT, 600), simulate(replace(DEFAULT, ranked=1), 600)
    assert one.utilisation["index"] == three.utilisation["index"]
    assert one.units_a_record < three.units_a_record


def test_seeds() -> None:
    assert simulate(DEFAULT, 50, seed=1) == simulate(DEFAULT, 50, seed=1)
    assert simulate(DEFAULT, 50, seed=1) != simulate(DEFAULT, 50, seed=2)


@pytest.mark.parametrize(
    ("rate", "shards"), [(0.08, 1), (1_000, 1), (1_001, 2), (5_000, 8), (1e6, 1_024)]
)
def test_partitions_split_in_two_when_they_are_full(rate: float, shards: int) -> None:
    assert shards_of(rate) == shards


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
