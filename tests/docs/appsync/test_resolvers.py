"""docs/examples/appsync: resolvers for the tally of docs/examples/orders.toml.

Their code is evaluated by the call by which AppSync lets one test it (on ministack), and held to
AppSync's own rules, since Node, which ministack uses, takes more. What a resolver asks for is asked
of DynamoDB Local, in the way of AppSync's DynamoDB data source.
"""

import base64
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tallies.core.declaration.declaration import read_declaration
from tallies.stores.dynamodb.store import DynamoStore
from tests.dynamodb.traffic import settle
from tests.engines import DynamoDBAccount, make_streamed_table
from tests.engines.errors import EngineError
from tests.engines.fetched import node
from tests.engines.fixtures import missing_engine_skips
from tests.engines.ministack import Cloud, ministack
from tests.layouts import OLDER

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"
RESOLVERS = sorted((EXAMPLES / "appsync").glob("*.js"))
TABLE = "app-tallies"
ESLINT = "node_modules/eslint/bin/eslint.js"


class DataSource:
    """A DynamoDB data source of one table."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def answer(self, request: Any) -> Any:
        """What a resolver finds in `ctx.result`."""
        if request["operation"] == "GetItem":
            found = self._client.get_item(TableName=self._table, Key=request["key"])
            return _plain(found["Item"]) if "Item" in found else None
        assert request["operation"] == "Query"
        more: dict[str, Any] = {}
        if "index" in request:
            more["IndexName"] = request["index"]
        if request.get("nextToken"):
            more["ExclusiveStartKey"] = json.loads(base64.b64decode(request["nextToken"]))
        query = request["query"]
        page = self._client.query(
            TableName=self._table,
            KeyConditionExpression=query["expression"],
            ExpressionAttributeNames=query["expressionNames"],
            ExpressionAttributeValues=query["expressionValues"],
            ScanIndexForward=request.get("scanIndexForward", True),
            ConsistentRead=request.get("consistentRead", False),
            Limit=request["limit"],
            **more,
        )
        last = page.get("LastEvaluatedKey")
        return {
            "items": [_plain(item) for item in page["Items"]],
            "nextToken": base64.b64encode(json.dumps(last).encode()).decode() if last else None,
        }


def _plain(item: Any) -> dict[str, Any]:
    """An item as AppSync hands it over: numbers are floats there."""
    return {
        name: float(value["N"]) if "N" in value else next(iter(value.values()))
        for name, value in item.items()
    }


class Resolver:
    """One of the files, on a data source."""

    def __init__(self, cloud: Cloud, source: DataSource, name: str) -> None:
        self._client = cloud.client("appsync")
        self._source = source
        self._code = (EXAMPLES / "appsync" / f"{name}.js").read_text()

    def __call__(self, source: Any = None, **arguments: Any) -> Any:
        context = {"arguments": arguments, "source": source}
        request = self._evaluate("request", context)
        return self._evaluate("response", {**context, "result": self._source.answer(request)})

    def _evaluate(self, function: str, context: Any) -> Any:
        found = self._client.evaluate_code(
            runtime={"name": "APPSYNC_JS", "runtimeVersion": "1.0.0"},
            code=self._code,
            context=json.dumps(context),
            function=function,
        )
        assert "error" not in found, found["error"]
        return json.loads(found["evaluationResult"])


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with missing_engine_skips(), ministack() as running:
        yield running


@pytest.fixture
def source(aws_environment: DynamoDBAccount) -> DataSource:
    return DataSource(aws_environment.dynamodb(), TABLE)


@pytest.fixture
def orders(aws_environment: DynamoDBAccount) -> Iterator[DynamoStore]:
    """Orders of three restaurants on two days, and their tallies."""
    client = aws_environment.dynamodb()
    make_streamed_table(client, "orders")
    declared = read_declaration((EXAMPLES / "orders.toml").read_text())
    with DynamoStore.from_url(aws_environment.store_url("app") + OLDER, declared) as store:
        store.init()
        for number in range(24):
            item = {
                "id": {"S": str(number)},
                "restaurant_id": {"S": ("noodles", "pizza", "gone")[number % 3]},
                "status": {"S": "paid"},
                "total": {"N": f"{number}.5"},
                "ordered_at": {"S": f"2082-11-2{2 + number % 2}T09:00:00Z"},
            }
            client.put_item(TableName="orders", Item=item)
        settle(store)
        for number in range(2, 24, 3):
            client.delete_item(TableName="orders", Key={"id": {"S": str(number)}})
        settle(store)
        yield store


def test_the_total_beside_a_list(orders: DynamoStore, cloud: Cloud, source: DataSource) -> None:
    total = Resolver(cloud, source, "total")
    for restaurant in ("noodles", "pizza", "gone", "never"):
        ours = orders.measures([restaurant], ["all"])[restaurant]["all"]["orders"]
        assert total({"restaurantId": restaurant, "items": []}) == ours
    assert total({"restaurantId": "noodles"}) == 8


def test_the_days_of_a_group(orders: DynamoStore, cloud: Cloud, source: DataSource) -> None:
    history = Resolver(cloud, source, "history")
    span = {"from": "2082-11-01", "to": "2082-11-30"}
    for restaurant in ("noodles", "gone", "never"):
        ours = [
            {"day": day, "orders": values["orders"], "revenue": float(values["revenue"])}
            for day, values in orders.measures_of(restaurant).items()
            if day != "all"
        ]
        assert history(restaurantId=restaurant, **span) == ours
    assert len(history(restaurantId="noodles", **span)) == 2


def test_a_leaderboard_page_by_page(orders: DynamoStore, cloud: Cloud, source: DataSource) -> None:
    leaderboard = Resolver(cloud, source, "leaderboard")
    for window in ("all", "2082-11-22"):
        ours = [
            {"restaurantId": line.group, "revenue": float(Decimal(line.amount))}
            for line in orders.leaderboard(window, 10)
        ]
        assert leaderboard(window=window)["items"] == ours
        first = leaderboard(window=window, limit=1)
        second = leaderboard(window=window, limit=1, nextToken=first["nextToken"])
        assert first["items"] + second["items"] == ours


@pytest.mark.slow
def test_the_resolvers_keep_to_the_rules_of_appsync(tmp_path: Path) -> None:
    assert len(RESOLVERS) == 3
    names = [each.name for each in RESOLVERS]
    with missing_engine_skips():
        node.run(node.APPSYNC_RULES, ESLINT, *names, files=RESOLVERS)
    broken = tmp_path / "broken.js"
    broken.write_text("export function request(ctx) { try { return {}; } catch (e) {} }\n")
    with pytest.raises(EngineError, match="no-try"):
        node.run(node.APPSYNC_RULES, ESLINT, broken.name, files=[broken])


def test_each_resolver_is_of_a_field_of_the_schema() -> None:
    schema = (EXAMPLES / "appsync" / "schema.graphql").read_text()
    for resolver in RESOLVERS:
        type_name, field = re.findall(r"^// (\w+)\.(\w+):", resolver.read_text())[0]
        body = re.findall(rf"type {type_name} {{(.*?)}}", schema, re.DOTALL)[0]
        assert re.search(rf"\b{field}\b[(:]", body)
