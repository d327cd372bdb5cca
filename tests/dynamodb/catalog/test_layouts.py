"""Which layout a store has: a new one the newest, one that is there its own."""

import json
from typing import TYPE_CHECKING, Any

import pytest

from tallies.core.errors import WrongStore
from tallies.favorites.on_dynamodb import DynamoFavorites
from tallies.favorites.tally import FAVORITES
from tallies.stores.dynamodb.rows.keys import SETTINGS, reserved_key
from tallies.stores.dynamodb.rows.tables import tallies_table
from tallies.stores.layout import NEWEST, OLDEST
from tests.dynamodb.traffic import settle
from tests.engines import DynamoDBAccount
from tests.layouts import OLDER, in_transactions

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def test_a_new_store_has_the_newest(store: DynamoFavorites) -> None:
    (version,) = store.settings.read().live
    assert version.layout == NEWEST
    assert store.status().details["layout"] == "guard=rows&ranking=buckets"


@in_transactions
def test_a_store_of_the_first_format_stays_as_it_is(
    store: DynamoFavorites, client: "DynamoDBClient", aws_environment: DynamoDBAccount
) -> None:
    """Its settings do not know of layouts."""
    key = reserved_key(SETTINGS)
    item: Any = client.get_item(TableName=store.names.tallies, Key=key)["Item"]
    live = json.loads(item["live"]["S"])
    for version in live:
        del version["ranking"], version["guard"]
    item["live"] = {"S": json.dumps(live)}
    client.put_item(TableName=store.names.tallies, Item=item)

    with DynamoFavorites.from_url(aws_environment.store_url("app")) as now:
        assert not now.init()
        assert [version.layout for version in now.settings.read().live] == [OLDEST]
        for user in ("ann", "bob"):
            now.mark(user, "noodles")
        settle(now)
        assert now.tally("noodles", ["all"]) == {"all": 2}
        assert [line.group for line in now.leaderboard("all", 1)] == ["noodles"]
        assert now.verify().drifted == []
        assert now.status().details["layout"] == "guard=transactions&ranking=measure"


def test_tables_of_an_earlier_version_without_settings_name_the_way_out(
    missing: DynamoFavorites, client: "DynamoDBClient", aws_environment: DynamoDBAccount
) -> None:
    client.create_table(**tallies_table(missing.names.tallies, FAVORITES, OLDEST))
    with pytest.raises(WrongStore, match="add ranking=measure&guard=transactions to the URL"):
        missing.init()
    with DynamoFavorites.from_url(aws_environment.store_url("app") + OLDER) as older:
        assert older.init()
        assert [version.layout for version in older.settings.read().live] == [OLDEST]
