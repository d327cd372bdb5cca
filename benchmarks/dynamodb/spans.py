"""The first 100 of a span and of trending on DynamoDB Local: read units and requests.

Beside the cheapest that does without leaderboards: a scan of the table, eventually consistent.
The engine counts the units itself (`ReturnConsumedCapacity`); requests are what it was asked.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.dynamodb.worker import environment
from benchmarks.harness.board_rows import NOW, board_rows
from benchmarks.harness.result import Result, Run
from benchmarks.sqlite.spans import LIMIT, SPANS
from tallies.core.boards.buckets import bucket_of
from tallies.core.boards.tiling import find_span
from tallies.favorites.on_dynamodb import DynamoFavorites
from tallies.stores.dynamodb.client.paging import at_once, batches, pages
from tallies.stores.dynamodb.rows.keys import row_key
from tallies.stores.dynamodb.rows.ranking import BUCKET
from tallies.stores.dynamodb.rows.read import Reader
from tallies.stores.questions import leaders
from tests.engines import DynamoDBAccount, EngineMissingError, dynamodb_local

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ACCESS_KEY = "benchmarkspans"
_ROWS_OF_A_WRITE = 25


class _Cost(NamedTuple):
    units: float
    requests: int


class _Metered:
    """A client's requests, counted with their read units."""

    def __init__(self, client: "DynamoDBClient") -> None:
        self.client = client
        self._units: list[float] = []
        for operation in ("Query", "BatchGetItem", "Scan"):
            name = f"dynamodb.{operation}"
            client.meta.events.register(f"before-parameter-build.{name}", self._ask)
            client.meta.events.register(f"after-call.{name}", self._note)

    def _ask(self, params: dict[str, Any], **_: object) -> None:
        params["ReturnConsumedCapacity"] = "TOTAL"

    def _note(self, parsed: Any, **_: object) -> None:
        used = parsed["ConsumedCapacity"]
        each = used if isinstance(used, list) else [used]
        self._units.append(sum(one["CapacityUnits"] for one in each))

    def since(self) -> _Cost:
        """What was asked for since the last call of this."""
        units, self._units = self._units, []
        return _Cost(sum(units), len(units))


def run(run: Run) -> Iterator[Result]:
    """Told: a scan grows with the table, the others with what leads in it."""
    with ExitStack() as stack:
        try:
            endpoint = stack.enter_context(dynamodb_local())
        except EngineMissingError as missing:
            run.note(f"spans-dynamodb: {missing}")
            return
        account = DynamoDBAccount(endpoint, ACCESS_KEY)
        stack.enter_context(environment(account))
        for groups in (1_000, run.pick(10_000, 2_000, usual=2_000)):
            with DynamoFavorites.from_url(account.store_url(f"bench{groups}")) as store:
                store.init()
                _fill(account.dynamodb(), store.names.tallies, groups)
                yield from _costs(store, _Metered(account.dynamodb()), groups)


def _costs(store: DynamoFavorites, metered: _Metered, groups: int) -> Iterator[Result]:
    reader = Reader(metered.client, store.settings, None)
    for _ in pages(metered.client.scan, TableName=store.names.tallies):
        pass
    scan = metered.since()
    for name in SPANS:
        assert len(leaders(reader, find_span(name, store.of, NOW), LIMIT)) == LIMIT
        cost = metered.since()
        for unit, ours, peer in (
            ("read units", cost.units, scan.units),
            ("requests", cost.requests, scan.requests),
        ):
            yield Result(
                what=f"top {LIMIT} of {name} among {groups:,} groups on DynamoDB Local",
                unit=unit,
                ours=ours,
                peer_name="Scan of the table",
                peer=peer,
                ratio=ours / peer,
            )


def _fill(client: "DynamoDBClient", table: str, groups: int) -> None:
    requests = [
        {
            "PutRequest": {
                "Item": {
                    **row_key(row.group, row.window),
                    "favorites": {"N": str(row.amount)},
                    "ranking": {"S": row.window},
                    BUCKET: {"N": str(bucket_of(row.amount))},
                }
            }
        }
        for row in board_rows(groups)
    ]

    def write(some: Any) -> None:
        left: Any = {table: some}
        while left:
            left = client.batch_write_item(RequestItems=left)["UnprocessedItems"]

    at_once(write, list(batches(requests, _ROWS_OF_A_WRITE)))
