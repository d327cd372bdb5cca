"""A simulated database that can be read whole, and the stream of its source as a rebuild reads it.

Shards that split and several at a time are what DynamoDB Local does not have. It answers by the
documented rules: a scan in pages, a transaction that reads as of one moment, a parent's records
before its children's.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tallies.stores.dynamodb.stream.records import StreamRecord
from tallies.stores.dynamodb.stream.stream import MAX_RECORDS, Shard, in_lineage_order
from tests.histories.fake import FakeDynamoDB
from tests.histories.faults import Network
from tests.histories.schedule import die, pause
from tests.histories.source import KEY, SimulatedShard, SimulatedSource, wire

PAGE = 3
"""Items of a page."""


class ReadableDynamoDB(FakeDynamoDB):
    """Also the source table itself, which only its writers change."""

    def __init__(
        self, monotonic: Callable[[], float], source: SimulatedSource, source_table: str
    ) -> None:
        super().__init__(monotonic)
        self._source = source
        self._source_table = source_table

    def describe_table(self, **request: Any) -> dict[str, Any]:
        assert request["TableName"] == self._source_table
        key = [{"AttributeName": KEY, "KeyType": "HASH"}]
        return {"Table": {"KeySchema": key, "ItemCount": len(self._source.rows)}}

    def scan(self, **request: Any) -> dict[str, Any]:
        assert request["ConsistentRead"], "a row that is there may not be overlooked"
        items = self._items(request["TableName"])
        start = request.get("ExclusiveStartKey")
        after = None if start is None else _place(start)
        left = sorted(
            (place, item) for place, item in items.items() if after is None or place > after
        )
        page = left[:PAGE]
        asked = request.get("ExpressionAttributeNames", {})
        wanted = [
            asked[name] for name in request.get("ProjectionExpression", "").split(", ") if name
        ]
        found: dict[str, Any] = {
            "Items": [
                {name: value for name, value in item.items() if name in wanted or not wanted}
                for _, item in page
            ]
        }
        found["ConsumedCapacity"] = {"CapacityUnits": 1.0}
        if len(left) > PAGE:
            found["LastEvaluatedKey"] = dict(page[-1][1])
        return found

    def _items(self, table: str) -> dict[tuple[str, ...], Mapping[str, Any]]:
        if table == self._source_table:
            rows = self._source.rows.copy()  # a scan reads ahead in a thread of its own
            items = [{KEY: {"N": str(key)}, **wire(row)} for key, row in rows.items()]
            return {_place(item): item for item in items}
        return dict(self.tables.get(table, {}).items())

    def batch_get_item(self, **request: Any) -> dict[str, Any]:
        ((table, wanted),) = request["RequestItems"].items()
        assert wanted["ConsistentRead"]
        rows: Mapping[Any, Mapping[str, Any]] = self.tables.get(table, {})
        found = [dict(rows[_place(key)]) for key in wanted["Keys"] if _place(key) in rows]
        return {"Responses": {table: found}}

    def transact_get_items(self, **request: Any) -> dict[str, Any]:
        assert 0 < len(request["TransactItems"]) <= 100
        responses = []
        for get in request["TransactItems"]:
            table = self.tables.get(get["Get"]["TableName"], {})
            item = table.get(
                (get["Get"]["Key"]["group"]["S"], get["Get"]["Key"]["time_window"]["S"])
            )
            responses.append({} if item is None else {"Item": dict(item)})
        return {"Responses": responses}


def _place(item: Mapping[str, Any]) -> tuple[str, ...]:
    if KEY in item:
        return (item[KEY]["N"].zfill(9),)
    return item["group"]["S"], item["time_window"]["S"]


class PatientClient:
    """What a rebuild asks with where the client itself asks again until there is an answer."""

    meta = None

    def __init__(self, network: Network, deadliness: float) -> None:
        self._network = network
        self._deadliness = deadliness

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def ask(**request: Any) -> Any:
            # A page of a scan is asked for by a thread of the scan's own, which nobody switches.
            if name != "scan":
                pause()
                if self._network.random.random() < self._deadliness:
                    die()
            return getattr(self._network.database, name)(**request)

        return ask


class SimulatedStream:
    """The source's stream."""

    arn = "arn:simulated"

    def __init__(self, source: SimulatedSource) -> None:
        self._source = source
        self._by_id: dict[str, SimulatedShard] = {}
        self._parents: set[str | None] = set()

    def shards(self) -> list[Shard]:
        return in_lineage_order(
            _as_listed(shard, is_over=self._is_over(shard.id)) for shard in self._source.shards
        )

    def iterator(self, shard: str, after: str = "") -> str:
        records = self._shard(shard).records
        return f"{shard}|{sum(record.change.position <= after for record in records)}"

    def newest(self, shard: str) -> str:
        return f"{shard}|{len(self._shard(shard).records)}"

    def read(
        self, iterator: str, limit: int = MAX_RECORDS
    ) -> tuple[list[StreamRecord], str | None]:
        name, _, start = iterator.partition("|")
        page = self._shard(name).records[int(start) :][: min(limit, PAGE)]
        end = int(start) + len(page)
        is_read = end == len(self._shard(name).records)
        return list(page), None if self._is_over(name) and is_read else f"{name}|{end}"

    def after(
        self, shard: Shard, position: str, limit: int = MAX_RECORDS
    ) -> Iterator[StreamRecord]:
        iterator: str | None = self.iterator(shard.id, position)
        while iterator is not None:
            records, iterator = self.read(iterator, limit)
            yield from records
            if not records:
                return

    def _shard(self, name: str) -> SimulatedShard:
        self._know_all()
        return self._by_id[name]

    def _is_over(self, name: str) -> bool:
        self._know_all()
        return name in self._parents

    def _know_all(self) -> None:
        for shard in self._source.shards[len(self._by_id) :]:
            self._by_id[shard.id] = shard
            self._parents.add(shard.parent)


def _as_listed(shard: SimulatedShard, *, is_over: bool) -> Shard:
    numbers = [record.change.position for record in shard.records]
    first, last = (numbers[0], numbers[-1]) if numbers else ("0" * 40, "0" * 40)
    if len(numbers) % 3 == 1:  # the end may be the number of no record
        last = f"{int(last) + 1:040}"
    return Shard(shard.id, shard.parent, first, last if is_over else None)
