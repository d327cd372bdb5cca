"""A table of one's own is tallied by what is deployed, by the template and by the construct."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tallies.core.declaration.declaration import Declaration, read_declaration
from tallies.favorites.on_dynamodb import DynamoFavorites
from tallies.stores.dynamodb.store import DynamoStore
from tests.deploy.template import TEMPLATE
from tests.engines.dynamodb import REGION
from tests.engines.fixtures import in_ci
from tests.engines.ministack import Cloud
from tests.layouts import OLDER
from tests.scripts import script

from .members import Member
from .patience import until
from .routes import add_routes
from .stack import ROOT, deployed_cloud_assembly, deployed_over

EXAMPLES = ROOT / "docs" / "examples"


@pytest.mark.slow
def test_a_table_of_ones_own_is_tallied_by_the_same_template(
    cloud: Cloud, package: Path, ann: Member, tmp_path: Path
) -> None:
    """The example of the page, whose rows change in place, and its API."""
    shutil.copytree(package / "build", tmp_path / "build")
    shutil.copy2(EXAMPLES / "orders.toml", tmp_path / "build" / "function" / "tallies.toml")
    template = script(ROOT / "deploy" / "package.py").filtered(
        TEMPLATE.read_text(), EXAMPLES / "orders.toml"
    )
    (tmp_path / "build" / TEMPLATE.name).write_text(template)
    command = [sys.executable, str(EXAMPLES / "orders.py")]
    environment = {**os.environ, **cloud.env}

    def application(step: str) -> None:
        subprocess.run([*command, step, cloud.endpoint], env=environment, timeout=300, check=True)

    application("make")
    (stream,) = cloud.client("dynamodbstreams").list_streams(TableName="orders")["Streams"]
    with deployed_over(
        cloud,
        tmp_path,
        "sales",
        stream=stream["StreamArn"],
        issuer=ann.issuer,
        audience=ann.audience,
    ) as stack:
        url = f"dynamodb://{REGION}/sales?endpoint={cloud.endpoint}{OLDER}"
        with DynamoFavorites.from_url(url) as store:
            # The mapping begins to read when it is made; what was there before is for the rebuild,
            # which goes by positions, and here events name no shard.
            application("change")

            def kept() -> list[str]:
                return [each.name for each in store.settings.read().live]

            # Until the function has written what it counts, the store passes for one of favorites.
            until(lambda: kept() == ["orders"], cloud, "the function did not say what it counts")

            def counted() -> bool:
                board = store.leaderboard("all", 10)
                return [(line.group, float(line.amount)) for line in board] == [
                    ("taco-stand", 38.25),
                    ("noodle-bar", 28.8),
                ]

            until(counted, cloud, "revenue did not become that of the orders")
            assert kept() == ["orders"]
            assert store.of.zone == "Europe/Berlin"
            assert store.verify().drifted == []
        api = stack.resources["Gateway"]
        assert cloud.call_api(api, "GET", "/tallies")[0] == 401
        status, tallies = cloud.call_api(api, "GET", "/tallies", ann.token)
        assert (status, [each["name"] for each in tallies["items"]]) == (200, ["orders"])
        path = "/tallies/orders/leaderboards/all"
        status, board = cloud.call_api(api, "GET", path, ann.token)
        assert (status, [line["group"] for line in board["items"]]) == (
            200,
            [["taco-stand"], ["noodle-bar"]],
        )
        assert cloud.call_api(api, "GET", f"{path}/live", ann.token)[0] == 404
        assert cloud.call_api(api, "PUT", "/users/ann/favorites/x", ann.token)[0] == 404
    tables = cloud.client("dynamodb").list_tables()["TableNames"]
    assert [name for name in tables if name.startswith("sales")] == ["sales-tallies"]


@pytest.mark.slow
def test_what_the_construct_makes_counts(
    cloud: Cloud, package: Path, ann: Member, tmp_path: Path
) -> None:
    """A table and its tallies in one stack of the CDK, where the table has no name of its own."""
    if not in_ci():
        pytest.importorskip("aws_cdk", reason="the construct needs the extra cdk")
    from aws_cdk import CfnOutput, aws_dynamodb

    from tallies.cdk import Tallies
    from tests.deploy.construct.synthesised import (
        in_words_of_the_template,
        new_stack,
        orders_table,
        synthesised,
    )

    shop = new_stack(tmp_path, "Shop")
    table = orders_table(shop, stream=aws_dynamodb.StreamViewType.NEW_AND_OLD_IMAGES)
    counts = Tallies(
        shop,
        "Counts",
        table=table,
        declaration=EXAMPLES / "orders.toml",
        layout="transactions",
        jwt_issuer=ann.issuer,
        jwt_audience=[ann.audience],
        code=package / "build" / "function",
    )
    CfnOutput(shop, "Table", value=table.table_name)
    CfnOutput(shop, "Kept", value=counts.store)
    template = synthesised(shop)
    body = in_words_of_the_template(shop, counts, template)["Gateway"]["Properties"]["Body"]
    names = {
        name: str(shop.resolve(counts.included.get_resource(name).logical_id))
        for name in ("Api", "Gateway")
    }
    with deployed_cloud_assembly(cloud, tmp_path, "Shop") as stack:
        api, function = (stack.resources[names[name]] for name in ("Gateway", "Api"))
        described = cloud.client("lambda").get_function(FunctionName=function)
        add_routes(
            cloud.client("apigatewayv2"),
            api,
            body,
            function=described["Configuration"]["FunctionArn"],
            parameters={},
        )
        orders = cloud.client("dynamodb")

        def order(number: str, restaurant: str, total: str, status: str = "paid") -> None:
            texts = {
                "id": number,
                "restaurant_id": restaurant,
                "ordered_at": "2026-11-02T12:00:00Z",
                "status": status,
            }
            item = {name: {"S": text} for name, text in texts.items()}
            item["total"] = {"N": total}
            orders.put_item(TableName=stack.outputs["Table"], Item=item)

        def board() -> Any:
            path = "/tallies/orders/leaderboards/all"
            status, found = cloud.call_api(api, "GET", path, ann.token)
            assert status == 200, found
            return [(line["group"], line["revenue"]) for line in found["items"]]

        order("1", "noodle-bar", "10.5")
        order("2", "noodle-bar", "20")
        order("3", "taco-stand", "7", "open")
        order("1", "noodle-bar", "12.5")
        order("3", "taco-stand", "7")
        orders.delete_item(TableName=stack.outputs["Table"], Key={"id": {"S": "2"}})
        written = read_declaration((EXAMPLES / "orders.toml").read_text())
        declared = Declaration(written.tallies, stack.outputs["Table"])
        url = f"{stack.outputs['Kept']}&endpoint={cloud.endpoint}"
        with DynamoStore.from_url(url, declared) as store:

            def counted() -> bool:
                lines = store.leaderboard("all", 10)
                return [(line.group, float(line.amount)) for line in lines] == [
                    ("noodle-bar", 12.5),
                    ("taco-stand", 7),
                ]

            until(counted, cloud, "revenue did not become that of the orders")
            assert store.settings.read().base.source == stack.outputs["Table"] != written.table
            assert store.verify().drifted == []
        assert board() == [(["noodle-bar"], 12.5), (["taco-stand"], 7)]
        assert cloud.call_api(api, "GET", "/tallies")[0] == 401
