"""The Lambda handler in Lambda's own runtime client, on DynamoDB Local.

The engine does a transaction of 100 rows in 20 ms and more, which drowns what is ours. Judged is
therefore the processor time of the function's process during the call: waiting costs none.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from statistics import median

from benchmarks.dynamodb.worker import environment
from benchmarks.harness.measure import Paired
from benchmarks.harness.result import Bound, Result, Run
from benchmarks.harness.workload import marks
from tallies.favorites.on_dynamodb import DynamoFavorites
from tallies.favorites.tally import FAVORITES
from tallies.stores.dynamodb.rows.tables import tallies_table
from tests.engines import DynamoDBAccount, EngineMissingError, dynamodb_local
from tests.engines.lambda_rie import lambda_runtime
from tests.layouts import OLDER
from tests.runtimes.aws_lambda.events import plain, records_of, shard_of, windowed

TIMED = "benchmarks.functions.timed_handler.handler"
OURS = "tallies.favorites.aws_aggregator.handler"
NAIVE = "benchmarks.functions.naive_handler.handler"
BATCH = 100
WARM_UP = 3
"""First calls, which make connections and fill caches."""


def run(run: Run) -> Iterator[Result]:
    """Batches of a hundred records, single records, and cold starts."""
    with ExitStack() as stack:
        try:
            endpoint = stack.enter_context(dynamodb_local())
            account = DynamoDBAccount(endpoint, "benchmarkhandler")
            stack.enter_context(environment(account))
            yield from _warm(run, account)
            yield _cold(run, account)
        except EngineMissingError as missing:
            run.note(f"handler: {missing}")


LAYOUTS = {"in transactions": (OLDER, Bound("<=", 5.0, of="ours")), "row by row": ("", None)}
"""How rows are kept, and what is asked of it: a request for each row is a matter of requests."""


def _warm(run: Run, account: DynamoDBAccount) -> Iterator[Result]:
    for number, (way, (layout, bound)) in enumerate(LAYOUTS.items()):
        with DynamoFavorites.from_url(account.store_url(f"warm{number}") + layout) as store:
            yield _batches(run, account, store, way, bound)
            yield _one_event(run, account, store, way)


def _batches(
    run: Run, account: DynamoDBAccount, store: DynamoFavorites, way: str, bound: Bound | None
) -> Result:
    calls = run.pick(60, 20, usual=30)
    store.init()
    for _ in store.load(marks((calls + WARM_UP) * BATCH, days=1, restaurants=1_000)):
        pass
    records, shard = records_of(store), shard_of(store)
    with lambda_runtime(TIMED, {"TALLIES_STORE": store.url, **account.env}) as function:
        taken = []
        for at in range(0, len(records), BATCH):
            answer = function(windowed(shard, records[at : at + BATCH]))
            assert answer["batchItemFailures"] == []
            taken.append(answer["cpu_milliseconds"])
        spent = function.invoke_milliseconds[WARM_UP:]
    return Result(
        what=f"handler, a batch of {BATCH} records {way}: processor time",
        unit="ms",
        ours=median(taken[WARM_UP:]),
        peer_name="the whole call, most of it the engine's",
        peer=median(spent),
        bound=bound,
    )


def _one_event(run: Run, account: DynamoDBAccount, store: DynamoFavorites, way: str) -> Result:
    client = account.dynamodb()
    if "naive" not in client.list_tables()["TableNames"]:
        client.create_table(**tallies_table("naive", FAVORITES))
    first = 10_000_000
    calls = run.pick(60, 20, usual=30)
    for _ in store.load(marks(calls + WARM_UP, days=1, restaurants=1_000, first_user=first)):
        pass
    records, shard = records_of(store)[-calls - WARM_UP :], shard_of(store)
    settings = {"TALLIES_STORE": store.url, "ENDPOINT": account.endpoint, **account.env}
    with lambda_runtime(OURS, settings) as ours, lambda_runtime(NAIVE, settings) as naive:
        for record in records:
            ours(windowed(shard, [record]))
            naive(plain([record]))
        found = _paired(ours.invoke_milliseconds[WARM_UP:], naive.invoke_milliseconds[WARM_UP:])
    return Result(
        what=f"handler, one record {way}",
        unit="ms",
        ours=found.ours,
        peer_name="three UpdateItems without a guard",
        peer=found.peer,
        ratio=found.ratio,
        bound=Bound("<=", 1.5),
    )


def _cold(run: Run, account: DynamoDBAccount) -> Result:
    """From nothing to the end of the first batch."""
    with DynamoFavorites.from_url(account.store_url("cold") + OLDER) as store:
        store.init()
        store.mark("ann", "noodles")
        event = plain(records_of(store))
        settings = {"TALLIES_STORE": store.url, "ENDPOINT": account.endpoint, **account.env}
        times: dict[str, list[float]] = {OURS: [], NAIVE: []}
        for _ in range(run.pick(7, 3, usual=5)):
            for name, found in times.items():
                with lambda_runtime(name, settings) as function:
                    function(event)
                    found.append(function.init_milliseconds[0] + function.invoke_milliseconds[0])
    pair = _paired(times[OURS], times[NAIVE])
    return Result(
        what="handler, cold start with its first record",
        unit="ms",
        ours=pair.ours,
        peer_name="boto3 and three UpdateItems",
        peer=pair.peer,
        ratio=pair.ratio,
        bound=Bound("<=", 1.5),
    )


def _paired(ours: Sequence[float], peer: Sequence[float]) -> Paired:
    return Paired(
        median(ours), median(peer), median(a / b for a, b in zip(ours, peer, strict=True))
    )
