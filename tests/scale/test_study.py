"""The study as a whole: a small one is run, and the one on the page is that of the results."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.scale import __main__ as script
from benchmarks.scale import chart
from benchmarks.scale.settings import BIG_BATCHES, COUNTER_SHARDS, DEFAULT
from benchmarks.scale.study import Plan, study
from benchmarks.scale.table import filled, rate

SMALL = Plan(rates=(1, 100, 2_000), ladder=(DEFAULT,), single=(DEFAULT,), otherwise=())


def test_a_small_study_whole(tmp_path: Path) -> None:
    notes: list[str] = []
    found = study(SMALL, notes.append)

    assert json.loads(json.dumps(found)) == found
    assert any("default" in note for note in notes)
    (ladder,) = found["ladder"]
    assert [point["writes_a_second"] for point in ladder["points"]][:2] == [1, 100]
    assert all(point["keeps_up"] for point in ladder["points"])
    assert not ladder["fails"]["keeps_up"]
    page = filled("<!-- ladder -->\nold\n<!-- end -->\n", found)
    assert re.search(r"\| default \| 8\d0 \|", page)
    assert "old" not in page
    for draw in (chart.staleness, chart.limits):
        draw(found, tmp_path / "picture.svg")
        once = (tmp_path / "picture.svg").read_bytes()
        draw(found, tmp_path / "picture.svg")
        assert (tmp_path / "picture.svg").read_bytes() == once


def test_the_page_shows_the_results() -> None:
    found = json.loads(script.RESULTS.read_text(encoding="utf-8"))
    text = script.PAGE.read_text(encoding="utf-8")
    assert filled(text, found) == text
    assert all(f"<!-- {name} -->" in text for name in ("ladder", "single", "otherwise", "facts"))


def test_the_answer_of_the_page_is_that_of_the_results() -> None:
    """Its first paragraph names the rates in words that no script fills in."""
    found = json.loads(script.RESULTS.read_text(encoding="utf-8"))
    answer = script.PAGE.read_text(encoding="utf-8").split("\n## ")[0]
    for each in found["ladder"]:
        said = rate(each["carries"]["writes_a_second"]) if each["fails"] else "1,000,000"
        assert said in answer


def test_results_are_those_of_these_settings() -> None:
    found = json.loads(script.RESULTS.read_text(encoding="utf-8"))
    assert [each["settings"] for each in found["ladder"]] == [each.name for each in Plan().ladder]
    assert [each["settings"] for each in found["single"]] == [each.name for each in Plan().single]
    assert [each["settings"] for each in found["otherwise"]] == [
        each.name for each in Plan().otherwise
    ]
    assert BIG_BATCHES.in_product
    assert not COUNTER_SHARDS.in_product


def test_without_results_there_is_nothing_to_draw(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "RESULTS", tmp_path / "none.json")
    done = CliRunner().invoke(script.main, ["--redraw"])
    assert done.exit_code != 0
    assert "run it without --redraw first" in done.output


@pytest.mark.parametrize(
    ("value", "text"), [(0.081, "0.081"), (7, "7"), (835.2, "840"), (181_019, "180,000")]
)
def test_rates_have_two_digits(value: float, text: str) -> None:
    assert rate(value) == text
