"""The function over rows that hold their own positions, in the real runtime."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tallies.favorites.on_dynamodb import DynamoFavorites
from tallies.stores.dynamodb.rows.keys import POSITION, reserved_key
from tests.conformance.backend import ManualClock
from tests.engines import DynamoDBAccount
from tests.engines.errors import FunctionError
from tests.engines.fixtures import StartLambda
from tests.engines.lambda_rie import LambdaFunction

from .conftest import HANDLER
from .events import plain, records_of, shard_of, windowed
from .test_handler import NOTHING_FAILED, cuts, group_by, tallies_of, write


@pytest.fixture
def store(aws_environment: DynamoDBAccount) -> Iterator[DynamoFavorites]:
    url = f"{aws_environment.store_url('app')}&ranking=buckets&guard=rows"
    with DynamoFavorites.from_url(url, clock=ManualClock()) as store:
        store.init()
        yield store


@pytest.fixture
def deploy(
    store: DynamoFavorites, aws_environment: DynamoDBAccount, start_lambda: StartLambda
) -> Any:
    settings = {"TALLIES_STORE": store.url, **aws_environment.env}
    return lambda: start_lambda(HANDLER, settings, function_timeout_seconds=60)


def noted(store: DynamoFavorites) -> str | None:
    """The position that is noted of the only shard."""
    key = reserved_key(POSITION, shard_of(store))
    item: Any = store._clients.dynamodb.get_item(TableName="app-tallies", Key=key)["Item"]
    position: str | None = item.get("position", {}).get("S")
    return position


def test_batches_that_come_again_and_cut_anew_and_at_once_count_once(
    store: DynamoFavorites, deploy: Any
) -> None:
    write(store, 150)
    functions = [deploy(), deploy()]
    records, shard = records_of(store), shard_of(store)

    def call(function: LambdaFunction, some: list[Any]) -> Any:
        answer = function(windowed(shard, some))
        answer.pop("state")
        return answer

    with ThreadPoolExecutor(2) as threads:
        for batch in cuts(records, random.Random(5)):
            both = list(threads.map(call, functions, [batch, batch]))
            assert both == [NOTHING_FAILED, NOTHING_FAILED]
    assert tallies_of(store) == group_by(store)
    assert call(functions[0], records) == NOTHING_FAILED
    assert tallies_of(store) == group_by(store)
    assert store.verify().drifted == []


def test_the_position_is_noted_when_its_window_ends(store: DynamoFavorites, deploy: Any) -> None:
    write(store, 5)
    function = deploy()
    records, shard = records_of(store), shard_of(store)
    arn = store.stream.arn
    answer = function(windowed(shard, records, {"kept": 1}) | {"eventSourceARN": arn})
    assert noted(store) is None
    last = max(record["dynamodb"]["SequenceNumber"] for record in records).zfill(40)
    assert answer["state"] == {"kept": 1, "position": last}
    final = windowed(shard, [], answer["state"], final=True) | {"eventSourceARN": arn}
    assert function(final)["batchItemFailures"] == []
    assert noted(store) == last


def test_records_without_a_shard_are_refused_and_claim_nothing(
    store: DynamoFavorites, deploy: Any
) -> None:
    write(store, 5)
    function = deploy()
    records, shard = records_of(store), shard_of(store)
    with pytest.raises(FunctionError, match=r"WrongStore: .* a tumbling window"):
        function(plain(records))
    assert function(windowed(shard, records))["batchItemFailures"] == []
    assert tallies_of(store) == group_by(store)
