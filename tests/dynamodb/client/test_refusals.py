"""What is wrong with the service or the tables: one sentence that names the thing and the mend."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from tallies.core.errors import (
    InvalidStoreUrl,
    NotInitialised,
    StoreError,
    StoreUnavailable,
    TalliesError,
    WrongStore,
)
from tallies.favorites.favorite import FavoritesStore
from tallies.favorites.item import source_table
from tallies.favorites.on_dynamodb import DynamoFavorites
from tallies.favorites.open import open_favorites
from tallies.favorites.tally import FAVORITES
from tallies.stores.dynamodb.client import clients
from tallies.stores.dynamodb.rows.keys import SETTINGS, reserved_key
from tallies.stores.dynamodb.rows.tables import tallies_table
from tallies.stores.dynamodb.stream.stream import Stream
from tests.engines import DynamoDBAccount
from tests.layouts import in_transactions

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

EVERY_CALL: list[Callable[[DynamoFavorites], object]] = [
    lambda store: store.mark("ann", "noodles"),
    lambda store: store.get("ann", "noodles"),
    lambda store: store.unmark("ann", "noodles"),
    lambda store: store.favorites_of("ann", 1),
    lambda store: store.tally("noodles", ["all"]),
    lambda store: store.windows_of("noodles"),
    lambda store: store.leaderboard("all", 1),
    lambda store: store.aggregator().step(),
    lambda store: store.status(),
    lambda store: store.verify(),
]


def says(error: pytest.ExceptionInfo[TalliesError], *words: str) -> None:
    """One sentence (a semicolon is allowed) with these words."""
    text = str(error.value)
    assert all(word in text for word in words), text
    assert "\n" not in text
    assert text.endswith((".", ")")), text


@pytest.mark.parametrize("call", EVERY_CALL)
def test_missing_tables(
    missing: DynamoFavorites, call: Callable[[DynamoFavorites], object]
) -> None:
    with pytest.raises(NotInitialised) as error:
        call(missing)
    says(error, "app-", "us-east-1", "tallies init")


@pytest.mark.parametrize("call", EVERY_CALL)
def test_wrong_region(
    store: DynamoFavorites,
    aws_environment: DynamoDBAccount,
    call: Callable[[DynamoFavorites], object],
) -> None:
    elsewhere = DynamoDBAccount(aws_environment.endpoint, "pertest", "eu-west-1")
    with (
        DynamoFavorites.from_url(elsewhere.store_url("app")) as other,
        pytest.raises(NotInitialised) as error,
    ):
        call(other)
    says(error, "eu-west-1", "check region")


def test_nobody_at_the_endpoint(
    aws_environment: DynamoDBAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "ATTEMPTS", 1)
    with (
        open_favorites("dynamodb://us-east-1/app?endpoint=http://127.0.0.1:9") as store,
        pytest.raises(StoreUnavailable) as error,
    ):
        store.get("ann", "noodles")
    says(error, "http://127.0.0.1:9", "cannot be reached", "check")


def test_no_credentials(aws_environment: DynamoDBAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with (
        open_favorites(aws_environment.store_url("app")) as store,
        pytest.raises(StoreError) as error,
    ):
        store.get("ann", "noodles")
    says(error, "No AWS credentials", "AWS_PROFILE")


def test_unknown_profile(aws_environment: DynamoDBAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(StoreError) as error:
        open_favorites(aws_environment.store_url("app"))
    says(error, "nobody", "profile")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("dynamodb://", "region"),
        ("dynamodb://us-east-1", "prefix"),
        ("dynamodb://nowhere/app", "'nowhere' is no AWS region"),
        ("dynamodb://us-east-1/a/b", "prefix"),
        ("dynamodb://us-east-1/" + "a" * 300, "prefix"),
        ("dynamodb://us-east-1/app?endpoint=127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("dynamodb://us-east-1/app?endpoint=http://u:secret@h:1", "usual chain"),
        ("dynamodb://us-east-1/app?ranking_shards=0", "ranking_shards is 1 to"),
        ("dynamodb://us-east-1/app?ranking_shards=65", "ranking_shards is 1 to"),
        ("dynamodb://us-east-1/app?shards=2", "unknown option 'shards'"),
        ("dynamodb://us-east-1/app?shards", "no store URL"),
    ],
)
def test_store_urls(url: str, words: str) -> None:
    with pytest.raises(InvalidStoreUrl) as error:
        open_favorites(url)
    says(error, words)
    assert "secret" not in str(error.value)


def test_a_table_of_another_shape_is_left_alone(
    missing: DynamoFavorites, client: "DynamoDBClient"
) -> None:
    client.create_table(
        TableName="app-favorites",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "user_id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "user_id", "AttributeType": "S"}],
    )
    with pytest.raises(WrongStore) as error:
        missing.init()
    says(error, "app-favorites", "user_id (S)", "pk (S)", "another prefix")


def test_a_table_without_its_index(missing: DynamoFavorites, client: "DynamoDBClient") -> None:
    shape = tallies_table("app-tallies", FAVORITES)
    del shape["GlobalSecondaryIndexes"]
    shape["AttributeDefinitions"] = shape["AttributeDefinitions"][:2]
    client.create_table(**shape)
    with pytest.raises(WrongStore) as error:
        missing.init()
    says(error, "app-tallies", "no index 'ranking'")


@pytest.mark.parametrize(
    "call", [DynamoFavorites.init, DynamoFavorites.aggregator, DynamoFavorites.status]
)
def test_a_stream_that_does_not_say_enough(
    missing: DynamoFavorites, client: "DynamoDBClient", call: Callable[[DynamoFavorites], object]
) -> None:
    client.create_table(**tallies_table("app-tallies", FAVORITES))
    shape = source_table("app-favorites")
    shape["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    client.create_table(**shape)
    with pytest.raises(WrongStore) as error:
        call(missing)
    says(error, "app-favorites", "KEYS_ONLY", "NEW_AND_OLD_IMAGES")


def test_a_table_without_stream(missing: DynamoFavorites, client: "DynamoDBClient") -> None:
    shape = source_table("app-favorites")
    del shape["StreamSpecification"]
    client.create_table(**shape)
    client.create_table(**tallies_table("app-tallies", FAVORITES))
    with pytest.raises(WrongStore) as error:
        missing.aggregator()
    says(error, "app-favorites", "no stream", "NEW_AND_OLD_IMAGES")


def test_rows_that_expire_by_another_attribute(
    missing: DynamoFavorites, client: "DynamoDBClient"
) -> None:
    client.create_table(**source_table("app-favorites"))
    client.update_time_to_live(
        TableName="app-favorites",
        TimeToLiveSpecification={"Enabled": True, "AttributeName": "until"},
    )
    with pytest.raises(WrongStore) as error:
        missing.init()
    says(error, "app-favorites", "'until'", "'expires_at'")


def test_another_number_of_ranking_shards(
    store: DynamoFavorites, aws_environment: DynamoDBAccount
) -> None:
    url = aws_environment.store_url("app") + "&ranking_shards=4"
    with DynamoFavorites.from_url(url) as other:
        assert other.leaderboard("all", 1) == []  # the store may have been converted meanwhile
        with pytest.raises(WrongStore) as error:
            other.init()
    says(error, "app-tallies", "ranking_shards=1, not 4", "rebuild --ranking-shards 4")


def test_a_store_of_a_later_version(store: DynamoFavorites, client: "DynamoDBClient") -> None:
    client.put_item(
        TableName="app-tallies",
        Item={**reserved_key(SETTINGS), "format": {"N": "99"}},
    )
    with pytest.raises(WrongStore) as error:
        store.leaderboard("all", 1)
    says(error, "app-tallies", "99", "newer")


@in_transactions
@pytest.mark.parametrize(("first", "second"), [("positions", "markers"), ("markers", "positions")])
def test_records_are_guarded_in_one_way_only(
    store: DynamoFavorites, aws_environment: DynamoDBAccount, first: Any, second: Any
) -> None:
    store.settings.claim(first)
    store.settings.claim(first)
    with DynamoFavorites.from_url(aws_environment.store_url("app")) as other:
        other.settings.claim(first)
    with (
        DynamoFavorites.from_url(aws_environment.store_url("app")) as other,
        pytest.raises(WrongStore) as error,
    ):
        other.guarded_apply(second)
    says(error, "app-tallies", "tumbling window")


class _Denies(BaseHTTPRequestHandler):
    """Answers as the service does when a policy lacks an action."""

    def do_POST(self) -> None:
        operation = self.headers["X-Amz-Target"].partition(".")[2]
        body = json.dumps(
            {
                "__type": "com.amazon.coral.service#AccessDeniedException",
                "Message": (
                    "User: arn:aws:iam::123456789012:user/me is not authorized to perform:"
                    f" dynamodb:{operation} on resource: arn:aws:dynamodb:us-east-1:123456789012:"
                    "table/app-favorites because no identity-based policy allows it"
                ),
            }
        ).encode()
        self.send_response(400)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 # the base's name
        pass


@contextmanager
def denying_service() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Denies) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


DENIED: list[tuple[Callable[[FavoritesStore], object], str]] = [
    (lambda store: store.mark("ann", "noodles"), "dynamodb:PutItem"),
    (lambda store: store.favorites_of("ann", 1), "dynamodb:Query"),
    (lambda store: store.unmark("ann", "noodles"), "dynamodb:DeleteItem"),
    (lambda store: store.init(), "dynamodb:GetItem"),
]


@pytest.mark.parametrize(("call", "action"), DENIED)
def test_a_policy_that_lacks_an_action(
    aws_environment: DynamoDBAccount, call: Callable[[FavoritesStore], object], action: str
) -> None:
    with (
        denying_service() as endpoint,
        open_favorites(f"dynamodb://us-east-1/app?endpoint={endpoint}") as store,
        pytest.raises(StoreError) as error,
    ):
        call(store)
    says(error, "IAM denies", action, "table/app-", "policy")


def test_a_stream_that_is_gone(store: DynamoFavorites, aws_environment: DynamoDBAccount) -> None:
    stream = Stream(aws_environment.streams(), store.stream.arn + "0")
    with pytest.raises(NotInitialised) as error:
        stream.shards()
    says(error, "stream")
