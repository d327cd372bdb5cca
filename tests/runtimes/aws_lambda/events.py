"""Events as the event source mapping makes them, from the records of a real stream."""

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tallies.favorites.on_dynamodb import DynamoFavorites


def records_of(store: DynamoFavorites) -> list[dict[str, Any]]:
    """All records of the stream, in the shape in which Lambda hands them over."""
    (shard,) = store.stream.shards()
    return [_as_in_event(record.raw, store.stream.arn) for record in store.stream.after(shard, "")]


def shard_of(store: DynamoFavorites) -> str:
    (shard,) = store.stream.shards()
    return shard.id


def plain(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The event of a mapping without a window."""
    return {"Records": list(records)}


def windowed(
    shard: str,
    records: Sequence[Mapping[str, Any]],
    state: Mapping[str, Any] | None = None,
    *,
    final: bool = False,
) -> dict[str, Any]:
    """The event of a mapping with a tumbling window."""
    return {
        "Records": list(records),
        "window": {"start": "2082-11-23T14:05:00Z", "end": "2082-11-23T14:10:00Z"},
        "state": dict(state or {}),
        "shardId": shard,
        "eventSourceARN": "arn:aws:dynamodb:us-east-1:123456789012:table/app-favorites/stream/x",
        "isFinalInvokeForWindow": final,
        "isWindowTerminatedEarly": False,
    }


def _as_in_event(record: Mapping[str, Any], stream: str) -> dict[str, Any]:
    event = {
        **_plain(record),
        "eventSource": "aws:dynamodb",
        "eventSourceARN": stream,
    }
    if "userIdentity" in event:
        who = event["userIdentity"]
        event["userIdentity"] = {"type": who["Type"], "principalId": who["PrincipalId"]}
    return event


def _plain(value: Any) -> Any:
    match value:
        case datetime():
            return value.timestamp()
        case bytes():
            return base64.b64encode(value).decode()
        case dict():
            return {name: _plain(each) for name, each in value.items()}
        case list():
            return [_plain(each) for each in value]
    return value
