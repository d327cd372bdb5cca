"""What an application makes with the construct, and what it does with what was made."""

import json
import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.template import properties
from tests.engines.fixtures import in_ci

if not in_ci():
    pytest.importorskip("aws_cdk", reason="the construct needs the extra cdk")

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam

from tallies.cdk import Capacity, Tallies

from .synthesised import (
    ISSUER,
    ORDERS,
    ROOT,
    STREAM,
    in_words_of_the_template,
    new_stack,
    orders_table,
    synthesised,
)

pytestmark = pytest.mark.slow


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


def test_an_origin_may_be_of_what_the_stack_makes(code: Path, tmp_path: Path) -> None:
    stack = new_stack(tmp_path)
    page = cdk.Fn.import_value("page")
    made = Tallies(stack, "Eat", cors_origins=[f"https://{page}", "http://a"], code=code, **ISSUER)
    found = in_words_of_the_template(stack, made, synthesised(stack))
    cors = found["Gateway"]["Properties"]["Body"]["x-amazon-apigateway-cors"]
    joined = {"Fn::Join": ["", ["https://", {"Fn::ImportValue": "page"}]]}
    assert cors["allowOrigins"] == [joined, "http://a"]


def test_the_example_of_the_page_is_synthesised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    (example,) = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    # What `cdk` says by its environment, said here: a Node of its own would take seconds.
    # The functions are not gathered, as when another stack of an application is deployed.
    context: dict[str, list[str]] = {"aws:cdk:bundling-stacks": []}
    monkeypatch.setattr(cdk, "App", partial(cdk.App, outdir=str(tmp_path), context=context))
    monkeypatch.chdir(ROOT)
    exec(compile(example, "operations.md", "exec"), {})
    made = json.loads((tmp_path / "Shop.template.json").read_text())["Resources"].values()
    assert [each["Type"] for each in made].count("AWS::DynamoDB::GlobalTable") == 1
    assert [each["Type"] for each in made].count("AWS::IAM::Policy") == 1
