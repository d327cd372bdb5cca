"""The snapshot of a verify on DynamoDB Local, beside a scan of the same tables and nothing else.

The engine runs on this machine's processors too, so what the snapshot computes takes time from it;
against the service itself its share is smaller.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING

from benchmarks.measure import in_turns, seconds
from benchmarks.result import Bound, Result, Run
from benchmarks.worker import environment
from benchmarks.workload import marks
from tallies.stores.dynamodb.snapshot.scan import SEGMENTS
from tallies.stores.dynamodb.store import DynamoStore
from tallies.stores.sample import Sample
from tests.engines import DynamoDBAccount, EngineMissingError, dynamodb_local

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ACCESS_KEY = "benchmarkverify"
RESTAURANTS = 1_000


def run(run: Run) -> Iterator[Result]:
    """Whole, and a sample of one group in a hundred."""
    rows = run.pick(100_000, 20_000)
    with ExitStack() as stack:
        try:
            endpoint = stack.enter_context(dynamodb_local())
        except EngineMissingError as missing:
            run.note(f"verify: {missing}")
            return
        account = DynamoDBAccount(endpoint, ACCESS_KEY)
        stack.enter_context(environment(account))
        store = stack.enter_context(DynamoStore.from_url(account.store_url("bench")))
        store.init()
        for _ in store.load(marks(rows, days=30, restaurants=RESTAURANTS)):
            pass
        aggregator = store.aggregator()
        while aggregator.step().records:
            pass
        yield from _beside_scan(run, store, account.dynamodb(), rows)


def _beside_scan(
    run: Run, store: DynamoStore, client: "DynamoDBClient", rows: int
) -> Iterator[Result]:
    def scan() -> None:
        for table in (store.names.source, store.names.tallies):
            with ThreadPoolExecutor(SEGMENTS) as threads:
                list(threads.map(lambda segment: _segment(client, table, segment), range(SEGMENTS)))  # noqa: B023 # all are done before the next table

    def whole() -> None:
        assert not store.verify().drifted

    def sampled() -> None:
        assert not store.verify(sample=Sample(0.01, 1)).drifted

    scan()
    for what, work, bound in (
        ("verify", whole, Bound("<=", 1.3)),
        ("verify --sample 1%", sampled, None),
    ):
        (found,) = in_turns(run.pick(5, 3), lambda: [seconds(work)], lambda: [seconds(scan)])  # noqa: B023 # measured at once
        yield Result(
            what=f"{what} of {rows:,} favorites on DynamoDB Local",
            unit="s",
            ours=found.ours,
            peer_name="Scan of both tables",
            peer=found.peer,
            ratio=found.ratio,
            bound=bound,
        )


def _segment(client: "DynamoDBClient", table: str, segment: int) -> None:
    pages = client.get_paginator("scan").paginate(
        TableName=table, ConsistentRead=True, TotalSegments=SEGMENTS, Segment=segment
    )
    for _ in pages:
        pass
