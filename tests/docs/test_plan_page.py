"""The figures of the page about costs are those of the command."""

import json
import re
from pathlib import Path

import pytest

from tests.cli.command import tallies

PAGE = Path(__file__).resolve().parents[2] / "docs" / "plan.md"


def _row(begins: str) -> list[str]:
    (line,) = [line for line in PAGE.read_text().splitlines() if line.startswith(f"| {begins} |")]
    return [cell.strip().strip("*") for cell in line.strip("|").split("|")][1:]


def test_the_figures_are_those_of_the_command() -> None:
    found = json.loads(tallies("plan", "--json").out)
    costs = [f"{design['total']:.2f}" for design in found["designs"]]
    assert _row("USD a month") == costs
    savings = {each["change"]: f"{each['usd_a_month']:.2f}" for each in found["savings"]}
    for begins, change in {
        "as it is": "as planned",
        "`BatchingWindow=60`": "BatchingWindow=60",
        "`BatchingWindow=300`": "BatchingWindow=300",
        "leaderboard of all time only": "rank all only",
        "no backups of the tallies": "no backups (a rebuild makes tallies anew)",
        "all of these": "all of these",
    }.items():
        assert _row(begins)[0] == savings[change], change
    doubled = json.loads(tallies("plan", "--doubled-index", "--json").out)["designs"][0]["total"]
    (said,) = re.findall(r"\(([\d.]+) in place of", PAGE.read_text())
    assert float(said) == pytest.approx(doubled, abs=0.005)
