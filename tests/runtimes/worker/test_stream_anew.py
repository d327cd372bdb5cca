"""A stream that is turned off and on: another stream, on DynamoDB Local as on AWS."""

from pathlib import Path

import pytest

from tallies.core.declaration.declaration import read_declaration
from tallies.favorites.on_dynamodb import DynamoFavorites
from tallies.favorites.open import open_any
from tallies.runtimes.catch_up import catch_up
from tallies.runtimes.worker import Worker
from tallies.stores.dynamodb.store import DynamoStore
from tallies.stores.dynamodb.stream.leases import Lease
from tests.engines import DynamoDBAccount, make_streamed_table
from tests.runtimes.worker.conftest import BEAT_SECONDS, Start, running, until_counted
from tests.waiting import until


@pytest.mark.slow
def test_field_case_14_a_worker_goes_over_to_the_new_stream_and_says_what_is_lost(
    store: DynamoFavorites,
    aws_environment: DynamoDBAccount,
    start: Start,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tallies.runtimes.worker.worker.LOST_SECONDS", 0.1)
    monkeypatch.setattr("tallies.runtimes.worker.worker.DISCOVER_SECONDS", 0.1)
    client, table = aws_environment.dynamodb(), store.names.source
    running = start()
    store.mark("ann", "noodles")
    until_counted(store, {"noodles": 1})
    client.update_table(TableName=table, StreamSpecification={"StreamEnabled": False})
    store.mark("bob", "noodles")  # in no stream
    client.update_table(
        TableName=table,
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    store.mark("cal", "noodles")
    until_counted(store, {"noodles": 2})
    until(lambda: any("made anew" in told for told in store.leases.roll().troubles()))
    store.rebuild(folder=tmp_path)
    until_counted(store, {"noodles": 3})
    until(lambda: not store.leases.roll().troubles())
    assert running.stop()


def make_anew(store: DynamoFavorites, account: DynamoDBAccount) -> None:
    client, table = account.dynamodb(), store.source
    client.update_table(TableName=table, StreamSpecification={"StreamEnabled": False})
    store.mark("bob", "noodles")  # in no stream
    client.update_table(
        TableName=table,
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )


@pytest.mark.slow
def test_status_sees_itself_that_a_stream_was_made_anew(
    store: DynamoFavorites, aws_environment: DynamoDBAccount, tmp_path: Path
) -> None:
    """Before any worker has met it, and until the tallies are rebuilt."""
    store.mark("ann", "noodles")
    list(catch_up(store))
    assert "trouble" not in store.status().details
    make_anew(store, aws_environment)
    for _ in range(2):
        with DynamoFavorites.from_url(store.url) as looking:
            status = looking.status()
            assert "stream of app-favorites was made anew" in status.details["trouble"]
            assert "`tallies rebuild`" in status.details["trouble"]
            assert (status.lag_records, status.lag_seconds) == (None, None)
            assert looking.init() is False  # which repairs nothing, and so hides nothing
            store.mark("cal", "noodles")
            list(catch_up(looking))
    with DynamoFavorites.from_url(store.url) as mending:
        mending.rebuild(folder=tmp_path)
        status = mending.status()
    assert "trouble" not in status.details
    assert (status.lag_records, status.lag_seconds) == (0, 0.0)
    until_counted(store, {"noodles": 3})


DECLARED = """
table = "rec"

[[tally]]
name = "plays"
group_by = "song"
measures = { plays = "count" }
"""


def test_a_worker_names_the_table_that_the_store_is_of(
    aws_environment: DynamoDBAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when it was opened, as commands do, without saying what it keeps."""
    monkeypatch.setattr("tallies.runtimes.worker.worker.LOST_SECONDS", 0.1)
    client = aws_environment.dynamodb()
    make_streamed_table(client, "rec")
    url = aws_environment.store_url("app")
    with DynamoStore.from_url(url, read_declaration(DECLARED)) as made:
        made.init()
        made.leases.take("gone", "somebody", Lease())
    with open_any(url) as store:
        assert isinstance(store, DynamoStore)
        with running(Worker(store, beat_seconds=BEAT_SECONDS)):
            until(lambda: store.leases.roll().troubles())
        (sentence,) = store.leases.roll().troubles()
        assert sentence.startswith("gone is no longer in the change stream of rec, and was not")
        assert store.status().details["trouble"] == sentence


def test_a_store_that_no_command_made_knows_its_stream_from_the_first_record(
    store: DynamoFavorites, aws_environment: DynamoDBAccount
) -> None:
    """As a template makes the tables, and a function reads the stream."""
    client = aws_environment.dynamodb()
    key = {"group": {"S": "\x1fsettings"}, "time_window": {"S": "-"}}
    client.delete_item(TableName=store.names.tallies, Key=key)
    store.mark("ann", "noodles")
    with DynamoFavorites.from_url(store.url) as function:
        function.guarded_apply("positions", store.stream.arn)
    make_anew(store, aws_environment)
    with DynamoFavorites.from_url(store.url) as looking:
        assert "made anew" in looking.status().details["trouble"]
