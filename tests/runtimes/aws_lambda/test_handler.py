"""The handler in Lambda's own runtime client, fed with records of a real stream."""

import json
import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tallies.favorites.favorite import Favorite
from tallies.favorites.item import item_of
from tallies.favorites.on_dynamodb import DynamoFavorites
from tests.engines import DynamoDBAccount
from tests.engines.errors import FunctionError, FunctionTimeoutError
from tests.engines.lambda_rie import LambdaFunction
from tests.length import at_length
from tests.runtimes.aws_lambda.conftest import Deploy
from tests.runtimes.aws_lambda.events import plain, records_of, shard_of, windowed

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

NOTHING_FAILED: dict[str, Any] = {"batchItemFailures": []}
RESTAURANTS = [f"r{number}" for number in range(9)]


def write(store: DynamoFavorites, writes: int, seed: int = 1) -> None:
    """Random marks and unmarks."""
    dice = random.Random(seed)
    for _ in range(writes):
        user, restaurant = f"u{dice.randrange(12)}", dice.choice(RESTAURANTS)
        if dice.random() < 0.65:
            day = dice.choice(["2082-11-23", "2082-11-20", "2082-10-31"])
            store.mark(user, restaurant, created_at=f"{day}T08:00:00.000000Z")
        else:
            store.unmark(user, restaurant)


def group_by(store: DynamoFavorites) -> dict[tuple[str, str], int]:
    """What the tallies must be: counted from the users' own lists."""
    favorites = [f for user in range(12) for f in store.favorites_of(f"u{user}", 1000)]
    return Counter(
        (favorite.restaurant_id, window)
        for favorite in favorites
        for window in ("all", favorite.created_at[:7], favorite.created_at[:10])
    )


def tallies_of(store: DynamoFavorites) -> dict[tuple[str, str], int]:
    return {
        (restaurant, window): int(count)
        for restaurant in RESTAURANTS
        for window, count in store.windows_of(restaurant).items()
    }


def cuts(records: list[Any], dice: random.Random) -> Iterator[list[Any]]:
    """The records in batches, some of them again and overlapping the last."""
    at = 0
    while at < len(records):
        size = dice.randrange(1, 40)
        yield records[max(0, at - dice.randrange(10)) : at + size]
        at += size


@pytest.fixture(params=["windowed", "plain"])
def send(request: pytest.FixtureRequest, store: DynamoFavorites) -> Any:
    """Calls a function with records, in one of the two shapes of event."""

    def call(function: LambdaFunction, records: list[Any]) -> dict[str, Any]:
        if request.param == "plain":
            return function(plain(records))
        answer = function(windowed(shard_of(store), records, {"kept": 1}))
        assert answer.pop("state") == {"kept": 1}
        return answer

    return call


@pytest.mark.slow(only="windowed")
def test_case_1_batches_that_come_again_and_cut_anew_count_once(
    store: DynamoFavorites, deploy: Deploy, send: Any
) -> None:
    write(store, 200)
    function = deploy()
    records = records_of(store)
    for batch in cuts(records, random.Random(5)):
        assert send(function, batch) == NOTHING_FAILED
    assert tallies_of(store) == group_by(store)
    assert send(function, records) == NOTHING_FAILED
    assert tallies_of(store) == group_by(store)
    assert store.verify().drifted == []


@pytest.mark.slow(only="windowed")
def test_case_8_the_same_batch_in_two_invocations_at_once(
    store: DynamoFavorites, deploy: Deploy, send: Any
) -> None:
    functions = [deploy(), deploy()]
    with ThreadPoolExecutor(2) as threads:
        for seed in range(at_length(4, 2)):
            write(store, 60, seed)
            records = records_of(store)[-80:]
            both = list(threads.map(lambda each, some=records: send(each, some), functions))
            assert both == [NOTHING_FAILED, NOTHING_FAILED]
    assert tallies_of(store) == group_by(store)


@pytest.mark.slow(only="windowed")
def test_the_first_record_tells_which_stream_the_tallies_are_of(
    store: DynamoFavorites, deploy: Deploy, send: Any, aws_environment: DynamoDBAccount
) -> None:
    """Of tables that a template made, for which nobody ran a command: `status` goes by it."""
    key = {"group": {"S": "\x1fsettings"}, "time_window": {"S": "-"}}
    aws_environment.dynamodb().delete_item(TableName=store.names.tallies, Key=key)
    store.mark("u0", "r0")
    send(deploy(), records_of(store))
    with DynamoFavorites.from_url(store.url) as looking:
        looking.settings.read()
        assert looking.settings.stream == store.stream.arn
        assert "trouble" not in looking.status().details


@pytest.mark.slow(only="windowed")
def test_the_stream_of_another_region_is_refused_and_changes_nothing(
    store: DynamoFavorites, deploy: Deploy, send: Any
) -> None:
    """As a second function would deliver it that reads the replica of a global table."""
    function = deploy()
    store.mark("u0", "r0")
    assert send(function, records_of(store)) == NOTHING_FAILED
    store.mark("u1", "r0")
    there = "arn:aws:dynamodb:eu-west-1:123456789012:table/app-favorites/stream/2082"
    again = [{**record, "eventSourceARN": there} for record in records_of(store)]
    for each in (function, deploy()):
        with pytest.raises(FunctionError, match="in one region only"):
            send(each, again)
    assert store.tally("r0", ["all"]) == {"all": 1}
    assert send(function, records_of(store)) == NOTHING_FAILED
    assert store.tally("r0", ["all"]) == {"all": 2}


def test_an_empty_final_invocation(store: DynamoFavorites, idle: LambdaFunction) -> None:
    event = windowed(shard_of(store), [], {"kept": 1}, final=True)
    assert idle(event) == {"batchItemFailures": [], "state": {"kept": 1}}
    del event["Records"]
    event["state"] = None
    assert idle(event) == {"batchItemFailures": [], "state": {}}


@pytest.mark.slow
def test_case_13_what_does_not_fit_into_the_time_is_reported_with_all_after_it(
    store: DynamoFavorites, deploy: Deploy, aws_environment: DynamoDBAccount
) -> None:
    function = deploy(function_timeout_seconds=2)
    shard = shard_of(store)

    def delivered(rest: list[Any]) -> int:
        """Until all is applied; how many times that takes."""
        rounds = 0
        while rest:
            rounds += 1
            assert rounds < 200
            try:
                answer = function(windowed(shard, rest))
            except FunctionTimeoutError:  # a busy machine held it up; the service sends all again
                continue
            failed = [each["itemIdentifier"] for each in answer["batchItemFailures"]]
            numbers = [record["dynamodb"]["SequenceNumber"] for record in rest]
            rest = rest[numbers.index(failed[0]) :] if failed else []
        return rounds

    store.mark("u0", "r0")
    delivered(records_of(store))  # warm
    rows = [item_of(Favorite(f"u{n % 12}", f"r{n}", store.now())) for n in range(9, 2000)]
    client: DynamoDBClient = aws_environment.dynamodb()
    for start in range(0, len(rows), 25):
        puts: Any = [{"PutRequest": {"Item": row}} for row in rows[start : start + 25]]
        assert not client.batch_write_item(RequestItems={"app-favorites": puts})["UnprocessedItems"]
    assert delivered(records_of(store)) > 1
    assert store.verify().drifted == []


@pytest.mark.slow(only="windowed")
def test_case_12_a_record_that_cannot_be_folded_is_kept_whole_and_blocks_nothing(
    store: DynamoFavorites, deploy: Deploy, send: Any, aws_environment: DynamoDBAccount
) -> None:
    write(store, 20)
    poison = {"pk": {"S": "x"}, "restaurant_id": {"S": "r1"}, "created_at": {"S": "yesterday"}}
    client: DynamoDBClient = aws_environment.dynamodb()
    client.put_item(TableName=store.names.source, Item=poison)
    write(store, 20, seed=2)
    assert send(deploy(), records_of(store)) == NOTHING_FAILED
    assert tallies_of(store) == group_by(store)
    (parked,) = store.parked.records()
    assert "yesterday" in parked.reason
    assert parked.content["record"]["dynamodb"]["NewImage"] == poison
    assert store.status().parked == 1


def test_records_are_known_in_one_way_only(store: DynamoFavorites, deploy: Deploy) -> None:
    write(store, 5)
    records = records_of(store)
    assert deploy()(plain(records)) == NOTHING_FAILED
    with pytest.raises(FunctionError, match="tumbling window"):
        deploy()(windowed(shard_of(store), records))
    assert store.verify().drifted == []


def test_the_log_is_one_line_with_the_metrics_and_without_ids(
    store: DynamoFavorites, deploy: Deploy
) -> None:
    store.mark("ann-of-mars", "r1")
    records = records_of(store)
    function = deploy()
    function(windowed(shard_of(store), records))
    function(windowed(shard_of(store), records))
    function.wait_for_log('"duplicates": 1')
    lines = [
        json.loads(line[line.index("{") :])
        for line in function.log_text().splitlines()
        if '"_aws"' in line
    ]
    first, second = lines
    assert (first["records"], first["duplicates"], first["parked"]) == (1, 0, 0)
    assert (second["records"], second["duplicates"], second["unapplied"]) == (0, 1, 0)
    (metrics,) = first["_aws"]["CloudWatchMetrics"]
    assert metrics["Dimensions"] == [["store"]]
    assert first["store"] == "app"
    assert {each["Name"] for each in metrics["Metrics"]} <= first.keys()
    assert first["age"] >= 0
    assert "ann-of-mars" not in function.log_text()
    assert "local" not in json.dumps(lines)  # the secret key


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ({"key1": "value1"}, "no event of a table's stream"),
        ({"Records": None}, "no event of a table's stream"),
        ({"Records": [{"body": "hello"}]}, "none of a DynamoDB stream"),
        ({"Records": ["hello"]}, "none of a DynamoDB stream"),
    ],
)
def test_events_of_another_kind(idle: LambdaFunction, event: dict[str, Any], words: str) -> None:
    with pytest.raises(FunctionError, match=words):
        idle(event)


def test_a_stream_of_keys_only(store: DynamoFavorites, idle: LambdaFunction) -> None:
    store.mark("u1", "r1")
    (record,) = records_of(store)
    del record["dynamodb"]["NewImage"]
    record["dynamodb"]["StreamViewType"] = "KEYS_ONLY"
    with pytest.raises(FunctionError, match="NEW_AND_OLD_IMAGES"):
        idle(plain([record]))


def test_mistakes_in_the_configuration_are_told_at_every_call(
    store: DynamoFavorites, deploy: Deploy
) -> None:
    store.mark("u1", "r1")
    event = plain(records_of(store))
    for url, words in [
        ("", "Set TALLIES_STORE"),
        ("nowhere", "no AWS region"),
        (store.url.replace("app", "other"), "no table other-tallies"),
    ]:
        function = deploy(TALLIES_STORE=url)
        for _ in range(2):
            with pytest.raises(FunctionError, match=words):
                function(event)
