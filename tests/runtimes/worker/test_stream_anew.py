"""A stream that is turned off and on: another stream, on DynamoDB Local as on AWS."""

from pathlib import Path

import pytest

from tallies.favorites.on_dynamodb import DynamoFavorites
from tests.engines import DynamoDBAccount
from tests.runtimes.worker.conftest import Start, until, until_counted


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
