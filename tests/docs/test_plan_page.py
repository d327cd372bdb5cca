"""The figures of the page about costs are those of the command."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tallies.cli.commands.plan import plan
from tests.cli.command import tallies

PAGE = Path(__file__).resolve().parents[2] / "docs" / "plan.md"
DEFAULTS = {"writes": "7000", "board-reads": "1000", "ranking": "buckets", "guard": "rows"}


def _row(begins: str) -> list[str]:
    (line,) = [line for line in PAGE.read_text().splitlines() if line.startswith(f"| {begins} |")]
    return [cell.strip().strip("*") for cell in line.strip("|").split("|")][1:]


def _planned(*flags: str, **options: str) -> Any:
    """What the command says; options are as it takes them, with `_` for `-`."""
    given = DEFAULTS | {name.replace("_", "-"): value for name, value in options.items()}
    return _made(*flags, *(text for name in given for text in (f"--{name}", given[name])))


@cache
def _made(*arguments: str) -> Any:
    # In this process: most of what a plan is computed from serves the next one, too.
    done = CliRunner().invoke(plan, ["--json", *arguments])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_what_the_other_tests_ask_for_is_what_the_command_says_without_options() -> None:
    assert json.loads(tallies("plan", "--json").out) == _planned()


def test_the_figures_are_those_of_the_command() -> None:
    found = _planned()
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
    (said,) = re.findall(r"\(([\d.]+) in place of ([\d.]+)\)", PAGE.read_text())
    for doubled, flags in zip(said, (("--doubled-index",), ()), strict=True):
        older = _planned(*flags, guard="transactions", ranking="measure")
        assert float(doubled) == pytest.approx(older["designs"][0]["total"], abs=0.005)


@pytest.mark.slow(but="default")
@pytest.mark.parametrize(
    ("begins", "options"),
    [
        ("the default", {}),
        ("`--ranking measure`", {"ranking": "measure"}),
        ("`--guard transactions`", {"guard": "transactions"}),
        (
            "`--guard transactions --ranking measure`",
            {"guard": "transactions", "ranking": "measure"},
        ),
    ],
)
def test_the_layouts_are_those_of_the_command(begins: str, options: dict[str, str]) -> None:
    for column, writes in enumerate(("7000", "100000", "1000000")):
        found = _planned(writes=writes, **options)
        assert _row(begins)[column] == f"{found['designs'][0]['total']:.2f}"


def test_the_default_is_under_one_dollar() -> None:
    stream, *_ = _planned()["designs"]
    assert stream["total"] < 1
    assert stream["staleness_seconds"] < 2


def test_the_billings_are_those_of_the_command() -> None:
    found = _planned()["billing"]
    for way in found["ways"]:
        cells = _row(way["name"])
        assert cells[0] == f"{way['total']:.2f}"
        if writes := way["writes"]:
            most = f" to {writes['most']}" if writes["most"] else ""
            assert cells[1] == f"{writes['table']} + {writes['index']}{most}"
            assert cells[2] == f"{writes['holds']:.1f} × the busiest hour"
    parameters = " ".join(f"{name}={value}" for name, value in found["parameters"].items())
    assert f"\n{parameters}\n" in (PAGE.parent / "operations.md").read_text()
    first, then = found["cheapest"]
    assert (first["name"], then["name"]) == ("provisioned, fixed", "provisioned, auto scaling")
    bound = f"{round(then['writes_a_day'], -2):,.0f}"
    assert _row(first["name"])[3] == f"up to {bound} writes a day"
    first, then = _planned("--no-free-tier")["billing"]["cheapest"]
    assert (first["name"], then["name"]) == ("on demand", "provisioned, auto scaling")
    bound = f"{round(then['writes_a_day'], -2):,.0f}"
    assert _row(first["name"])[3] == f"below {bound} writes a day, where nothing is free"
    on_demand, _, followed = _planned(writes="100000")["billing"]["ways"]
    larger, _, followed_larger = _planned(writes="1000000")["billing"]["ways"]
    text = " ".join(PAGE.read_text().split())
    assert (
        f"At 100,000 writes a day that is {on_demand['total']:.2f} on demand and"
        f" {followed['total']:.2f} with auto scaling, at a million {larger['total']:.2f} and"
        f" {followed_larger['total']:.2f}."
    ) in text


@pytest.mark.slow(but="arguments0")
@pytest.mark.parametrize(
    ("begins", "arguments"),
    [
        ("7,000, 1,000", {}),
        ("7,000, 100", {"board_reads": "100"}),
        ("7,000, 10,000", {"board_reads": "10000"}),
        ("100,000, 1,000", {"writes": "100000"}),
        ("1,000,000, 1,000", {"writes": "1000000"}),
    ],
)
def test_the_figures_by_buckets_are_those_of_the_command(
    begins: str, arguments: dict[str, str]
) -> None:
    for cell, ranking in zip(_row(begins), ("measure", "buckets"), strict=True):
        found = _planned(ranking=ranking, **arguments)
        assert cell == f"{found['designs'][0]['total']:.2f}"
