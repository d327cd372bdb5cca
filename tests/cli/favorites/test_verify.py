"""The options of `tallies verify`: samples and metrics."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from time import time

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.cli.command import tallies


@pytest.fixture
def store(tmp_path: Path) -> str:
    events = tmp_path / "events.csv"
    lines = [f"u{number % 7},r{number},2026-01-01T00:00:00Z" for number in range(300)]
    events.write_text("\n".join(["user_id,restaurant_id,created_at", *lines]))
    url = f"sqlite:///{tmp_path / 's.db'}"
    assert tallies("load", str(events), store=url).code == 0
    return url


def drift(url: str, group: str) -> None:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
        connection.execute('UPDATE tallies_favorites SET favorites = 9 WHERE "group" = ?', (group,))


def test_a_sample_says_how_sure_it_is(store: str) -> None:
    done = tallies("verify", "--sample", "50%", "--seed", "3", store=store)
    assert done.code == 0
    *_, sample, sentence = done.out.splitlines()
    assert sample == "Sample: 50 % of the groups, seed 3."
    assert sentence.startswith("0 of 1")
    assert "sampled groups drifted: with 95 % confidence fewer than 2." in sentence


def test_a_sample_as_json_can_be_taken_again(store: str) -> None:
    drift(store, "r5")
    codes = set()
    for _ in range(20):
        done = tallies("verify", "--sample", "50%", "--json", store=store)
        found = json.loads(done.out)
        seed = str(found["sample"]["seed"])
        again = tallies("verify", "--sample", "50%", "--seed", seed, "--json", store=store)
        assert again == done
        assert found["checked"] == 3 * found["sample"]["groups"]
        assert found["sample"]["drifted_groups"] == done.code
        assert 0 < found["sample"]["drifted_share_below"] < 0.05
        codes.add(done.code)
        if codes == {0, 1}:
            return
    pytest.fail("twenty samples in a row took the group, or none of them did")


def test_an_empty_sample_says_so(store: str) -> None:
    done = tallies("verify", "--sample", "0.0000001%", store=store)
    assert "it says nothing; take a larger share" in done.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--sample", "0%"], "'0%' is no share of the groups; write one like 1%"),
        (["--sample", "101%"], "'101%' is no share of the groups"),
        (["--sample", "some"], "'some' is no share of the groups"),
        (["--seed", "1"], "add --sample"),
        (["--sample", "1%", "--seed", "-1"], "not in the range"),
        (["--metrics", "/no/such/folder/m.prom"], "no such file or directory"),
    ],
)
def test_wrong_use_is_one_sentence(store: str, arguments: list[str], words: str) -> None:
    done = tallies("verify", *arguments, store=store)
    assert done.code == 2
    assert words in done.err
    assert done.err.count("\n") == 1


def test_metrics_are_a_file_that_prometheus_reads(store: str, tmp_path: Path) -> None:
    drift(store, "r5")
    file = tmp_path / "tallies.prom"
    before = time()
    assert tallies("verify", "--metrics", str(file), store=store).code == 1
    metrics = {
        sample.name.removeprefix("tallies_verify_"): sample
        for family in text_string_to_metric_families(file.read_text())
        for sample in family.samples
    }
    assert {sample.labels["store"] for sample in metrics.values()} == {store}
    assert metrics["checked_rows"].value == 900
    assert metrics["checked_groups"].value == 300
    assert metrics["uncounted_rows"].value == 0
    assert (metrics["drifted_rows"].value, metrics["drifted_groups"].value) == (3, 1)
    assert before <= metrics["completed_timestamp_seconds"].value <= time()
    assert metrics["duration_seconds"].value > 0
    assert [each.name for each in tmp_path.glob("tallies.prom*")] == ["tallies.prom"]
