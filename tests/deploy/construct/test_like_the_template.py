"""The construct makes what the template makes."""

from pathlib import Path
from typing import Any

import pytest

from tallies.core.declaration.declaration import read_declaration
from tallies.stores.dynamodb.stream.event_filter import event_patterns
from tests.deploy.template import properties, whole
from tests.engines.fixtures import in_ci

if not in_ci():
    pytest.importorskip("aws_cdk", reason="the construct needs the extra cdk")

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns

from tallies.cdk import Capacity, Tallies

from .synthesised import (
    ISSUER,
    ORDERS,
    STREAM,
    expected,
    in_words_of_the_template,
    new_stack,
    orders_table,
    synthesised,
)

ON_DEMAND = {"BillingMode": "PAY_PER_REQUEST"}
NOT_PROVISIONED = {"Provisioned": False, "WritesScale": False, "ReadsScale": False}
Made = tuple[dict[str, Any], dict[str, Any]]
"""What a construct made, and what the template says."""


@pytest.fixture(scope="module")
def of_favorites(code: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    stack = new_stack(tmp_path_factory.mktemp("favorites"))
    made = Tallies(
        stack,
        "Favorites",
        prefix="eat",
        cors_origins=["https://a.example", "http://127.0.0.1:3000"],
        batch_size=500,
        batching_window=cdk.Duration.seconds(0),
        tumbling_window=cdk.Duration.minutes(2),
        aggregator_tracing=lambda_.Tracing.ACTIVE,
        log_retention=7,
        code=code,
        **ISSUER,
    )
    conditions = {
        "Always": True,
        "InRows": True,
        "OfFavorites": True,
        "WithApi": True,
        "Notified": False,
    }
    values = {
        **ON_DEMAND,
        "Prefix": "eat",
        "RankedMeasure": "favorites",
        "LogRetention": 7,
        "Declaration": "",
        "BatchSize": 500,
        "BatchingWindow": 0,
        "TumblingWindow": 120,
        "AggregatorTracing": "Active",
        "JwtIssuer": ISSUER["jwt_issuer"],
        "JwtAudience": ISSUER["jwt_audience"],
        "CorsOrigins": "https://a.example,http://127.0.0.1:3000",
    }
    everywhere = {**conditions, **NOT_PROVISIONED, "InPlace": False, "OfOrigins": True}
    found = in_words_of_the_template(stack, made, synthesised(stack))
    return found, expected(everywhere, values)


@pytest.fixture(scope="module")
def of_orders(code: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return _of_orders(code, tmp_path_factory.mktemp("orders"), ON_DEMAND, NOT_PROVISIONED)


@pytest.fixture(scope="module")
def of_provisioned(code: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    capacity = Capacity(
        write_units=14,
        ranking_write_units=11,
        max_write_units=400,
        max_read_units=80,
        target_utilization=60,
    )
    values = {
        "BillingMode": "PROVISIONED",
        "WriteUnits": 14,
        "RankingWriteUnits": 11,
        "ReadUnits": 24,
        "RankingReadUnits": 1,
        "MaxWriteUnits": 400,
        "MaxReadUnits": 80,
        "TargetUtilization": 60,
    }
    conditions = {"Provisioned": True, "WritesScale": True, "ReadsScale": True}
    return _of_orders(
        code, tmp_path_factory.mktemp("provisioned"), values, conditions, capacity=capacity
    )


def _of_orders(
    code: Path, folder: Path, billing: dict[str, Any], billed: dict[str, bool], **options: Any
) -> Made:
    stack = new_stack(folder)
    topic = sns.Topic(stack, "Topic")
    table = orders_table(stack, stream=STREAM)
    made = Tallies(
        stack,
        "Counts",
        table=table,
        declaration=ORDERS,
        prefix="s",
        alarm_topic=topic,
        code=code,
        **options,
    )
    conditions = {
        "Always": True,
        "InRows": True,
        "OfFavorites": False,
        "WithApi": False,
        "Notified": True,
    }
    values = {
        **billing,
        "Prefix": "s",
        "RankedMeasure": "revenue",
        "LogRetention": 30,
        "Declaration": "tallies.toml",
        "BatchSize": 2000,
        "BatchingWindow": 1,
        "TumblingWindow": 900,
        "AggregatorTracing": "PassThrough",
        "SourceStream": stack.resolve(table.table_stream_arn),
        "AlarmTopic": stack.resolve(topic.topic_arn),
    }
    found = in_words_of_the_template(stack, made, synthesised(stack))
    conditions |= billed | {"InPlace": True, "OfOrigins": False}
    return found, expected(conditions, values)


@pytest.fixture(params=["of_favorites", "of_orders", "of_provisioned"])
def made(request: pytest.FixtureRequest) -> Made:
    found: Made = request.getfixturevalue(request.param)
    return found


@pytest.mark.slow(only="of_favorites")
def test_tables_roles_alarms_and_the_dashboard_are_those_of_the_template(made: Made) -> None:
    found, template = made
    plain = {
        name: each
        for name, each in template.items()
        if not each["Type"].startswith("AWS::Serverless::")
    }
    kinds = {each["Type"].split("::")[1] for each in plain.values()}
    scaling = {"ApplicationAutoScaling"} if "TableWrites" in template else set()
    assert kinds == {"DynamoDB", "S3", "IAM", "Logs", "CloudWatch"} | scaling
    assert {name: found.get(name) for name in plain} == plain


def test_functions_are_those_of_the_template(made: Made) -> None:
    found, template = made
    usual = whole()["Globals"]["Function"]
    functions = [name for name, each in found.items() if each["Type"] == "AWS::Lambda::Function"]
    assert functions == [name for name in ("Aggregator", "Api") if name in template]
    for name in functions:
        says = {"Tracing": usual["Tracing"], **template[name]["Properties"]}
        has = dict(found[name]["Properties"])
        assert has.pop("Code")["S3Key"].endswith(".zip")
        url = f"dynamodb://${{AWS::Region}}/{_prefix(found)}?ranking=buckets&guard=rows"
        store = {"TALLIES_STORE": {"Fn::Sub": url}}
        more = says.pop("Environment", {"Variables": {}})["Variables"]
        assert has.pop("Environment")["Variables"] == {**store, **more}
        assert has.pop("TracingConfig") == {"Mode": says.pop("Tracing")}
        says.pop("Events")
        assert has == {"Runtime": usual["Runtime"], "Architectures": usual["Architectures"], **says}


def _prefix(found: dict[str, Any]) -> str:
    name: str = found["Tallies"]["Properties"]["TableName"]["Fn::Sub"]
    return name.removesuffix("-tallies")


def test_the_function_is_called_as_the_template_says(made: Made) -> None:
    found, template = made
    has = dict(found["AggregatorChanges"]["Properties"])
    says = dict(template["Aggregator"]["Properties"]["Events"]["Changes"]["Properties"])
    says["EventSourceArn"] = says.pop("Stream")
    says["FunctionName"] = {"Ref": "Aggregator"}
    del says["DestinationConfig"]["OnFailure"]["Type"]
    filters, of_template = has.pop("FilterCriteria"), says.pop("FilterCriteria")
    assert has == says
    if "Favorites" in found:
        assert filters == of_template
    else:
        patterns = event_patterns(read_declaration(ORDERS.read_text()).tallies)
        assert [each["Pattern"] for each in filters["Filters"]] == patterns


def test_the_api_has_the_routes_and_the_sign_in_of_the_template(of_favorites: Made) -> None:
    found, template = of_favorites
    body = found["Gateway"]["Properties"]["Body"]
    has = {
        (path, "ANY" if method.startswith("x-") else method.upper()): bool(each.get("security"))
        for path, methods in body["paths"].items()
        for method, each in methods.items()
    }
    events = template["Api"]["Properties"]["Events"].values()
    says = {
        (each["Path"], each["Method"]): "Auth" in each
        for each in (event["Properties"] for event in events)
    }
    assert has == says
    (jwt,) = body["components"]["securitySchemes"].values()
    declared = template["Gateway"]["Properties"]["Auth"]["Authorizers"]["Jwt"]
    authorizer = jwt["x-amazon-apigateway-authorizer"]
    assert authorizer["jwtConfiguration"] == declared["JwtConfiguration"]
    assert authorizer["identitySource"] == declared["IdentitySource"]
    cors = dict(body["x-amazon-apigateway-cors"])
    assert cors["allowOrigins"] == ["https://a.example", "http://127.0.0.1:3000"]
    of_template = properties("Gateway")["CorsConfiguration"]["Fn::If"][1]
    assert {name for name in cors if name != "allowOrigins"} == {
        name[0].lower() + name[1:] for name in of_template if name != "AllowOrigins"
    }
    assert cors["allowMethods"] == of_template["AllowMethods"]


def test_nothing_else_is_made(made: Made) -> None:
    found, template = made
    beside = {
        "AWS::Lambda::EventSourceMapping",
        "AWS::Lambda::Permission",
        "AWS::ApiGatewayV2::Stage",
    }
    assert {name for name, each in found.items() if each["Type"] not in beside} == set(template)
