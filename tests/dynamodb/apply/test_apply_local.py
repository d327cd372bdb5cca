"""The guarded apply on DynamoDB Local: many parts, and several that apply the same at once."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from tallies.core.fold import Folder
from tallies.favorites.on_dynamodb import DynamoFavorites
from tallies.favorites.tally import FAVORITES
from tallies.stores.dynamodb.apply.apply import GuardedApply
from tallies.stores.dynamodb.apply.batch import ApplyResult
from tallies.stores.dynamodb.stream.records import StreamRecord, from_event
from tests.engines import DynamoDBAccount
from tests.histories.source import wire
from tests.layouts import in_transactions

_numbers = count(10**24)


def marks(restaurants: Sequence[int]) -> list[StreamRecord]:
    """One mark of each; the day is that of the restaurant's number."""
    records = []
    for restaurant in restaurants:
        number = next(_numbers)
        day = f"2082-11-{restaurant % 28 + 1:02}T12:00:00Z"
        image = wire({"restaurant_id": f"r{restaurant}", "created_at": day})
        data = {"SequenceNumber": str(number), "NewImage": image}
        event = {"eventID": f"{number:x}", "eventName": "INSERT", "dynamodb": data}
        records.append(from_event(event))
    return records


def apply_of(account: DynamoDBAccount, store: DynamoFavorites) -> GuardedApply:
    return GuardedApply(account.dynamodb(), store.names, [Folder(FAVORITES)])


@in_transactions
@pytest.mark.parametrize("mode", ["shard", "marked"])
def test_three_invocations_at_once_count_each_record_once(
    aws_environment: DynamoDBAccount, store: DynamoFavorites, mode: str
) -> None:
    restaurants = [number * number % 97 for number in range(240)]
    batch = marks(restaurants)

    def invoke(cut: int) -> list[ApplyResult]:
        apply = apply_of(aws_environment, store)
        results = []
        for some in (batch[:cut], batch[cut:]):
            if mode == "shard":
                results.append(apply.apply_shard("shard-1", some))
            else:
                results.append(apply.apply_marked(some))
        return results

    with ThreadPoolExecutor(3) as threads:
        results = [each for some in threads.map(invoke, (60, 120, 240)) for each in some]

    assert all(result.unapplied_from is None for result in results)
    assert sum(result.records for result in results) == 240
    wanted = Counter(f"r{number}" for number in restaurants)
    for restaurant, favorites in wanted.items():
        assert store.windows_of(restaurant).get("all") == favorites
    top = store.leaderboard("all", 200)
    assert {ranked.group: ranked.amount for ranked in top} == wanted
