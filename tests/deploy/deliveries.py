"""What the event source mapping would hand to the aggregator, read from a real stream."""

from typing import Any

from tests.engines import DynamoDBAccount


class Context:
    """Time enough."""

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def windowed_event(account: DynamoDBAccount, table: str) -> dict[str, Any]:
    """All of a table's stream as one event with a tumbling window."""
    streams = account.streams()
    arn = account.dynamodb().describe_table(TableName=table)["Table"]["LatestStreamArn"]
    (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    iterator = streams.get_shard_iterator(
        StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    records: list[Any] = list(streams.get_records(ShardIterator=iterator)["Records"])
    for record in records:
        written = record["dynamodb"]["ApproximateCreationDateTime"]
        record["dynamodb"]["ApproximateCreationDateTime"] = written.timestamp()
        record["eventSourceARN"] = arn
    return {
        "Records": records,
        "shardId": shard["ShardId"],
        "state": {},
        "window": {"start": "2082-11-23T17:00:00Z", "end": "2082-11-23T17:01:00Z"},
        "isFinalInvokeForWindow": False,
        "isWindowTerminatedEarly": False,
    }
