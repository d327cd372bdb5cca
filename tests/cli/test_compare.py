"""`tallies compare`: its table, its JSON, its picture, and what it refuses."""

import json
from pathlib import Path

import pytest

from tests.cli.command import tallies


@pytest.mark.slow
def test_designs_side_by_side(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    chart = tmp_path / "c.svg"
    ran = tallies("compare", "-n", "200", "--rate", "2000", "--kills", "1", "--chart", chart)
    assert (ran.code, ran.err) == (0, f"Chart in {chart}\n")
    lines = [line.split("  ")[0] for line in ran.out.splitlines()]
    assert lines[1:6] == [
        "tallies",
        "stream, no guard",
        "second write",
        "second write, in one",
        "daily scan",
    ]
    assert "counts wrong after kills" in chart.read_text()


def test_json_of_a_log_of_ones_own(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    rows = [f"u{n},r{n % 5},2026-11-0{1 + n % 9}T12:00:00Z" for n in range(30)]
    log.write_text("user_id,restaurant_id,created_at\n" + "\n".join(rows) + "\n")
    ran = tallies("compare", "--events", log, "--rate", "1000", "--kills", "0", "--json")
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    assert (found["engine"], found["writes"], found["kills"]) == ("sqlite", 30, 0)
    assert [design["wrong"] for design in found["designs"]] == [0] * 5
    assert found["designs"][2]["write_units"] == 3


MISTAKES = [
    (["--events", "nowhere.csv"], "no such file"),
    (["--engine", "oracle"], "no engine"),
    (["--engine", "dynamodb://mars/app"], "no AWS region"),
    (["-n", "0"], "10<=x<=1000000"),
    (["--rate", "0"], "0.1<=x<=100000"),
    (["--kills", "-1"], "0<=x<=1000"),
    (["--chart", "c.gif"], ".svg or .png"),
]


@pytest.mark.parametrize(("arguments", "words"), MISTAKES)
def test_a_mistake_is_one_line(arguments: list[str], words: str) -> None:
    ran = tallies("compare", *arguments)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert words in ran.err


def test_a_log_without_events_is_refused(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("user_id,restaurant_id,created_at\n")
    ran = tallies("compare", "--events", log)
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "no events to compare by" in ran.err
