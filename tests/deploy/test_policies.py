"""The roles hold what the code calls, and nothing more.

Real requests on DynamoDB Local are recorded through botocore's own event hook, the application's
and the aggregator's, and compared with the statements of the template.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from botocore.session import Session

from tallies.core.declaration.declaration import Declaration
from tallies.core.windows import Window
from tallies.favorites import (
    aws_aggregator,  # noqa: F401 # opens what the function opens
    aws_api,
)
from tallies.favorites.on_dynamodb import DynamoFavorites
from tallies.favorites.tally import FAVORITES
from tallies.runtimes import aws_lambda
from tallies.stores.dynamodb.client.fast_client import FastClient
from tallies.stores.layout import LayoutWish
from tests.engines import DynamoDBAccount
from tests.layouts import in_transactions

from .deliveries import Context, windowed_event
from .requests import ask
from .template import properties

PREFIX = "policy"
Calls = set[tuple[str, str]]
"""Action and resource, the latter in the template's words."""

REBUILT = "Tallies.Arn-*"
"""The tables of a new declaration, and their indexes."""

_RESOURCES = {f"{PREFIX}-favorites": "Favorites.Arn", f"{PREFIX}-tallies": "Tallies.Arn"}
_PARTS = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem"}


def _calls(operation: str, params: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if operation == "TransactWriteItems":
        for action in params["TransactItems"]:
            for part, content in action.items():
                name = _PARTS.get(part, "ConditionCheckItem")
                yield f"dynamodb:{name}", _resource(content["TableName"])
    elif operation == "BatchGetItem":
        for table in params["RequestItems"]:
            yield "dynamodb:BatchGetItem", _resource(table)
    else:
        resource = _resource(params["TableName"])
        index = f"/index/{params['IndexName']}" if "IndexName" in params else ""
        yield f"dynamodb:{operation}", resource if resource == REBUILT else resource + index


def _resource(table: str) -> str:
    return _RESOURCES.get(table) or (REBUILT if table.startswith(f"{PREFIX}-tallies-") else table)


@contextmanager
def _recorded(monkeypatch: pytest.MonkeyPatch) -> Iterator[Calls]:
    """All that clients made meanwhile ask of DynamoDB."""
    calls: Calls = set()
    make = Session.create_client

    def listening(session: Session, *args: Any, **options: Any) -> Any:
        client = make(session, *args, **options)
        client.meta.events.register(
            "provide-client-params.dynamodb",
            lambda params, model, **_: calls.update(_calls(model.name, params)),
        )
        return client

    send = FastClient._call

    def heard(client: FastClient, operation: str, arguments: dict[str, Any]) -> Any:
        calls.update(_calls(operation, arguments))
        return send(client, operation, arguments)

    with monkeypatch.context() as patched:
        patched.setattr(Session, "create_client", listening)
        patched.setattr(FastClient, "_call", heard)
        yield calls


def _granted(role: str, *, in_rows: bool = False) -> Calls:
    """What a role may do to tables and indexes."""
    (policy,) = properties(role)["Policies"]
    found: Calls = set()
    for given in policy["PolicyDocument"]["Statement"]:
        condition, statement = given["Fn::If"][:2] if "Fn::If" in given else ("", given)
        if condition == "InRows" and not in_rows:
            continue
        resource = statement["Resource"]
        text = next(iter(resource.values())) if isinstance(resource, dict) else resource
        if isinstance(text, list):  # of the condition: that of the favorites
            text = text[1]["Fn::GetAtt"]
        name = text.replace("${", "").replace("}", "")
        if name.startswith(("Favorites.Arn", "Tallies.Arn")):
            actions = statement["Action"]
            found |= {(each, name) for each in ([actions] if isinstance(actions, str) else actions)}
    return found


@pytest.fixture
def store(
    aws_environment: DynamoDBAccount, monkeypatch: pytest.MonkeyPatch, layout_options: str
) -> Iterator[DynamoFavorites]:
    """A store whose tables the functions find by their environment."""
    url = aws_environment.store_url(PREFIX)
    monkeypatch.setenv("TALLIES_STORE", url)
    caches = (aws_api._application, aws_lambda.store, aws_lambda.apply_by)
    for each in caches:
        each.cache_clear()
    with DynamoFavorites.from_url(url + layout_options) as first:
        first.init()
    with DynamoFavorites.from_url(url) as made:
        yield made
    for each in caches:
        each.cache_clear()


def _declare_anew(store: DynamoFavorites) -> None:
    declared = Declaration([replace(FAVORITES, windows=tuple(Window))])
    store.rebuild(declared, layout=LayoutWish(ranking="buckets"))


@in_transactions
def test_the_aggregator_may_do_what_it_does(
    store: DynamoFavorites, aws_environment: DynamoDBAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.mark("ann", "noodles")
    store.mark("bob", "noodles")
    aws_environment.dynamodb().put_item(
        TableName=store.names.source, Item={"pk": {"S": "no favorite, to be parked"}}
    )
    event = windowed_event(aws_environment, store.names.source)
    with _recorded(monkeypatch) as calls:
        aws_lambda.store().warm()
        for _ in range(2):  # the second time its guard refuses, and the position is read
            assert aws_lambda.handler(event, Context())["batchItemFailures"] == []
    assert store.tally("noodles", ["all"]) == {"all": 2}
    assert store.parked.count() == 1
    _declare_anew(store)
    store.mark("cyd", "noodles")
    event = windowed_event(aws_environment, store.names.source)
    with _recorded(monkeypatch) as more:
        assert aws_lambda.handler(event, Context())["batchItemFailures"] == []
    assert store.tally("noodles", ["all"]) == {"all": 3}
    calls |= more
    assert calls == _granted("AggregatorRole")


def test_the_aggregator_may_do_what_it_does_in_rows(
    store: DynamoFavorites, aws_environment: DynamoDBAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when a rebuild has gone over to transactions."""
    store.mark("ann", "noodles")
    store.mark("bob", "noodles")
    aws_environment.dynamodb().put_item(
        TableName=store.names.source, Item={"pk": {"S": "no favorite, to be parked"}}
    )

    def handle() -> Calls:
        event = windowed_event(aws_environment, store.names.source)
        with _recorded(monkeypatch) as calls:
            aws_lambda.store().warm()
            for _ in range(2):
                assert aws_lambda.handler(event, Context())["batchItemFailures"] == []
        return calls

    calls = handle()
    assert store.tally("noodles", ["all"]) == {"all": 2}
    assert store.parked.count() == 1
    store.rebuild(layout=LayoutWish(guard="transactions"))
    store.mark("cyd", "noodles")
    calls |= handle()
    assert store.tally("noodles", ["all"]) == {"all": 3}
    assert calls
    assert calls <= _granted("AggregatorRole", in_rows=True)


def test_the_api_may_do_what_it_does(
    store: DynamoFavorites, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = "/users/ann/favorites/noodles"

    def read() -> None:
        assert ask("GET", "/restaurants/noodles/tally")[0] == 200
        assert ask("GET", "/restaurants/noodles/history", query="by=month")[0] == 200
        assert ask("GET", "/leaderboards/all")[0] == 200
        assert ask("GET", "/leaderboards/last-7-days")[0] == 200
        assert ask("GET", "/restaurants/tallies", query="id=noodles&id=pizza")[0] == 200
        among = {"among": ["noodles", "pizza"]}
        assert ask("POST", "/leaderboards/all", body=among)[0] == 200
        assert ask("GET", "/leaderboards/all/ranks/noodles")[0] == 404  # nobody has counted
        assert ask("GET", "/tallies", user="ann")[0] == 200
        groups = {"groups": [["noodles"], ["pizza"]]}
        assert ask("POST", "/tallies/favorites/tallies", user="ann", body=groups)[0] == 200

    with _recorded(monkeypatch) as calls:
        read()
        assert ask("PUT", one, user="ann")[0] == 201
        assert ask("PATCH", one, user="ann", body={"note": "hot"})[0] == 200
        assert ask("GET", one, user="ann")[0] == 200
        assert ask("GET", "/users/ann/favorites", user="ann")[0] == 200
        assert ask("GET", "/users/ann/favorites", user="ann", query="id=noodles")[0] == 200
        assert ask("DELETE", one, user="ann")[0] == 204
    _declare_anew(store)
    aws_api._application.cache_clear()
    with _recorded(monkeypatch) as more:
        read()
    calls |= more
    assert calls == _granted("ApiRole")


def test_a_token_is_for_its_own_favorites_only(store: DynamoFavorites) -> None:
    assert ask("PUT", "/users/ann/favorites/noodles", user="bob")[0] == 403
    assert ask("PUT", "/users/ann/favorites/noodles")[0] == 401
    assert store.get("ann", "noodles") is None


def test_a_path_is_decoded_once_and_only_after_it_was_split(store: DynamoFavorites) -> None:
    assert ask("PUT", "/users/ann/favorites/a%2Fb", user="ann")[0] == 201
    assert store.get("ann", "a/b") is not None
