"""The guard: which moves the shard's item takes, and what is known after a refusal."""

from datetime import UTC, datetime
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from tallies.stores.dynamodb.guard import POSITION_KEPT, Guard, Known, read_position
from tallies.stores.dynamodb.lanes import END, Progress
from tests.histories.fake import FakeDynamoDB

NOW = datetime(2026, 11, 23, tzinfo=UTC)
TABLE, SHARD = "tallies", "shard-1"


@pytest.fixture
def database() -> FakeDynamoDB:
    return FakeDynamoDB(lambda: 0.0)


def known(database: FakeDynamoDB) -> Known:
    return read_position(cast("Any", database), TABLE, SHARD)


def move(database: FakeDynamoDB, guard: Guard, end: str, to: str) -> None:
    database.update_item(**cast("Any", guard.move(end, to, NOW)))
    guard.moved()


def refused(database: FakeDynamoDB, guard: Guard, end: str, to: str) -> None:
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        database.update_item(**cast("Any", guard.move(end, to, NOW)))


def test_a_shard_that_nobody_has_read_is_at_its_beginning(database: FakeDynamoDB) -> None:
    assert known(database) == Known(Progress(), None)


def test_a_batch_goes_through_without_a_read(database: FakeDynamoDB) -> None:
    move(database, Guard(TABLE, SHARD, "1"), END, "4")
    move(database, Guard(TABLE, SHARD, "5"), END, "8")

    assert known(database).progress == Progress("8")


def test_the_same_batch_is_refused(database: FakeDynamoDB) -> None:
    move(database, Guard(TABLE, SHARD, "1"), END, "4")

    refused(database, Guard(TABLE, SHARD, "1"), END, "4")
    refused(database, Guard(TABLE, SHARD, "4"), END, "9")


def test_parts_of_a_batch_follow_one_another(database: FakeDynamoDB) -> None:
    move(database, Guard(TABLE, SHARD, "1"), END, "4")
    guard = Guard(TABLE, SHARD, "5")

    move(database, guard, "7", "8")

    assert known(database).progress == Progress("4", (("7", "8"),))
    refused(database, Guard(TABLE, SHARD, "5"), "7", "8")
    move(database, guard, END, "8")
    assert known(database).progress == Progress("8")


def test_who_was_overtaken_is_refused_whatever_the_positions(database: FakeDynamoDB) -> None:
    ours, theirs = Guard(TABLE, SHARD, "5"), Guard(TABLE, SHARD, "5")
    move(database, ours, "7", "8")
    theirs.found(known(database))
    move(database, theirs, "a", "8")

    refused(database, ours, END, "8")

    assert not ours.found(known(database))
    assert ours.progress.runs[1].start == "a"


def test_a_lost_answer_is_found_out(database: FakeDynamoDB) -> None:
    guard = Guard(TABLE, SHARD, "1")
    update = cast("Any", guard.move(END, "4", NOW))
    database.update_item(**update)  # and nobody hears that it came through
    with pytest.raises(ClientError):
        database.update_item(**update)

    assert guard.found(known(database))


def test_a_shard_without_an_item_may_have_got_one_meanwhile(database: FakeDynamoDB) -> None:
    guard = Guard(TABLE, SHARD, "1")
    guard.found(known(database))
    move(database, Guard(TABLE, SHARD, "1"), END, "4")

    refused(database, guard, END, "4")


def test_a_retired_shard_is_forgotten(database: FakeDynamoDB) -> None:
    move(database, Guard(TABLE, SHARD, "1"), END, "4")

    database.sweep((NOW + POSITION_KEPT).timestamp() - 1)
    assert known(database).progress == Progress("4")
    database.sweep((NOW + POSITION_KEPT).timestamp())
    assert known(database).revision is None
