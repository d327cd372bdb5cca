"""`python -m benchmarks.scale.one_by_one`: what a row takes that is written by itself.

On DynamoDB Local: processor time of the apply's process for each request, the time of one update,
and how long batches take. Run it on a machine that has nothing else to do.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from time import perf_counter, process_time
from typing import Any, cast

import click

from benchmarks.dynamodb.worker import environment
from benchmarks.dynamodb.write_units import stream_records
from tallies.favorites.on_dynamodb import DynamoFavorites
from tallies.stores.dynamodb.apply.apply import GuardedApply
from tallies.stores.dynamodb.apply.in_rows.apply import ROWS_AT_ONCE
from tallies.stores.dynamodb.rows.keys import row_key
from tallies.stores.dynamodb.stream.stream import Shard
from tests.engines import DynamoDBAccount, dynamodb_local

BATCHES = (1, 10, 100, 1_000)
ROUNDS = 5
WARM_UP = 300
"""Records of the first batch, which makes connections."""


class Counting:
    """A client that counts requests for one row each."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.meta = client.meta
        self.requests = 0

    def update_item(self, **request: Any) -> Any:
        self.requests += 1
        return self._client.update_item(**request)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


@contextmanager
def opened() -> Iterator[tuple[DynamoFavorites, Counting, GuardedApply]]:
    """A store of rows that hold their own positions, ranked by buckets."""
    with dynamodb_local() as endpoint:
        account = DynamoDBAccount(endpoint, "onebyone")
        url = account.store_url("a") + "&guard=rows&ranking=buckets"
        with environment(account), DynamoFavorites.from_url(url) as store:
            store.init()
            client = Counting(store._clients.once)
            shard = Shard("shard", None, "", None)
            catalog = store.settings.catalog()
            apply = GuardedApply(
                cast("Any", client),
                catalog.names,
                catalog.folders(),
                epoch=catalog.epoch,
                shards=lambda: [shard],
                executor=store._applies.executor,
            )
            yield store, client, apply


@click.command()
def main() -> None:
    """Measure, and print a line for each size of a batch: medians, and the least in brackets."""
    with opened() as (store, client, apply):
        records = list(stream_records(WARM_UP + ROUNDS * sum(BATCHES)))
        apply.apply_shard("shard", records[:WARM_UP])
        at = WARM_UP
        for size in BATCHES:
            processor, clock, requests = [], [], []
            for _ in range(ROUNDS):
                client.requests, since, cpu = 0, perf_counter(), process_time()
                if apply.apply_shard("shard", records[at : at + size]).records != size:
                    raise click.ClickException("The batch is not all in.")
                requests.append(client.requests)
                clock.append((perf_counter() - since) * 1_000)
                processor.append((process_time() - cpu) * 1_000 / client.requests)
                at += size
            click.echo(
                f"{size:,} records, {ROWS_AT_ONCE} rows at once: {median(requests):,.0f} requests"
                f" in {median(clock):,.0f} ms [{min(clock):,.0f}], processor"
                f" {median(processor):.2f} ms a request [{min(processor):.2f}]"
            )
        update = {
            "TableName": store.names.rows("favorites"),
            "Key": row_key("noodles", "all"),
            "UpdateExpression": "ADD favorites :one",
            "ExpressionAttributeValues": {":one": {"N": "1"}},
        }
        clock = []
        for _ in range(300):
            since = perf_counter()
            client.update_item(**update)
            clock.append((perf_counter() - since) * 1_000)
        click.echo(f"one update alone: {median(clock):.2f} ms [{min(clock):.2f}]")


if __name__ == "__main__":
    main()
