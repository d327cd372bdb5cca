"""The study as a whole: a small one is run, and the one on the page is that of the results."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.scale import __main__ as script
from benchmarks.scale.report import chart
from benchmarks.scale.report.table import filled, rate
from benchmarks.scale.settings import BEST, COUNTER_SHARDS, DEFAULT, OLDER
from benchmarks.scale.study import PARTS, Plan, only, renewed, study
from tallies.stores.layout import NEWEST, Layout
from tests.deploy import template

SMALL = Plan(rates=(1, 100, 2_000), ladder=(OLDER,), single=(OLDER,), otherwise=(), midnight=())


@pytest.mark.slow
def test_a_small_study_whole(tmp_path: Path) -> None:
    notes: list[str] = []
    found = study(SMALL, notes.append)

    assert json.loads(json.dumps(found)) == found
    assert any("the older default" in note for note in notes)
    (ladder,) = found["ladder"]
    assert [point["writes_a_second"] for point in ladder["points"]][:2] == [1, 100]
    assert all(point["keeps_up"] for point in ladder["points"])
    assert not ladder["fails"]["keeps_up"]
    page = filled("<!-- ladder -->\nbefore\n<!-- end -->\n", found)
    assert re.search(r"\| the older default \| 7\d0 \|", page)
    assert "before" not in page
    for draw in (chart.staleness, chart.limits):
        draw(found, tmp_path / "picture.svg")
        once = (tmp_path / "picture.svg").read_bytes()
        draw(found, tmp_path / "picture.svg")
        assert (tmp_path / "picture.svg").read_bytes() == once


def test_the_page_shows_the_results() -> None:
    found = json.loads(script.RESULTS.read_text(encoding="utf-8"))
    text = script.PAGE.read_text(encoding="utf-8")
    assert filled(text, found) == text
    assert all(
        f"<!-- {name} -->" in text
        for name in ("ladder", "single", "otherwise", "facts", "midnight")
    )


def test_the_answer_of_the_page_is_that_of_the_results() -> None:
    """Its first paragraph names the rates in words that no script fills in."""
    found = json.loads(script.RESULTS.read_text(encoding="utf-8"))
    answer = script.PAGE.read_text(encoding="utf-8").split("\n## ")[0]
    for each in found["ladder"]:
        if each["settings"] not in chart.LINES:
            continue
        said = rate(each["carries"]["writes_a_second"]) if each["fails"] else "1,000,000"
        assert said in answer


def test_the_default_is_the_templates_and_a_new_stores() -> None:
    assert Layout(DEFAULT.ranking_shards, DEFAULT.ranking, DEFAULT.guard) == NEWEST
    assert template.properties("Aggregator")["MemorySize"] == DEFAULT.memory_megabytes
    parameters = template.whole()["Parameters"]
    source = template.change_source()
    assert source["BatchSize"] == {"Ref": "BatchSize"}
    assert parameters["BatchSize"]["Default"] == DEFAULT.batch_size
    assert source["MaximumBatchingWindowInSeconds"] == {"Ref": "BatchingWindow"}
    assert parameters["BatchingWindow"]["Default"] == DEFAULT.batching_seconds


def test_results_are_those_of_these_settings() -> None:
    found = json.loads(script.RESULTS.read_text(encoding="utf-8"))
    assert [each["settings"] for each in found["ladder"]] == [each.name for each in Plan().ladder]
    assert [each["settings"] for each in found["single"]] == [each.name for each in Plan().single]
    assert [each["settings"] for each in found["otherwise"]] == [
        each.name for each in Plan().otherwise
    ]
    assert [each["settings"] for each in found["midnight"]] == [
        each.name for each in Plan().midnight
    ]
    assert BEST.in_product
    assert not COUNTER_SHARDS.in_product


def test_only_what_is_named_is_run_again() -> None:
    plan = only({BEST.name})
    assert [len(getattr(plan, part)) for part in PARTS] == [1, 0, 0, 1]
    before = json.loads(script.RESULTS.read_text(encoding="utf-8"))
    again = {"settings": BEST.name, "binding": "item"}
    now = {**before, "single": [], "otherwise": [], "midnight": [], "ladder": [again]}

    found = renewed(before, now)

    assert [each == again for each in found["ladder"]] == [each is BEST for each in Plan().ladder]
    assert {**found, "ladder": before["ladder"]} == before
    with pytest.raises(KeyError, match="default"):
        renewed({**now, "ladder": []}, now)


def test_without_results_there_is_nothing_to_draw(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "RESULTS", tmp_path / "none.json")
    done = CliRunner().invoke(script.main, ["--redraw"])
    assert done.exit_code != 0
    assert "run it without options first" in done.output


@pytest.mark.parametrize(
    ("value", "text"), [(0.081, "0.081"), (7, "7"), (835.2, "840"), (181_019, "180,000")]
)
def test_rates_have_two_digits(value: float, text: str) -> None:
    assert rate(value) == text
