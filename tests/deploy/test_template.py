"""The template agrees with the code that it deploys."""

import json
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from tallies.favorites.http import NoAuth, create_app
from tallies.favorites.item import source_table
from tallies.favorites.on_sqlite import SqliteFavorites
from tallies.favorites.tally import FAVORITES
from tallies.http.service.cors import allow_origins
from tallies.stores.dynamodb.rows.ranking import RANKING_INDEX
from tallies.stores.dynamodb.rows.tables import EXPIRY, tallies_table
from tallies.stores.layout import Layout
from tests.engines.dynamodb import REGION
from tests.engines.fetched import environments
from tests.engines.fixtures import missing_engine_skips

from .template import TEMPLATE, change_source, lint, properties, resources, whole


def test_cfn_lint_finds_nothing() -> None:
    assert lint(TEMPLATE) == (0, "")


@pytest.mark.slow
def test_sam_finds_it_valid(tmp_path: Path) -> None:
    """Offline: the transform and its rules are a part of SAM's command line."""
    with missing_engine_skips():
        python = environments.ensure(environments.SAM)
    done = subprocess.run(
        [python, "-m", "samcli", "validate", "--lint", "--template", TEMPLATE],
        cwd=tmp_path,
        env={
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(tmp_path),  # its settings and its telemetry's id are kept there
            "SAM_CLI_TELEMETRY": "0",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "is a valid SAM Template" in done.stdout


IN_ROWS = Layout(ranking="buckets", guard="rows")


def _billed(content: Any, *, provisioned: bool, in_rows: bool = False) -> Any:
    """A table's properties in one mode of billing and one layout."""
    choice = {"provisioned": provisioned, "in_rows": in_rows}
    if isinstance(content, list):
        return [_billed(each, **choice) for each in content]
    if not isinstance(content, dict):
        return content
    if "Fn::If" in content:
        condition, then, otherwise = content["Fn::If"]
        if condition == "InRows":
            return then if in_rows else otherwise
        assert (condition, otherwise) == ("Provisioned", {"Ref": "AWS::NoValue"})
        return then if provisioned else None
    made = {name: _billed(each, **choice) for name, each in content.items()}
    if made.get("BillingMode") == {"Ref": "BillingMode"}:
        made["BillingMode"] = "PROVISIONED" if provisioned else "PAY_PER_REQUEST"
    return {name: each for name, each in made.items() if each is not None}


def _comparable(shape: Mapping[str, Any]) -> dict[str, Any]:
    """Without what CloudFormation says otherwise (a stream is on by being named), in any order."""
    # The measure is a parameter, whose default is that of the favorites.
    text = json.dumps(shape).replace('{"Ref": "RankedMeasure"}', '"favorites"')
    found = {name: value for name, value in json.loads(text).items() if name != "TableName"}
    found["AttributeDefinitions"] = sorted(
        found["AttributeDefinitions"], key=lambda each: str(each["AttributeName"])
    )
    if "StreamSpecification" in found:
        found["StreamSpecification"] = found["StreamSpecification"]["StreamViewType"]
    return found


@pytest.mark.parametrize(
    ("resource", "shape", "in_rows"),
    [
        ("Favorites", source_table("${Prefix}-favorites"), False),
        ("Tallies", tallies_table("${Prefix}-tallies", FAVORITES), False),
        ("Tallies", tallies_table("${Prefix}-tallies", FAVORITES, IN_ROWS), True),
    ],
)
def test_tables_have_the_shapes_that_init_gives_and_are_kept(
    resource: str, shape: Mapping[str, Any], in_rows: bool
) -> None:
    table = _billed(properties(resource), provisioned=False, in_rows=in_rows)
    assert table.pop("TimeToLiveSpecification") == {"AttributeName": EXPIRY, "Enabled": True}
    assert table.pop("PointInTimeRecoverySpecification") == {"PointInTimeRecoveryEnabled": True}
    assert table.pop("SSESpecification") == {"SSEEnabled": True}
    assert table["TableName"] == {"Fn::Sub": shape["TableName"]}
    assert _comparable(table) == _comparable(shape)
    kept = resources()[resource]
    assert (kept["DeletionPolicy"], kept["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_provisioned_capacity_is_all_that_differs_and_of_the_tallies_only() -> None:
    on_demand = _billed(properties("Tallies"), provisioned=False)
    provisioned = _billed(properties("Tallies"), provisioned=True)
    assert provisioned.pop("ProvisionedThroughput") == {
        "ReadCapacityUnits": {"Ref": "ReadUnits"},
        "WriteCapacityUnits": {"Ref": "WriteUnits"},
    }
    (index,) = provisioned["GlobalSecondaryIndexes"]
    assert index.pop("ProvisionedThroughput") == {
        "ReadCapacityUnits": {"Ref": "RankingReadUnits"},
        "WriteCapacityUnits": {"Ref": "RankingWriteUnits"},
    }
    modes = [each.pop("BillingMode") for each in (on_demand, provisioned)]
    assert modes == ["PAY_PER_REQUEST", "PROVISIONED"]
    assert provisioned == on_demand
    favorites = properties("Favorites")
    assert _billed(favorites, provisioned=True) == favorites
    parameters = whole()["Parameters"]
    assert parameters["BillingMode"]["Default"] == "PAY_PER_REQUEST"
    for kind in ("Write", "Read"):
        of_both = [parameters[f"{whose}{kind}Units"]["Default"] for whose in ("", "Ranking")]
        assert sum(of_both) == 25


@pytest.mark.parametrize("kind", ["Write", "Read"])
@pytest.mark.parametrize(
    ("name", "of", "resource", "units"),
    [
        ("Table", "table", "table/${Tallies}", "{}Units"),
        ("Ranking", "index", f"table/${{Tallies}}/index/{RANKING_INDEX}", "Ranking{}Units"),
    ],
)
def test_capacity_that_scales_does_so_by_the_role_of_the_service(
    name: str, of: str, resource: str, units: str, kind: str
) -> None:
    target = resources()[f"{name}{kind}s"]
    # Without a role of ours, the service takes the one that it has for this.
    assert target == {
        "Type": "AWS::ApplicationAutoScaling::ScalableTarget",
        "Condition": f"{kind}sScale",
        "Properties": {
            "ServiceNamespace": "dynamodb",
            "ResourceId": {"Fn::Sub": resource},
            "ScalableDimension": f"dynamodb:{of}:{kind}CapacityUnits",
            "MinCapacity": {"Ref": units.format(kind)},
            "MaxCapacity": {"Ref": f"Max{kind}Units"},
        },
    }
    policy = resources()[f"{name}{kind}sPolicy"]
    assert policy["Condition"] == target["Condition"]
    assert policy["Properties"]["ScalingTargetId"] == {"Ref": f"{name}{kind}s"}
    metric = f"DynamoDB{kind}CapacityUtilization"
    assert policy["Properties"]["TargetTrackingScalingPolicyConfiguration"] == {
        "PredefinedMetricSpecification": {"PredefinedMetricType": metric},
        "TargetValue": {"Ref": "TargetUtilization"},
    }


def test_the_filter_lets_through_what_the_declaration_needs() -> None:
    (only,) = change_source()["FilterCriteria"]["Filters"]
    condition, in_place, appended = only["Pattern"]["Fn::If"]
    assert condition == "InPlace"
    assert json.loads(in_place) == {"eventName": ["INSERT", "MODIFY", "REMOVE"]}
    assert json.loads(appended) == {"eventName": ["INSERT", "REMOVE"]}
    assert FAVORITES.in_place is (whole()["Parameters"]["RowsChange"]["Default"] == "true")


def test_the_mapping_tells_the_shard_and_loses_nothing() -> None:
    source = change_source()
    # Without a tumbling window the event names no shard; with one the factor has to be 1.
    assert "TumblingWindowInSeconds" in source
    assert source["ParallelizationFactor"] == 1
    assert source["StartingPosition"] == "TRIM_HORIZON"
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert (source["MaximumRetryAttempts"], source["MaximumRecordAgeInSeconds"]) == (-1, -1)


def test_the_gateway_allows_other_origins_what_the_service_allows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given: dict[str, Any] = {}
    app = FastAPI()
    monkeypatch.setattr(app, "add_middleware", lambda _, **options: given.update(options))
    allow_origins(app, ["https://app.example.org"])
    condition, cors, otherwise = properties("Gateway")["CorsConfiguration"]["Fn::If"]
    assert (condition, otherwise) == ("OfOrigins", {"Ref": "AWS::NoValue"})
    assert cors == {
        "AllowOrigins": {"Fn::Split": [",", {"Ref": "CorsOrigins"}]},
        "AllowMethods": list(given["allow_methods"]),
        "AllowHeaders": list(given["allow_headers"]),
        "ExposeHeaders": list(given["expose_headers"]),
        "MaxAge": given["max_age"],
    }


def test_only_origins_are_taken_for_origins() -> None:
    pattern = whole()["Parameters"]["CorsOrigins"]["AllowedPattern"]
    origin = "https://app.example.org"
    for good in ("", origin, "http://127.0.0.1:3000", f"{origin},{origin}:8443,http://a"):
        assert re.fullmatch(pattern, good)
    for bad in ("*", f"{origin}/", "app.example.org", "https://*.org", f"{origin}, {origin}", ","):
        assert not re.fullmatch(pattern, bad)


def test_the_gateway_has_a_way_to_each_question(tmp_path: Path) -> None:
    """But to what serves people at a browser: the page, the description, health and metrics."""
    events = properties("Api")["Events"].values()
    ways = {
        re.compile(re.sub(r"\{proxy\+\}", ".+", re.sub(r"\{(?!proxy)\w+\}", "[^/]+", path)))
        for path in (event["Properties"]["Path"] for event in events)
    }
    beside = re.compile(
        r"/|/static/.*|/openapi.json|/docs.*|/health|/metrics|/names|/restaurants|/cuisines"
    )
    with SqliteFavorites(tmp_path / "s.db") as store:
        store.init()
        app = create_app(store, auth=NoAuth(), follows=False)
        paths = set(app.openapi()["paths"])
    assert len(paths) > 15
    asked = {path for path in paths if not beside.fullmatch(path)}
    assert {path for path in asked if not any(way.fullmatch(path) for way in ways)} == set()
    unused = {way.pattern for way in ways if not any(way.fullmatch(path) for path in asked)}
    assert unused == set()
