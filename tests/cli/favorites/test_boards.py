"""The commands `top` and `rank` on spans, from an offset, among given restaurants."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tallies.favorites.on_dynamodb import DynamoFavorites
from tests.cli.command import tallies
from tests.engines import DynamoDBAccount, make_streamed_table
from tests.engines.fixtures import account_for_several

COUNTS = {"noodles": 3, "pizza": 2, "fish #1": 2, "sushi": 1}
DECLARED = """
table = "{table}"
[[tally]]
name = "orders"
group_by = ["city", "shop"]
time = "at"
windows = ["all", "day"]
ranked = ["all", "day"]
measures = {{ revenue = {{ sum = "total" }} }}
"""


@pytest.fixture(scope="module", params=["sqlite", "dynamodb"])
def loaded(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Half of the marks are of today, half of yesterday, and one of long ago; for tests that only
    read them."""
    folder = tmp_path_factory.mktemp("boards")
    if request.param == "sqlite":
        yield _loaded(f"sqlite:///{folder}/s.db", folder)
        return
    endpoint = request.getfixturevalue("dynamodb_endpoint")
    with account_for_several(endpoint, "boards") as account:
        yield _loaded(account.store_url("boards"), folder)


def _loaded(url: str, folder: Path) -> str:
    today = datetime.now(UTC)
    lines = ["user_id,restaurant_id,created_at", "old,sushi,2017-08-01T00:00:00Z"]
    for restaurant, count in COUNTS.items():
        for user in range(2 * count):
            time = today - timedelta(days=user % 2)
            lines.append(f"u{user},{restaurant},{time:%Y-%m-%dT00:00:00Z}")
    log = folder / "log.csv"
    log.write_text("\n".join(lines), encoding="utf-8")
    assert tallies("load", log, store=url).code == 0
    return url


def of_json(store: str, *arguments: str | Path) -> list[tuple[int, str, float]]:
    found = json.loads(tallies(*arguments, "--json", store=store).out)
    lines = found["items"] if isinstance(found, dict) else found
    return [(line["rank"], line["restaurant_id"], line["favorites"]) for line in lines]


@pytest.mark.slow(only="dynamodb")
def test_top_of_spans(loaded: str) -> None:
    today = datetime.now(UTC).date()
    yesterday = today - timedelta(days=1)
    for span in ("last-2-days", "last-30-days", f"{yesterday}..{today}"):
        assert of_json(loaded, "top", span) == [
            (1, "noodles", 6),
            (2, "fish #1", 4),
            (3, "pizza", 4),
            (4, "sushi", 2),
        ]
    assert of_json(loaded, "top", "last-2-days", "-n", "2", "--offset", "1") == [
        (2, "fish #1", 4),
        (3, "pizza", 4),
    ]
    assert of_json(loaded, "top", "2017-08-01..2017-09-30") == [(1, "sushi", 1)]
    assert of_json(loaded, "top", "trending", "-n", "1") == [(1, "noodles", 5.381103)]
    assert of_json(loaded, "top", "trending-1-days", "-n", "1") == [(1, "noodles", 4.5)]
    assert "No favorites in trending" not in tallies("top", "trending", store=loaded).out
    ran = tallies("top", "last-24-hours", store=loaded)
    assert (ran.code, ran.out) == (2, "")
    assert "add hour to `windows` and `ranked` of tally 'favorites'" in ran.err


@pytest.mark.slow(only="dynamodb")
def test_top_among_the_restaurants_of_a_file(loaded: str, tmp_path: Path) -> None:
    file = tmp_path / "near.txt"
    file.write_bytes("\ufefffish #1\r\nnowhere\r\n\r\nsushi\n".encode())
    assert of_json(loaded, "top", "--among", file) == [(1, "fish #1", 4), (2, "sushi", 3)]
    assert of_json(loaded, "top", "last-2-days", "--among", file, "--offset", "1") == [
        (2, "sushi", 2)
    ]
    for content, words in [
        (b"", "There are 0 groups"),
        (b"a\nb\na\n", "'a' is there twice"),
        (b"a\nb\x07\n", "line 2: The restaurant id holds the control character"),
        (b"\xff", "no text in UTF-8"),
        (b"\n".join(b"%d" % n for n in range(1001)), "There are 1,001 groups"),
    ]:
        file.write_bytes(content)
        ran = tallies("top", "--among", file, store=loaded)
        assert (ran.code, ran.out) == (2, "")
        assert words in ran.err
    assert "no such file" in tallies("top", "--among", tmp_path / "none", store=loaded).err


@pytest.mark.slow(only="dynamodb")
def test_rank(loaded: str) -> None:
    found = json.loads(tallies("rank", "pizza", "--json", store=loaded).out)
    assert (found["rank"], found["of"], found["favorites"]) == (3, 4, 4)
    assert [line["rank"] for line in found["items"]] == [1, 2, 3, 4]
    assert of_json(loaded, "rank", "pizza", "--around", "1") == [
        (2, "fish #1", 4),
        (3, "pizza", 4),
        (4, "sushi", 3),
    ]
    assert of_json(loaded, "rank", "sushi", "last-2-days", "--around", "0") == [(4, "sushi", 2)]
    plain = tallies("rank", "noodles", "all", "--around", "1", store=loaded).out.splitlines()
    assert plain[0] == "1 of 4 in all"
    assert plain[2].split() == ["1", "noodles", "6"]
    none: dict[str, Any] = {"rank": None, "of": None, "favorites": 0, "items": []}
    for window in ("all", "last-2-days"):
        assert json.loads(tallies("rank", "nowhere", window, "--json", store=loaded).out) == none
    assert tallies("rank", "nowhere", store=loaded).out == "No favorites of nowhere in all.\n"
    assert "Give restaurant_id" in tallies("rank", "a", "all", "b", store=loaded).err


@pytest.mark.slow
def test_a_tally_of_sums_by_two_attributes(
    aws_environment: DynamoDBAccount, tmp_path: Path
) -> None:
    client, store = aws_environment.dynamodb(), aws_environment.store_url("sums")
    make_streamed_table(client, "orders-of-boards")
    declared = tmp_path / "orders.toml"
    declared.write_text(DECLARED.format(table="orders-of-boards"))
    assert tallies("init", "--declaration", declared, store=store).code == 0
    for number, (shop, total) in enumerate([("a", "2.5"), ("b", "1"), ("c", "-3")]):
        client.put_item(
            TableName="orders-of-boards",
            Item={
                "id": {"S": f"{number}"},
                "city": {"S": "Rome"},
                "shop": {"S": shop},
                "at": {"S": "2026-11-23T00:00:00Z"},
                "total": {"N": total},
            },
        )
    with DynamoFavorites.from_url(store) as opened:
        aggregator = opened.aggregator()
        while aggregator.step().records:
            pass
    found = json.loads(tallies("rank", "Rome", "b", "--json", store=store).out)
    assert (found["rank"], found["of"], found["revenue"]) == (2, 3, 1)
    assert found["items"][0] == {"rank": 1, "city": "Rome", "shop": "a", "revenue": 2.5}
    file = tmp_path / "some"
    file.write_text("Rome\tc\nRome\ta\n")
    found = json.loads(tallies("top", "2026-11-23", "--among", file, "--json", store=store).out)
    assert [(line["rank"], line["shop"]) for line in found] == [(1, "a"), (2, "c")]
    file.write_text("Rome\n")
    assert "line 1: give city and shop" in tallies("top", "--among", file, store=store).err
    assert "nonnegative = true" in tallies("top", "last-7-days", store=store).err
