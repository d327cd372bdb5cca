"""One worker on DynamoDB Local, beside an UpdateItem for each event, as a naive function does it.

The engine is one process on this machine's processors, and does a write in about a millisecond, as
the service does; what is compared is how many requests a record needs. The worker keeps three
windows and a ranking; the peer adds to one row for each event, or to those of the three windows.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import Event, Thread
from time import perf_counter
from typing import TYPE_CHECKING

from benchmarks.harness.measure import Paired, in_turns
from benchmarks.harness.result import Bound, Result, Run
from benchmarks.harness.workload import marks
from tallies.favorites.on_dynamodb import DynamoFavorites
from tallies.runtimes.worker import Worker
from tallies.stores.protocol import Applied
from tests.engines import DynamoDBAccount, EngineMissingError, dynamodb_local

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

DAYS = 1.0
ACCESS_KEY = "benchmarkworker"
PATIENCE_SECONDS = 600.0


def run(run: Run) -> Iterator[Result]:
    """A backlog of a busy day, from the first record to the last."""
    with ExitStack() as stack:
        try:
            endpoint = stack.enter_context(dynamodb_local())
        except EngineMissingError as missing:
            run.note(f"worker: {missing}")
            return
        account = DynamoDBAccount(endpoint, ACCESS_KEY)
        stack.enter_context(environment(account))
        # Shorter backlogs share fewer rows: at 5,000 the ratio is two thirds of that at 10,000.
        both = (3, 1) if run.size == "full" else (3,)
        city = run.pick(20_000, 10_000, usual=10_000), 1_000, both
        country = run.pick(10_000, 1_500, usual=1_500), 10_000, (3,)
        for number, (records, restaurants, peers) in enumerate((city, country)):
            with DynamoFavorites.from_url(account.store_url(f"bench{number}")) as store:
                store.init()
                for _ in store.load(marks(records, days=DAYS, restaurants=restaurants)):
                    pass
                for windows in peers:
                    found = _compare(run, store, account.dynamodb(), records, windows)
                    yield Result(
                        what=f"worker on DynamoDB Local, a backlog of {records:,} records of"
                        f" {restaurants:,} restaurants",
                        unit="records/s",
                        ours=found.ours,
                        peer_name=f"an UpdateItem an event and window, {windows} of them",
                        peer=found.peer,
                        ratio=found.ratio,
                        # Judged where the peer keeps the same tallies, and rows are shared.
                        bound=Bound(">=", 10.0) if (number, windows) == (0, 3) else None,
                        higher_is_better=True,
                    )


def _compare(
    run: Run, store: DynamoFavorites, client: "DynamoDBClient", records: int, windows: int
) -> Paired:
    naive_records = run.pick(2_400, 1_200, usual=1_200) // windows

    def ours() -> list[float]:
        client.delete_table(TableName=store.names.tallies)
        store.init()
        return [records / _until_applied(store, records)]

    def naive() -> list[float]:
        return [naive_records / _naive(store, client, naive_records, windows)]

    (found,) = in_turns(3, ours, naive)
    return found


def _until_applied(store: DynamoFavorites, records: int) -> float:
    """Seconds from the start of a worker until so many records are in the tallies."""
    done = Event()
    applied = 0

    def count(_: str, step: Applied) -> None:
        nonlocal applied
        applied += step.records
        if applied >= records:
            done.set()

    with DynamoFavorites.from_url(store.url) as fresh:
        # The first call of a client takes long, and a worker makes it once in its life.
        fresh.stream.shards()
        fresh.leases.roll()
        fresh.guarded_apply().position_of("none")
        worker = Worker(fresh, count)
        thread = Thread(target=worker.run)
        started = perf_counter()
        thread.start()
        assert done.wait(PATIENCE_SECONDS), f"{applied:,} of {records:,} records are in"
        taken = perf_counter() - started
        worker.stop()
        thread.join()
    assert applied == records, "a record was counted twice"
    return taken


def _naive(store: DynamoFavorites, client: "DynamoDBClient", records: int, windows: int) -> float:
    """Seconds in which so many records are read, and added one by one. No guard, no ranking."""
    table = "naive"
    client.create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": "group", "AttributeType": "S"},
            {"AttributeName": "window", "AttributeType": "S"},
        ],
        KeySchema=[
            {"AttributeName": "group", "KeyType": "HASH"},
            {"AttributeName": "window", "KeyType": "RANGE"},
        ],
    )
    (shard,) = store.stream.shards()
    started = perf_counter()
    iterator: str | None = store.stream.iterator(shard.id)
    left = records
    while left and iterator is not None:
        page, iterator = store.stream.read(iterator, min(left, 1_000))
        for record in page:
            row = record.change.new
            assert row is not None
            for window in ("all", row["created_at"][:7], row["created_at"][:10])[:windows]:
                client.update_item(
                    TableName=table,
                    Key={"group": {"S": row["restaurant_id"]}, "window": {"S": window}},
                    UpdateExpression="ADD favorites :one",
                    ExpressionAttributeValues={":one": {"N": "1"}},
                )
        left -= len(page)
    taken = perf_counter() - started
    client.delete_table(TableName=table)
    return taken


@contextmanager
def environment(account: DynamoDBAccount) -> Iterator[None]:
    """The account's credentials for this process, and afterwards those that it had."""
    before = os.environ.copy()
    os.environ.update(account.env)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
