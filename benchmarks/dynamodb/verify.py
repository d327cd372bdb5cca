"""The snapshot of a verify on DynamoDB Local, beside a scan of the same tables and nothing else.

The engine runs on this machine's processors too, so what the snapshot computes takes time from it;
against the service itself its share is smaller.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from itertools import count
from time import sleep
from typing import TYPE_CHECKING

from benchmarks.dynamodb.worker import environment
from benchmarks.harness.measure import in_turns, percentile, seconds
from benchmarks.harness.processes import beside
from benchmarks.harness.result import Bound, Result, Run
from benchmarks.harness.workload import marks, user
from tallies.favorites.on_dynamodb import DynamoFavorites
from tallies.stores.dynamodb.snapshot.read.scan import SEGMENTS
from tallies.stores.sample import Sample
from tests.engines import DynamoDBAccount, EngineMissingError, dynamodb_local

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ACCESS_KEY = "benchmarkverify"
RESTAURANTS = 1_000
READ_UNITS = 500
"""A second: a table of 10 million favorites of 200 bytes is read in 16 minutes."""
PAUSE_SECONDS = 0.005
"""Between two writes, so that the writer does not fill a processor by itself."""
_SCAN = f"""
import sys, time
from tallies.stores.dynamodb.client.clients import Clients
from tallies.stores.dynamodb.client.url import parse_url
location = parse_url(sys.argv[1])
clients = Clients(location.region, location.endpoint)
print("begins", flush=True)
while True:
    for table in (location.prefix + "-favorites", location.prefix + "-tallies"):
        pages = clients.dynamodb.get_paginator("scan").paginate(
            TableName=table, ConsistentRead=True, ReturnConsumedCapacity="TOTAL"
        )
        for page in pages:
            time.sleep(page["ConsumedCapacity"]["CapacityUnits"] / {READ_UNITS})
"""
_REBUILD = f"""
import sys
from tallies.favorites.on_dynamodb import DynamoFavorites
with DynamoFavorites.from_url(sys.argv[1]) as store:
    print("begins", flush=True)
    while True:
        store.rebuild(read_units={READ_UNITS})
"""


def run(run: Run) -> Iterator[Result]:
    """Whole, and a sample of one group in a hundred."""
    rows = run.pick(100_000, 5_000, usual=6_000)
    with ExitStack() as stack:
        try:
            endpoint = stack.enter_context(dynamodb_local())
        except EngineMissingError as missing:
            run.note(f"verify: {missing}")
            return
        account = DynamoDBAccount(endpoint, ACCESS_KEY)
        stack.enter_context(environment(account))
        store = stack.enter_context(DynamoFavorites.from_url(account.store_url("bench")))
        store.init()
        for _ in store.load(marks(rows, days=30, restaurants=RESTAURANTS)):
            pass
        aggregator = store.aggregator()
        while aggregator.step().records:
            pass
        yield from _beside_scan(run, store, account.dynamodb(), rows)
        yield from _writers(run, store)


def _beside_scan(
    run: Run, store: DynamoFavorites, client: "DynamoDBClient", rows: int
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
        rounds = run.pick(5, 3, usual=3)
        (found,) = in_turns(rounds, lambda: [seconds(work)], lambda: [seconds(scan)])  # noqa: B023 # measured at once
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


def _writers(run: Run, store: DynamoFavorites) -> Iterator[Result]:
    """Beside a plain scan of the same tables at the same rate.

    The engine answers one request at a time, and a scan's pages take it some milliseconds, which
    the service spends elsewhere. So the ratio to writers that nobody disturbs is told, not judged.
    Nor is any where the table is small: then a rebuild is at its beginning or end most of the time,
    and those requests are paced by nobody.
    """
    beside_a_scan = Bound("<=", 1.2) if run.size == "full" else None
    numbers = count()

    def one(program: str | None) -> list[float]:
        with beside(program, store.url):
            taken = [_mark(store, next(numbers)) for _ in range(run.pick(1_500, 300, usual=300))]
        return [percentile(taken, share) * 1e3 for share in (0.5, 0.99)]

    peers = [(_SCAN, "a plain scan, as fast", beside_a_scan), (None, "nothing else runs", None)]
    one(None)
    for peer, name, bound in peers if run.size == "full" else peers[:1]:
        pairs = in_turns(run.pick(7, 3, usual=3), lambda: one(_REBUILD), partial(one, peer))
        for share, found in zip(("p50", "p99"), pairs, strict=True):
            yield Result(
                what=f"mark {share} on DynamoDB Local beside a rebuild of {READ_UNITS} units/s",
                unit="ms",
                ours=found.ours,
                peer_name=name,
                peer=found.peer,
                ratio=found.ratio,
                bound=bound,
            )


def _mark(store: DynamoFavorites, number: int) -> float:
    sleep(PAUSE_SECONDS)
    return seconds(lambda: store.mark(user(number), f"restaurant-{number % RESTAURANTS:07d}"))
