"""Alarms and dashboard watch metrics that exist, and each alarm says what to do."""

import json
import re
from pathlib import Path
from typing import Any

from tallies.runtimes import aws_lambda

from .template import properties, resources

RUNBOOK = Path(__file__).resolve().parents[2] / "docs" / "operations.md"


def _alarms() -> dict[str, Any]:
    return {
        name: each["Properties"]
        for name, each in resources().items()
        if each["Type"] == "AWS::CloudWatch::Alarm"
    }


def test_each_alarm_has_its_paragraph() -> None:
    headings = set(re.findall(r"^### (\w+)$", RUNBOOK.read_text(), re.MULTILINE))
    assert set(_alarms()) == headings
    for name, alarm in _alarms().items():
        assert alarm["AlarmDescription"].endswith(f"See docs/operations.md, {name}.")


def test_own_metrics_are_those_of_the_function() -> None:
    watched = {
        (alarm["MetricName"], *(each["Name"] for each in alarm["Dimensions"]))
        for alarm in _alarms().values()
        if alarm["Namespace"] == aws_lambda.NAMESPACE
    }
    body = json.loads(properties("Dashboard")["DashboardBody"]["Fn::Sub"][0])
    watched |= {
        (metric[1], metric[2])
        for widget in body["widgets"]
        for metric in widget["properties"]["metrics"]
        if metric[0] == aws_lambda.NAMESPACE
    }
    assert watched == {(name, "store") for name in aws_lambda._UNITS}
