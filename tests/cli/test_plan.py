"""`tallies plan`: its table, its JSON, its picture, and what it refuses."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import tallies, told


def plan(*arguments: object) -> Any:
    ran = told("plan", "--json", *map(str, arguments))
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


def test_the_table_has_every_line_and_design() -> None:
    ran = told("plan")
    assert (ran.code, ran.err) == (0, "")
    words = " ".join(ran.out.split())
    for expected in (
        "7,000 writes a day",
        "Lambda requests",
        "stream reads",
        "storage",
        "backups",
        "USD a month",
        "Above",
        "stream + Lambda: USD",
    ):
        assert expected in words


def test_four_designs_for_the_seed_load_and_ours_below_a_dollar() -> None:
    found = plan()
    assert [design["name"] for design in found["designs"]] == [
        "stream + Lambda",
        "stream + worker",
        "daily full scan",
        "synchronous second write",
    ]
    for design in found["designs"]:
        assert design["total"] == pytest.approx(sum(design["lines"].values()))
    as_planned, *_, cheapest = found["savings"]
    assert as_planned["usd_a_month"] == pytest.approx(found["designs"][0]["total"])
    assert cheapest["usd_a_month"] < as_planned["usd_a_month"] < 1
    assert cheapest["staleness_seconds"] <= 300
    assert found["prices"]["region"] == "us-east-1"


def test_ways_to_be_billed_stand_side_by_side_with_their_parameters() -> None:
    found = plan()
    ways = {each["name"]: each for each in found["billing"]["ways"]}
    assert list(ways) == ["on demand", "provisioned, fixed", "provisioned, auto scaling"]
    assert ways["on demand"]["total"] == pytest.approx(found["designs"][0]["total"])
    assert ways["on demand"]["writes"] is None
    assert ways["provisioned, fixed"]["total"] < 0.1
    assert found["billing"]["best"] == "provisioned, fixed"
    capacity = {kind: ways["provisioned, fixed"][kind] for kind in ("writes", "reads")}
    assert found["billing"]["parameters"] == {
        "BillingMode": "PROVISIONED",
        "WriteUnits": capacity["writes"]["table"],
        "RankingWriteUnits": capacity["writes"]["index"],
        "ReadUnits": capacity["reads"]["table"],
        "RankingReadUnits": capacity["reads"]["index"],
    }
    words = " ".join(tallies("plan", "--writes", "1e6").out.split())
    assert "The cheapest billing at few writes: provisioned, fixed; from " in words
    assert "Parameters of the stack for provisioned, auto scaling: BillingMode=PROVISIONED" in words
    assert "MaxWriteUnits=" in words
    assert "Free are 25 write and 25 read units, to all provisioned tables" in words


def test_without_readers_and_free_units_nothing_is_said_of_them() -> None:
    # Row by row the aggregator itself reads a little.
    arguments = (
        *("--row-reads", 0, "--board-reads", 0, "--no-free-tier"),
        *("--guard", "transactions", "--ranking", "measure"),
    )
    found = plan(*arguments)
    assert found["billing"]["ways"][1]["reads"]["holds"] is None
    assert (found["billing"]["best"], found["billing"]["parameters"]) == ("on demand", {})
    words = tallies("plan", *map(str, arguments)).out
    assert "Free are" not in words
    assert "Parameters of the stack" not in words


def test_options_reach_the_model() -> None:
    found = plan(
        *("--writes", 1e6, "--restaurants", 50, "--ranked", "none", "--region", "eu-central-1"),
        *("--batching-window", 10, "--no-free-tier", "--stalest", 0.3, "--favorites", 1e9),
    )
    assert found["load"]["ranked"] == []
    assert found["load"]["favorites"] == 1e9
    assert found["setting"]["batching_window"] == 10
    assert "synchronous second write" in found["recommendation"]


def test_prices_that_nobody_looked_up_are_named() -> None:
    assert "nobody looked up" not in told("plan").out
    ran = tallies("plan", "--region", "eu-west-1")
    assert "nobody looked up, worth a look: stream_read_million, trace_million" in ran.out


def test_a_log_gives_the_load(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    rows = [
        f"u{n},r{n % 3 if n % 2 else 0},2026-11-0{1 + n // 100}T{n // 20 % 24:02}:00:{n % 60:02}Z"
        for n in range(300)
    ]
    log.write_text("user_id,restaurant_id,created_at\n" + "\n".join(rows) + "\nnonsense\n")
    ran = tallies("plan", "--from-events", log, "--json")
    assert ran.code == 0
    assert "1 bad lines left out" in ran.err
    load = json.loads(ran.out)["load"]
    assert load["restaurants"] == 3
    assert load["writes_a_day"] == pytest.approx(300 / 2.6, rel=0.1)


@pytest.mark.slow(but="svg")
@pytest.mark.parametrize(("name", "begins"), [("c.svg", b"<?xml"), ("c.png", b"\x89PNG")])
def test_a_chart_is_drawn(tmp_path: Path, name: str, begins: bytes) -> None:
    pytest.importorskip("matplotlib")
    ran = tallies("plan", "--chart", tmp_path / name)
    assert (ran.code, ran.err) == (0, f"Chart in {tmp_path / name}\n")
    drawn = (tmp_path / name).read_bytes()
    assert drawn.startswith(begins)
    if name.endswith("svg"):
        assert all(word in drawn.decode() for word in ("writes a day", "stream + Lambda"))


MISTAKES = [
    (["--writes", "-5"], "writes a day is -5"),
    (["--writes", "0"], "writes a day is 0"),
    (["--writes", "nan"], "writes a day is nan"),
    (["--writes", "1e40"], "writes a day is 1e+40"),
    (["--writes", "many"], "not a valid float"),
    (["--removals", "0.9"], "removals is 0.9; give 0 to 0.5"),
    (["--restaurants", "0"], "restaurants is 0"),
    (["--peak", "0.5"], "peak is 0.5"),
    (["--windows", "fortnight"], "comma-separated list of all, year"),
    (["--windows", "all", "--ranked", "day"], "day is ranked but not among the windows"),
    (["--windows", ""], "no window"),
    (["--batching-window", "301"], "0<=x<=300"),
    (["--batching-window", "nan"], "nan is not a number of seconds"),
    (["--stalest", "nan"], "nan is not a number of seconds"),
    (["--region", "mars-1"], "No prices for 'mars-1'; there are: ap-northeast-1"),
    (["--prices", "nowhere.toml"], "cannot be read"),
    (["--from-events", "nowhere.csv"], "no such file"),
    (["--chart", "c.pdf"], ".svg or .png"),
    (["--chart", "nowhere/c.svg"], "no folder"),
]


@pytest.mark.parametrize(("arguments", "words"), MISTAKES)
def test_a_mistake_is_one_line(arguments: list[str], words: str) -> None:
    ran = tallies("plan", *arguments)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert words in ran.err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("regions = 3", "no [regions.NAME]"),
        ("[regions.x", "no TOML"),
        ("[regions.us-east-1]\nwrite_million = 1", "read_million is missing"),
        ("[regions.us-east-1]\nwrite = 1", "unknown price 'write'"),
        ("[regions.us-east-1]\nwrite_million = '1'", "missing"),
        ("free = 1\n[regions.us-east-1]", "missing"),
    ],
)
def test_prices_of_another_shape_are_refused(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "prices.toml"
    file.write_text(text)
    ran = tallies("plan", "--prices", file)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert words in ran.err


def test_an_empty_log_is_refused(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("user_id,restaurant_id,created_at\nann,noodles,2026-11-23T00:00:00Z\n")
    ran = tallies("plan", "--from-events", log)
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "too few events" in ran.err
