"""What the simulation makes of a batch is what the product makes of it."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pytest

from benchmarks.dynamodb.write_units import Meter, stream_records
from benchmarks.scale.batch.cut import cut, groups_of_a_transaction, units
from benchmarks.scale.model.popularity import Ints, group_id, popularity, ranking_shard_of
from benchmarks.scale.settings import OLDER
from tallies.core.fold import Folder
from tallies.favorites.tally import FAVORITES
from tallies.stores.dynamodb.apply.apply import GuardedApply
from tallies.stores.dynamodb.apply.progress import group_lane
from tallies.stores.dynamodb.rows.keys import TableNames
from tallies.stores.dynamodb.rows.ranking import ranking_key
from tallies.stores.dynamodb.stream.records import StreamRecord, from_event

GROUPS = 10_000


class Recorder(Meter):
    """Also remembers which groups each transaction added to."""

    def __init__(self) -> None:
        super().__init__()
        self.groups: list[set[str]] = []

    def transact_write_items(self, **request: Any) -> dict[str, Any]:
        keys = [next(iter(action.values()))["Key"] for action in request["TransactItems"]]
        self.groups.append({key["group"]["S"] for key in keys[:-1]})  # the guard is the last
        return super().transact_write_items(**request)


def records_of(groups: Ints) -> list[StreamRecord]:
    return [
        from_event(
            {
                "eventID": f"{number:032x}",
                "eventName": "INSERT",
                "dynamodb": {
                    "SequenceNumber": str(10**24 + number),
                    "NewImage": {
                        "pk": {"S": f"{group}#{number}"},
                        "restaurant_id": {"S": group_id(int(group))},
                        "user_id": {"S": f"user-{number}"},
                        "created_at": {"S": "2026-11-23T12:00:00Z"},
                    },
                },
            }
        )
        for number, group in enumerate(groups)
    ]


def applied(records: Sequence[StreamRecord], recorder: Recorder) -> Recorder:
    apply = GuardedApply(
        cast(Any, recorder), TableNames.of("scale", "scale-favorites"), [Folder(FAVORITES)]
    )
    result = apply.apply_shard("shard", records)
    assert result.records == len(records)
    return recorder


@pytest.mark.parametrize("batch", [1, 10, 100, 1_000, 10_000])
def test_transactions_are_cut_where_the_product_cuts_them(batch: int) -> None:
    groups = popularity(GROUPS, 1.0).draw(np.random.default_rng(batch), batch)

    recorder = applied(records_of(groups), Recorder())
    parts, of_record = cut(groups, popularity(GROUPS, 1.0), OLDER.windows)

    assert [{group_id(int(group)) for group in part} for part in parts] == recorder.groups
    assert all(group in parts[part] for group, part in zip(groups, of_record, strict=True))
    assert units(parts, OLDER) == recorder.units


@pytest.mark.slow(but="100")
@pytest.mark.parametrize("batch", [10, 100, 1_000])
def test_units_are_those_of_the_write_unit_benchmark_within_two_percent(batch: int) -> None:
    """Other draws, the same law: means over 20,000 records."""
    records = list(stream_records(20_000))
    recorder = Recorder()
    for first in range(0, len(records), batch):
        applied(records[first : first + batch], recorder)
    measured = recorder.units / len(records)

    random = np.random.default_rng(7)
    drawn = [popularity(GROUPS, 1.0).draw(random, batch) for _ in range(20_000 // batch)]
    batches = [cut(each, popularity(GROUPS, 1.0), OLDER.windows)[0] for each in drawn]
    simulated = sum(units(parts, OLDER) for parts in batches) / 20_000

    assert simulated == pytest.approx(measured, rel=0.02)


@pytest.mark.parametrize(("windows", "groups"), [(1, 99), (2, 49), (3, 33), (5, 19)])
def test_a_transaction_holds_whole_groups_beside_the_guard(windows: int, groups: int) -> None:
    assert groups_of_a_transaction(windows) == groups


def test_ranking_shards_are_the_products() -> None:
    shards = ranking_shard_of(100, 8)
    for number in range(100):
        key = ranking_key("all", group_lane(group_id(number)), 8)
        assert key == f"all#{shards[number]}"


def test_popularity_follows_zipf() -> None:
    some = popularity(GROUPS, 1.0)
    drawn = some.draw(np.random.default_rng(1), 200_000)
    hottest = np.bincount(drawn, minlength=GROUPS)[:3] / 200_000
    assert hottest == pytest.approx(some.shares[:3], rel=0.05)
    assert some.shares[0] / some.shares[9] == pytest.approx(10)
