"""Stacks with the construct, synthesised, and in the template's own words."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb

from tallies.cdk import Tallies
from tests.deploy.template import TEMPLATE, resources

ROOT = TEMPLATE.parents[1]
ORDERS = ROOT / "docs" / "examples" / "orders.toml"
STREAM = dynamodb.StreamViewType.NEW_AND_OLD_IMAGES
ISSUER: dict[str, Any] = {"jwt_issuer": "https://id.example", "jwt_audience": ["app", "admin"]}


def new_stack(folder: Path, name: str = "Shop") -> cdk.Stack:
    """An empty stack, whose assets go into a bucket that needs no bootstrapping."""
    app = cdk.App(outdir=str(folder), analytics_reporting=False)
    synthesizer = cdk.DefaultStackSynthesizer(
        file_assets_bucket_name="assets", generate_bootstrap_version_rule=False
    )
    return cdk.Stack(app, name, synthesizer=synthesizer)


def orders_table(stack: cdk.Stack, **options: Any) -> dynamodb.Table:
    """The table of the example, in the stack."""
    key = dynamodb.Attribute(name="id", type=dynamodb.AttributeType.STRING)
    return dynamodb.Table(stack, "Orders", partition_key=key, **options)


def synthesised(stack: cdk.Stack) -> dict[str, Any]:
    """The stack's template, as it would be deployed."""
    app = stack.node.root
    assert isinstance(app, cdk.App)
    found: dict[str, Any] = app.synth().get_stack_by_name(stack.stack_name).template
    return found


def in_words_of_the_template(stack: cdk.Stack, made: Tallies, template: Any) -> dict[str, Any]:
    """What the construct made, by the names that the template has."""
    text = json.dumps(template["Resources"])
    names = {
        str(stack.resolve(element.logical_id)): element.node.id
        for element in made.included.node.find_all()
        if isinstance(element, cdk.CfnResource)
    }
    for logical, name in names.items():
        text = text.replace(logical, name)
    found: dict[str, Any] = json.loads(text)
    return {name: found[name] for name in names.values()}


def expected(conditions: Mapping[str, bool], values: Mapping[str, Any]) -> dict[str, Any]:
    """The resources of the template where these conditions hold, for values of its parameters."""
    prefix = values["Prefix"]

    def said(content: Any) -> Any:
        if isinstance(content, list):
            items = [said(each) for each in content]
            return [each for each in items if each is not None]
        if isinstance(content, str):
            return content.replace("${Prefix}", prefix).replace("${AWS::StackName}", prefix)
        if not isinstance(content, dict):
            return content
        match content:
            case {"Ref": "AWS::NoValue"}:
                return None
            case {"Ref": str(name)} if name in values:
                return values[name]
            case {"Fn::If": [condition, one, other]}:
                return said(one if conditions[condition] else other)
            case {"Fn::GetAtt": str(path)}:
                return {"Fn::GetAtt": path.split(".", 1)}
        made = {name: said(each) for name, each in content.items() if name != "Condition"}
        return {name: each for name, each in made.items() if each is not None}

    return {
        name: said(resource)
        for name, resource in resources().items()
        if conditions[resource.get("Condition", "Always")]
    }
