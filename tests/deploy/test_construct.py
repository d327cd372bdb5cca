"""The construct makes what the template makes, and refuses in one sentence what cannot work."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tallies.core.declaration.declaration import read_declaration
from tallies.core.errors import TalliesError
from tallies.stores.dynamodb.stream.event_filter import event_patterns
from tests.engines.fixtures import in_ci

from .template import properties, whole

if not in_ci():
    pytest.importorskip("aws_cdk", reason="the construct needs the extra cdk")

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns

from tallies.cdk import Capacity, Tallies

from .synthesised import (
    expected,
    in_words_of_the_template,
    new_stack,
    orders_table,
    synthesised,
)

ROOT = Path(__file__).resolve().parents[2]
ORDERS = ROOT / "docs" / "examples" / "orders.toml"
STREAM = dynamodb.StreamViewType.NEW_AND_OLD_IMAGES
ON_DEMAND = {"BillingMode": "PAY_PER_REQUEST"}
NOT_PROVISIONED = {"Provisioned": False, "WritesScale": False, "ReadsScale": False}
ISSUER: dict[str, Any] = {"jwt_issuer": "https://id.example", "jwt_audience": ["app", "admin"]}


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Something to pack: what is in it is tested where it runs."""
    folder = tmp_path_factory.mktemp("code")
    (folder / "tallies").mkdir()
    return folder


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


def test_fixed_capacity_is_of_table_and_index_and_nothing_scales_it(
    code: Path, tmp_path: Path
) -> None:
    stack = new_stack(tmp_path)
    made = Tallies(stack, "Eat", capacity=Capacity(), code=code, **ISSUER)
    found = in_words_of_the_template(stack, made, synthesised(stack))
    table = found["Tallies"]["Properties"]
    (index,) = table["GlobalSecondaryIndexes"]
    units = [each["ProvisionedThroughput"] for each in (table, index)]
    assert table["BillingMode"] == "PROVISIONED"
    assert sum(each["WriteCapacityUnits"] for each in units) == 25
    assert sum(each["ReadCapacityUnits"] for each in units) == 25
    assert found["Favorites"]["Properties"]["BillingMode"] == "PAY_PER_REQUEST"
    assert not any(each["Type"].startswith("AWS::Application") for each in found.values())
    assert "RankingThrottled" in made.alarms


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


def test_reads_are_granted_as_to_the_api_and_functions_can_be_reached(
    code: Path, tmp_path: Path
) -> None:
    stack = new_stack(tmp_path)
    table = orders_table(stack, stream=STREAM)
    counts = Tallies(stack, "Counts", table=table, declaration=ORDERS, code=code)
    role = iam.Role(stack, "Reader", assumed_by=iam.AccountRootPrincipal())
    counts.grant_read(role).assert_success()
    cloudwatch.CompositeAlarm(
        stack,
        "Any",
        alarm_rule=cloudwatch.AlarmRule.any_of(*counts.alarms.values()),
    )
    counts.aggregator.grant_invoke(role)
    assert counts.api is None
    assert counts.url is None
    assert counts.favorites_table is None
    text = json.dumps(synthesised(stack))
    arn = json.dumps(stack.resolve(counts.tallies_table.table_arn))
    template = json.loads(text.replace(arn, '"ARN"'))
    (policy,) = [
        each["Properties"]["PolicyDocument"]["Statement"]
        for each in template["Resources"].values()
        if each["Type"] == "AWS::IAM::Policy"
    ]
    ends = {"/index/ranking": "${Tallies.Arn}/index/ranking", "-*": "${Tallies.Arn}-*"}
    granted = [(_listed(each["Action"]), _end(each["Resource"])) for each in policy[:-1]]
    of_api = [
        (_listed(each["Action"]), each["Resource"].get("Fn::Sub"))
        for each in properties("ApiRole")["Policies"][0]["PolicyDocument"]["Statement"]
        if each.get("Sid", "").startswith("Read")
    ]
    assert len(of_api) == 3
    assert [(actions, ends.get(end)) for actions, end in granted] == of_api
    assert policy[-1]["Action"] == "lambda:InvokeFunction"


def _listed(actions: Any) -> list[str]:
    return [actions] if isinstance(actions, str) else sorted(actions)


def _end(resource: Any) -> str:
    return "" if resource == "ARN" else str(resource["Fn::Join"][1][-1])


def test_one_stack_may_hold_several(code: Path, tmp_path: Path) -> None:
    stack = new_stack(tmp_path)
    for name in ("One", "Two"):
        Tallies(stack, name, code=code, **ISSUER)
    template = synthesised(stack)
    names = [
        json.dumps(each["Properties"][key])
        for each in template["Resources"].values()
        for key in ("TableName", "LogGroupName", "DashboardName")
        if key in each["Properties"]
    ]
    assert len(names) == len(set(names)) == 10
    assert "Description" not in template
    assert "Transform" not in template


def _from_elsewhere(stack: cdk.Stack) -> dynamodb.ITable:
    arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/orders"
    return dynamodb.Table.from_table_attributes(
        stack, "Orders", table_arn=arn, table_stream_arn=f"{arn}/stream/2026"
    )


def _second_version(stack: cdk.Stack, view: Any) -> dynamodb.ITable:
    key = dynamodb.Attribute(name="id", type=dynamodb.AttributeType.STRING)
    return dynamodb.TableV2(stack, "Orders", partition_key=key, dynamo_stream=view)


KEYS_ONLY = dynamodb.StreamViewType.KEYS_ONLY

BAD: list[tuple[Callable[[cdk.Stack], dict[str, Any]], str]] = [
    (
        lambda stack: {"table": orders_table(stack), "declaration": ORDERS},
        "The table orders has no stream",
    ),
    (
        lambda stack: {"table": orders_table(stack, stream=KEYS_ONLY), "declaration": ORDERS},
        "The stream of the table orders carries KEYS_ONLY",
    ),
    (
        lambda stack: {"table": _second_version(stack, None), "declaration": ORDERS},
        "The table orders has no stream",
    ),
    (
        lambda stack: {"table": _second_version(stack, KEYS_ONLY), "declaration": ORDERS},
        "The stream of the table orders carries KEYS_ONLY",
    ),
    (
        lambda stack: {"table": orders_table(stack, stream=STREAM)},
        "Give the declaration of what to tally of the table Shop/Orders.",
    ),
    (
        lambda stack: {
            "table": orders_table(stack, stream=STREAM, table_name="sales"),
            "declaration": ORDERS,
        },
        "The declaration is of the table orders, and `table` is sales.",
    ),
    (
        lambda stack: {"declaration": ORDERS},
        "The declaration is of the table orders; give it as `table`.",
    ),
    (lambda stack: {"declaration": "none.toml"}, "none.toml: "),
    (lambda stack: {}, "The API of favorites needs JwtIssuer and JwtAudience."),
    (
        lambda stack: {"jwt_issuer": "https://id.example"},
        "jwt_issuer and jwt_audience go together; give both, or neither.",
    ),
    (lambda stack: {**ISSUER, "jwt_issuer": "id.example"}, "jwt_issuer cannot be 'id.example': "),
    (lambda stack: {**ISSUER, "cors_origins": ["*"]}, "'*' is no origin"),
    (
        lambda stack: {
            "table": orders_table(stack, stream=STREAM),
            "declaration": ORDERS,
            "cors_origins": ["https://a.example"],
        },
        "cors_origins are of an API, which takes a jwt_issuer.",
    ),
    (lambda stack: {**ISSUER, "batch_size": 0}, "batch_size cannot be 0: "),
    (lambda stack: {**ISSUER, "log_retention": 8}, "log_retention cannot be 8: Days."),
    (
        lambda stack: {**ISSUER, "capacity": Capacity(write_units=0)},
        "write_units cannot be 0: Provisioned write units",
    ),
    (
        lambda stack: {**ISSUER, "capacity": Capacity(target_utilization=95)},
        "target_utilization cannot be 95: Percent",
    ),
    (
        lambda stack: {**ISSUER, "capacity": Capacity(max_write_units=12)},
        "max_write_units cannot be 12, less than 20, with which auto scaling begins.",
    ),
    (
        lambda stack: {**ISSUER, "capacity": Capacity(ranking_read_units=90, max_read_units=80)},
        "max_read_units cannot be 80, less than 90, with which auto scaling begins.",
    ),
    (lambda stack: {**ISSUER, "prefix": "a/b"}, "prefix cannot be 'a/b': "),
    (
        lambda stack: {**ISSUER, "prefix": stack.stack_id},
        "The prefix has to be known when the stack is synthesised.",
    ),
    (lambda stack: {**ISSUER, "code": "/nowhere"}, "/nowhere holds no package of tallies"),
]


@pytest.mark.parametrize(("given", "says"), BAD, ids=[says for _, says in BAD])
def test_what_cannot_work_is_one_sentence_when_the_stack_is_synthesised(
    given: Callable[[cdk.Stack], dict[str, Any]], says: str, code: Path, tmp_path: Path
) -> None:
    stack = new_stack(tmp_path)
    with pytest.raises(TalliesError) as caught:
        Tallies(stack, "Counts", **{"code": code, **given(stack)})
    said = str(caught.value)
    assert said.startswith(says)
    assert len(said.splitlines()) == 1


def test_an_origin_may_be_of_what_the_stack_makes(code: Path, tmp_path: Path) -> None:
    stack = new_stack(tmp_path)
    page = cdk.Fn.import_value("page")
    made = Tallies(stack, "Eat", cors_origins=[f"https://{page}", "http://a"], code=code, **ISSUER)
    found = in_words_of_the_template(stack, made, synthesised(stack))
    cors = found["Gateway"]["Properties"]["Body"]["x-amazon-apigateway-cors"]
    joined = {"Fn::Join": ["", ["https://", {"Fn::ImportValue": "page"}]]}
    assert cors["allowOrigins"] == [joined, "http://a"]


def test_a_table_of_another_region_is_refused(code: Path, tmp_path: Path) -> None:
    app = cdk.App(outdir=str(tmp_path), analytics_reporting=False)
    here = cdk.Environment(account="123456789012", region="us-east-1")
    stack = cdk.Stack(app, "Shop", env=here)
    with pytest.raises(TalliesError, match=r"^The table orders is in the region eu-west-1 and"):
        Tallies(stack, "Counts", table=_from_elsewhere(stack), declaration=ORDERS, code=code)


def test_without_node_one_sentence_says_so(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "JSII_NODE"}
    done = subprocess.run(
        [sys.executable, "-c", "from tallies.cdk import Tallies"],
        env={**environment, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ImportError: The construct needs Node")


def test_the_example_of_the_page_is_synthesised(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    (example,) = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", example],
        cwd=ROOT,
        env={
            **os.environ,
            "CDK_OUTDIR": str(tmp_path),
            # The functions are not gathered, as when another stack of an application is deployed.
            "CDK_CONTEXT_JSON": json.dumps({"aws:cdk:bundling-stacks": []}),
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    made = json.loads((tmp_path / "Shop.template.json").read_text())["Resources"].values()
    assert [each["Type"] for each in made].count("AWS::DynamoDB::GlobalTable") == 1
    assert [each["Type"] for each in made].count("AWS::IAM::Policy") == 1
