"""The apply through our fast client, beside boto3's own, on DynamoDB Local.

Records a second say how much of a batch is the engine's; the processor time is the client's.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from time import perf_counter, process_time
from typing import TYPE_CHECKING

from benchmarks.dynamodb.worker import environment
from benchmarks.dynamodb.write_units import stream_records
from benchmarks.harness.measure import in_turns
from benchmarks.harness.result import Bound, Result, Run
from tallies.core.fold import Folder
from tallies.favorites.on_dynamodb import DynamoFavorites
from tallies.favorites.tally import FAVORITES
from tallies.stores.dynamodb.apply.apply import GuardedApply
from tallies.stores.dynamodb.client.clients import Clients
from tests.engines import DynamoDBAccount, EngineMissingError, dynamodb_local
from tests.layouts import OLDER

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BATCH = 100


def run(run: Run) -> Iterator[Result]:
    """The fast client has to earn its place: at most 0.6 of boto3's processor time."""
    with ExitStack() as stack:
        try:
            endpoint = stack.enter_context(dynamodb_local())
        except EngineMissingError as missing:
            run.note(f"clients: {missing}")
            return
        account = DynamoDBAccount(endpoint, "benchmarkclients")
        stack.enter_context(environment(account))
        records = list(stream_records(run.pick(4_000, 1_000, usual=1_500)))
        shards = count()
        with DynamoFavorites.from_url(account.store_url("a") + OLDER) as store:
            store.init()
            clients = Clients("us-east-1", endpoint)

            def apply(client: "DynamoDBClient") -> list[float]:
                """Records a second, and processor milliseconds of a batch."""
                shard = f"shard-{next(shards)}"
                through = GuardedApply(client, store.names, [Folder(FAVORITES)])
                wall, cpu = perf_counter(), process_time()
                for first in range(0, len(records), BATCH):
                    done = through.apply_shard(shard, records[first : first + BATCH])
                    assert done.unapplied_from is None, done.reason
                wall, cpu = perf_counter() - wall, process_time() - cpu
                return [len(records) / wall, cpu * 1000 / (len(records) / BATCH)]

            apply(clients.once)
            apply(account.dynamodb())
            throughput, cpu = in_turns(
                run.pick(5, 3, usual=3),
                lambda: apply(clients.once),
                lambda: apply(account.dynamodb()),
            )
            clients.close()
    what = f"apply of batches of {BATCH}"
    yield Result(
        what,
        "records/s",
        throughput.ours,
        "boto3 in place of the fast client",
        throughput.peer,
        throughput.ratio,
        higher_is_better=True,
    )
    bound = Bound("<=", 0.6)
    yield Result(f"{what}: processor", "ms", cpu.ours, "boto3", cpu.peer, cpu.ratio, bound)
