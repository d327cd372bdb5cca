"""Rows that are looked up: the same in either way, and for fewer units in stretches."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tallies import Tally, Window
from tallies.favorites.on_dynamodb import DynamoFavorites
from tallies.favorites.tally import FAVORITES
from tallies.stores.dynamodb.client.paging import batch_get
from tallies.stores.dynamodb.rows import lookup
from tallies.stores.dynamodb.rows.keys import row_key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

DAYS = [f"2082-11-{day:02}" for day in range(1, 31)]
GROUPS = ["noodles", "sushi", "never"]
HOURLY = replace(FAVORITES, windows=tuple(Window))


@pytest.mark.parametrize(
    ("tally", "windows", "stretch"),
    [
        (FAVORITES, DAYS, (DAYS[0], DAYS[-1])),
        (FAVORITES, [*reversed(DAYS), "all"], (DAYS[0], DAYS[-1])),
        (FAVORITES, DAYS[:9], None),  # a hundred keys are one request
        (FAVORITES, ["all"], None),
        (FAVORITES, [*DAYS[:9], "1982-11-01"], None),  # a century lies between
        (HOURLY, DAYS, None),  # so do 720 hours
        (HOURLY, [f"2082-11-01T{hour:02}" for hour in range(24)], ("2082-11-01T00", None)),
    ],
)
def test_a_stretch_is_for_windows_that_lie_side_by_side(
    tally: Tally, windows: list[str], stretch: tuple[str, str | None] | None
) -> None:
    found = lookup.stretch_of(tally, windows)
    assert (found and found.first) == (stretch and stretch[0])
    if stretch and stretch[1]:
        assert found == stretch


@pytest.mark.parametrize("windows", [[*DAYS[3:23], "2082-11", "all"], DAYS[:3], DAYS])
def test_what_is_found_is_what_is_there(
    store: DynamoFavorites, client: "DynamoDBClient", windows: list[str]
) -> None:
    table = store.names.tallies
    there = {
        (group, window): number
        for group in GROUPS[:2]
        for number, window in enumerate(["all", "2082-11", *DAYS[::2]], 1)
    }
    for (group, window), number in there.items():
        client.put_item(
            TableName=table,
            Item={**row_key(group, window), "favorites": {"N": str(number)}},
        )
    expected = {
        group: {window: there.get((group, window), 0) for window in windows} for group in GROUPS
    }
    assert store.many(GROUPS, windows) == expected
    assert store.measures(GROUPS, windows) == {
        group: {window: {"favorites": number} for window, number in its.items()}
        for group, its in expected.items()
    }


def test_thirty_days_cost_a_tenth_of_their_keys(
    store: DynamoFavorites, client: "DynamoDBClient"
) -> None:
    for group in GROUPS:
        for window in DAYS:
            client.put_item(
                TableName=store.names.tallies,
                Item={**row_key(group, window), "favorites": {"N": "1"}},
            )
    units: list[float] = []

    def ask(params: dict[str, Any], **_: object) -> None:
        params["ReturnConsumedCapacity"] = "TOTAL"

    def note(parsed: Any, **_: object) -> None:
        used = parsed["ConsumedCapacity"]
        units.extend(one["CapacityUnits"] for one in (used if isinstance(used, list) else [used]))

    for operation in ("Query", "BatchGetItem"):
        name = f"dynamodb.{operation}"
        client.meta.events.register(f"before-parameter-build.{name}", ask)
        client.meta.events.register(f"after-call.{name}", note)
    table = store.names.tallies
    by_stretch = list(lookup.look_up(client, table, FAVORITES, GROUPS, DAYS))
    stretches = sum(units)
    units.clear()
    by_key = batch_get(client, table, [row_key(g, w) for g in GROUPS for w in DAYS])
    assert sorted(by_stretch, key=str) == sorted(by_key, key=str)
    assert stretches <= sum(units) / 10
