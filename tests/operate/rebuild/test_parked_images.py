"""A record both of whose images were parked, when only one of them can be counted later."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tallies.core.errors import InvalidInput, Unfoldable
from tallies.stores.dynamodb.apply.apply import GuardedApply
from tallies.stores.dynamodb.apply.parked import Parked
from tallies.stores.dynamodb.apply.transactions import Sender
from tallies.stores.dynamodb.apply.writes import Writer
from tallies.stores.dynamodb.rows.tables import tallies_table
from tallies.stores.dynamodb.stream.records import from_event
from tests.engines import DynamoDBAccount
from tests.histories.source import wire
from tests.histories.worlds import FAVORITES, MISREAD, WORLDS

WORLD = WORLDS[0]
NOW = datetime(2082, 11, 23, 14, tzinfo=UTC)
NEVER = {"city": "a", "at": "soon", "status": "paid"}
"""No version can read this one; the first version cannot read the next one, either."""
LATER = {"city": MISREAD, "at": "2082-11-23T13:00:00Z", "status": "paid"}


class Table:
    def __init__(self, account: DynamoDBAccount) -> None:
        self.client = account.dynamodb()
        self.client.create_table(**tallies_table(WORLD.tables.tallies, FAVORITES))

    def park(self, old: dict[str, Any], new: dict[str, Any]) -> None:
        """Apply a record by the version that can read neither image."""
        event = {
            "eventID": "one",
            "eventName": "MODIFY",
            "dynamodb": {
                "SequenceNumber": "1" * 21,
                "OldImage": wire(old),
                "NewImage": wire(new),
            },
        }
        apply = GuardedApply(self.client, WORLD.tables, WORLD.faulty, clock=lambda: NOW)
        assert apply.apply_shard("shard", [from_event(event)]).parked == 1

    @property
    def parked(self) -> Parked:
        """As the version sees it that can read one of them."""
        return Parked(
            self.client,
            WORLD.tables.tallies,
            WORLD.mended,
            Writer(WORLD.tables, WORLD.mended),
            Sender(self.client),
            lambda: NOW,
        )

    def count(self) -> int:
        """The favorites of the city that can be read later."""
        key = {"group": {"S": MISREAD}, "time_window": {"S": "all"}}
        item = self.client.get_item(TableName=WORLD.tables.tallies, Key=key).get("Item")
        return int(item["favorites"]["N"]) if item else 0


@pytest.fixture
def table(aws_environment: DynamoDBAccount) -> Table:
    return Table(aws_environment)


@pytest.mark.parametrize("length", [1, 300_000], ids=["short", "long"])
@pytest.mark.parametrize("still", ["old", "new"])
def test_the_image_that_can_be_counted_is_and_the_other_stays(
    table: Table, still: str, length: int
) -> None:
    never = NEVER | {"note": "x" * length}
    images = (never, LATER) if still == "old" else (LATER, never)
    table.park(*images)
    (record,) = table.parked.records()
    assert record.content["unfit"] == ["old", "new"]
    with pytest.raises(Unfoldable, match=f"only the {still} one is still parked: .*'soon'"):
        table.parked.retry(record.id)
    counted = 1 if still == "old" else -1
    assert table.count() == counted
    (left,) = table.parked.records()
    assert (left.id, left.content["unfit"]) == (record.id, [still])
    assert "'soon'" in left.reason
    assert left.content["record"] == record.content["record"]
    with pytest.raises(Unfoldable, match="'soon'"):
        table.parked.retry(record.id)  # nothing is counted twice
    assert table.count() == counted
    table.parked.discard(record.id)
    assert list(table.parked.records()) == []
    assert table.count() == counted


def test_both_are_counted_when_both_can_be(table: Table) -> None:
    table.park(LATER, LATER | {"at": "2082-11-22T13:00:00Z"})
    (record,) = table.parked.records()
    table.parked.retry(record.id)
    assert list(table.parked.records()) == []
    assert table.count() == 0  # out of one day and into another


def test_an_operator_who_comes_second_counts_nothing_again(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    table.park(NEVER, LATER)
    (record,) = table.parked.records()
    second = table.parked
    read = second._items(record.id)
    with pytest.raises(Unfoldable, match="only the old one"):
        table.parked.retry(record.id)
    monkeypatch.setattr(second, "_items", lambda _: read)
    with pytest.raises(InvalidInput):
        second.retry(record.id)
    assert table.count() == 1


def test_who_can_read_both_does_not_count_again_what_another_version_has(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    table.park(LATER, LATER | {"at": "2082-10-22T13:00:00Z"})
    (record,) = table.parked.records()
    newer = table.parked
    read = newer._items(record.id)
    # An older version, which can read the new image only, has brought that one in.
    table.client.update_item(
        TableName=WORLD.tables.tallies,
        Key={name: read[0][name] for name in ("group", "time_window")},
        UpdateExpression="SET unfit = :old",
        ExpressionAttributeValues={":old": {"S": "old"}},
    )
    with monkeypatch.context() as stale:
        stale.setattr(newer, "_items", lambda _: read)
        with pytest.raises(InvalidInput):
            newer.retry(record.id)
    assert table.count() == 0
    newer.retry(record.id)
    assert table.count() == -1
    assert newer.count() == 0
