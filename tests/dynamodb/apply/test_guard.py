"""The guard: which moves the shard's item takes, and what is known after a refusal."""

from datetime import UTC, datetime
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from tallies.stores.dynamodb.apply.in_transactions.guard import Guard
from tallies.stores.dynamodb.apply.position import POSITION_KEPT, Known, read_position
from tallies.stores.dynamodb.apply.progress import END, Progress
from tallies.stores.dynamodb.rows.keys import SETTINGS, reserved_key
from tests.histories.fake import FakeDynamoDB

NOW = datetime(2082, 11, 23, tzinfo=UTC)
TABLE, SHARD = "tallies", "shard-1"


@pytest.fixture
def database() -> FakeDynamoDB:
    return FakeDynamoDB(lambda: 0.0)


def known(database: FakeDynamoDB) -> Known:
    return read_position(cast("Any", database), TABLE, SHARD)


def move(database: FakeDynamoDB, guard: Guard, end: str, to: str) -> None:
    database.update_item(**cast("Any", guard.move(end, to, NOW)))
    guard.moved()


def begin(database: FakeDynamoDB, end: str = END, to: str = "4") -> Guard:
    """A shard's first move: it is known that there is no item."""
    guard = Guard(TABLE, SHARD, "1")
    guard.found(known(database))
    assert guard.needs_epoch
    move(database, guard, end, to)
    return guard


def refused(database: FakeDynamoDB, guard: Guard, end: str, to: str) -> None:
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        database.update_item(**cast("Any", guard.move(end, to, NOW)))


def test_a_shard_that_nobody_has_read_is_at_its_beginning(database: FakeDynamoDB) -> None:
    assert known(database) == Known(Progress(), None)


def test_a_batch_goes_through_without_a_read(database: FakeDynamoDB) -> None:
    begin(database)
    move(database, Guard(TABLE, SHARD, "5"), END, "8")

    assert known(database).progress == Progress("8")


def test_the_same_batch_is_refused(database: FakeDynamoDB) -> None:
    begin(database)

    refused(database, Guard(TABLE, SHARD, "1"), END, "4")
    refused(database, Guard(TABLE, SHARD, "4"), END, "9")


def test_parts_of_a_batch_follow_one_another(database: FakeDynamoDB) -> None:
    begin(database)
    guard = Guard(TABLE, SHARD, "5")

    move(database, guard, "7", "8")

    assert known(database).progress == Progress("4", (("7", "8"),))
    refused(database, Guard(TABLE, SHARD, "5"), "7", "8")
    move(database, guard, END, "8")
    assert known(database).progress == Progress("8")


def test_who_was_overtaken_is_refused_whatever_the_positions(database: FakeDynamoDB) -> None:
    ours, theirs = begin(database, "7", "8"), Guard(TABLE, SHARD, "5")
    theirs.found(known(database))
    move(database, theirs, "a", "8")

    refused(database, ours, END, "8")

    assert not ours.found(known(database))
    assert ours.progress.runs[1].start == "a"


def test_a_lost_answer_is_found_out(database: FakeDynamoDB) -> None:
    begin(database, to="0")
    guard = Guard(TABLE, SHARD, "1")
    update = cast("Any", guard.move(END, "4", NOW))
    database.update_item(**update)  # and nobody hears that it came through
    with pytest.raises(ClientError):
        database.update_item(**update)

    assert guard.found(known(database))


def test_a_shard_without_an_item_may_have_got_one_meanwhile(database: FakeDynamoDB) -> None:
    guard = Guard(TABLE, SHARD, "1")
    guard.found(known(database))
    begin(database)

    refused(database, guard, END, "4")


def test_a_retired_shard_is_forgotten(database: FakeDynamoDB) -> None:
    begin(database)

    database.sweep((NOW + POSITION_KEPT).timestamp() - 1)
    assert known(database).progress == Progress("4")
    database.sweep((NOW + POSITION_KEPT).timestamp())
    assert known(database).revision is None


def test_only_the_epoch_that_the_store_is_in_goes_on(database: FakeDynamoDB) -> None:
    begin(database)
    earlier, later = Guard(TABLE, SHARD, "5"), Guard(TABLE, SHARD, "5", epoch=2)
    refused(database, later, END, "6")  # it does not know the item; once it does, it may
    later.found(known(database))
    move(database, later, END, "6")

    refused(database, Guard(TABLE, SHARD, "7"), END, "8")
    refused(database, earlier, END, "8")
    assert known(database).epoch == 2


@pytest.mark.parametrize(("kept", "passes"), [(None, True), (1, True), (2, False)])
def test_a_shard_begins_in_the_epoch_of_the_settings(
    database: FakeDynamoDB, kept: int | None, passes: bool
) -> None:
    if kept is not None:
        item = {**reserved_key(SETTINGS), "epoch": {"N": str(kept)}}
        database.transact_write_items(TransactItems=[{"Put": {"TableName": TABLE, "Item": item}}])
    guard = Guard(TABLE, SHARD, "1")
    guard.found(known(database))
    actions: Any = [{"ConditionCheck": guard.epoch_check()}, {"Update": guard.move(END, "4", NOW)}]
    if passes:
        database.transact_write_items(TransactItems=actions)
    else:
        with pytest.raises(ClientError, match="TransactionCanceled"):
            database.transact_write_items(TransactItems=actions)
    assert (known(database).revision is not None) is passes
