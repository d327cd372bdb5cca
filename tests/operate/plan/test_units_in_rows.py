"""The plan and the apply agree on what rows cost that hold their own positions."""

from dataclasses import replace

import pytest

from benchmarks.dynamodb.write_units import in_rows, stream_records
from benchmarks.harness.workload import RESTAURANTS
from tallies.operate.plan.units import batch_units, look_reads
from tallies.operate.plan.workload.folding import Zipf
from tallies.operate.plan.workload.load import Load
from tallies.operate.plan.workload.moves import Life, Moves
from tallies.stores.layout import Layout

CLOSE = 0.02
"""Within two percent of what is measured."""


@pytest.mark.parametrize("batch", [1, 10, 100, 1_000])
def test_write_units_are_those_of_the_apply(batch: int) -> None:
    records = list(stream_records(max(2_000, 6 * batch)))
    meter = in_rows(records, batch, Layout(ranking="buckets", guard="rows"))
    each = Life(RESTAURANTS, 1.0, len(records)).moves(batch)
    of_batch = Moves(each.entered * batch, each.moved * batch)
    touched = Zipf(Load(restaurants=RESTAURANTS, removals=0)).touched(batch)
    touched = replace(touched, moves=dict.fromkeys(Load().ranked, of_batch))

    planned = batch_units(touched, doubled_index=False, guard="rows") / batch

    assert planned == pytest.approx(meter.units / len(records), rel=CLOSE)
    assert meter.units <= 1.05 * meter.least
    assert meter.others <= 4  # the slot, its note, and the position now and then
    # The shard's item for each batch; the settings are not looked at here.
    assert look_reads(touched, "rows") == 2
    assert meter.reads == pytest.approx(len(records) / batch, abs=3)


def test_a_record_alone_takes_fewer_units_than_additions_without_a_guard() -> None:
    records = list(stream_records(3_000))
    meter = in_rows(records, 1, Layout(ranking="buckets", guard="rows"))
    assert meter.units / len(records) < 9
    assert in_rows(records, 1, Layout(guard="rows")).units / len(records) == 3


def test_the_plan_is_under_a_dollar_with_all_leaderboards() -> None:
    from tallies.operate.plan.designs import Bill, with_lambda
    from tallies.operate.plan.prices import read_prices
    from tallies.operate.plan.setting import Setting

    load = Load()
    setting = Setting(ranking="buckets", guard="rows")
    design = with_lambda(
        load, Zipf(load, "buckets"), setting, Bill(setting, read_prices("us-east-1"))
    )
    assert design.total < 1.00
    assert design.worst_seconds < 2.0
    assert design.figures["write units a write"] < 5
