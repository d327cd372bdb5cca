"""The Lambda function behind the event source mapping; an application gives it a name of its own.

It is configured by the environment variables TALLIES_STORE (dynamodb://REGION/PREFIX) and, for
tallies of a table of the user's own, TALLIES_DECLARATION (a file in the package). TALLIES_TABLE
names the table if its name is not known when the file is written. What a store keeps already stays
as it is, whatever the file says: `tallies rebuild` changes it.

It takes both shapes of event. With a tumbling window, an event names its shard, and records are
recognized by the shard's position; without one, each record gets a marker of its own, which costs
two write units more. If not all records are applied before the time is up, the function reports the
sequence number of the first that is not (ReportBatchItemFailures has to be on), and Lambda delivers
from there again.
"""

import gc
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from time import monotonic, time
from typing import Any, Protocol

from tallies.core.declaration.declaration import Declaration, read_declaration
from tallies.core.errors import InvalidInput, InvalidStoreUrl, InvalidTally, TalliesError
from tallies.stores.dynamodb.apply.apply import GuardedApply
from tallies.stores.dynamodb.apply.batch import ApplyResult
from tallies.stores.dynamodb.catalog.settings import GuardKind
from tallies.stores.dynamodb.store import DynamoStore
from tallies.stores.dynamodb.stream.records import StreamRecord, from_event

STORE = "TALLIES_STORE"
DECLARATION = "TALLIES_DECLARATION"
TABLE = "TALLIES_TABLE"
NAMESPACE = "tallies"
MARGIN_SECONDS = 1.5
"""Time kept in reserve, or a third of the remaining time if that is less: for the request that is
under way at the deadline, and for the answer."""

_POSITION = "position"
"""The key in a window's state of the position up to which all records of the shard are applied."""

_UNITS = {
    "records": "Count",
    "duplicates": "Count",
    "parked": "Count",
    "unapplied": "Count",
    "age": "Seconds",
    "fold": "Milliseconds",
    "commit": "Milliseconds",
}


class Context(Protocol):
    """The part of Lambda's context object that is used."""

    def get_remaining_time_in_millis(self) -> int: ...


Open = Callable[[str, Declaration | None], DynamoStore]


def _open(url: str, declared: Declaration | None) -> DynamoStore:
    return DynamoStore.from_url(url, declared, strictly=False)


_opens: list[Open] = [_open]


def start(opens: Open) -> None:
    """Have an application, which knows what new tables are for, open the store.

    In a function's environment it is opened at once, since there is more CPU while the environment
    starts than later. A mistake in the configuration is logged here, and raised at every call.
    """
    _opens[:] = [opens]
    if "AWS_LAMBDA_FUNCTION_NAME" not in os.environ:
        return
    try:
        store().warm()
        if difference := store().undeclared():
            _log({"level": "WARNING", "message": difference})
        # What is loaded now stays; the collector need not traverse it at every batch.
        gc.freeze()
    except TalliesError as error:
        _log({"level": "ERROR", "message": str(error)})


@cache
def store() -> DynamoStore:
    """The store of this environment, opened once.

    Raises:
        InvalidStoreUrl: TALLIES_STORE is missing or wrong.
    """
    url = os.environ.get(STORE)
    if not url:
        raise InvalidStoreUrl(f"Set {STORE} for this function, like dynamodb://REGION/PREFIX.")
    return _opens[0](url, declared())


def declared() -> Declaration | None:
    """What this environment declares; None accepts what the store keeps.

    Raises:
        InvalidTally: the file is no valid declaration, or does not exist.
    """
    if not (path := os.environ.get(DECLARATION)):
        return None
    try:
        declaration = read_declaration(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        raise InvalidTally(
            f"{DECLARATION} names {path}, which cannot be read; pack the file with the function."
        ) from None
    return Declaration(declaration.tallies, os.environ.get(TABLE) or declaration.table)


@cache
def apply_by(guard: GuardKind, stream: str | None) -> GuardedApply:
    """The apply for batches. Lambda never runs two events in one process at a time."""
    return store().guarded_apply(guard, stream)


def handler(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Apply one event of the mapping.

    Raises:
        TalliesError: nothing can be applied until something is mended: the configuration, a policy,
            the tables. Lambda keeps the records and calls again.
    """
    windowed = "window" in event
    records = event.get("Records", [] if windowed else None)
    if not isinstance(records, list) or (windowed and records and "shardId" not in event):
        raise InvalidInput(
            "This is no event of a table's stream; call the function by an event source mapping."
        )
    failures: list[dict[str, str]] = []
    state = event.get("state") or {}
    if records:
        result, read = _apply(event.get("shardId") if windowed else None, records, context)
        if result.unapplied_from is not None:
            failures = [{"itemIdentifier": result.unapplied_from}]
        elif windowed and apply_by("positions", records[0].get("eventSourceARN")).only_notes:
            state = {**state, _POSITION: max(record.change.position for record in read)}
        _log(_line(result, read))
    if event.get("isFinalInvokeForWindow") and _POSITION in state and "shardId" in event:
        apply_by("positions", event.get("eventSourceARN")).note(event["shardId"], state[_POSITION])
    answer: dict[str, Any] = {"batchItemFailures": failures}
    # A window's response without state counts as a failed invocation. The position kept in it saves
    # a note for each batch: the tables hold all that was applied anyway.
    return answer | ({"state": state} if windowed else {})


def _apply(
    shard: str | None, records: Sequence[Mapping[str, Any]], context: Context
) -> tuple[ApplyResult, list[StreamRecord]]:
    try:
        read = [from_event(record) for record in records]
    except (KeyError, TypeError, AttributeError):
        raise InvalidInput(
            "These records are none of a DynamoDB stream; check the event source mapping."
        ) from None
    remaining = context.get_remaining_time_in_millis() / 1000
    deadline = monotonic() + remaining - min(MARGIN_SECONDS, remaining / 3)
    stream = records[0].get("eventSourceARN")
    if shard is None:
        store().settings.claim("markers")  # the last call may have been long ago
        return apply_by("markers", stream).apply_marked(read, deadline), read
    return apply_by("positions", stream).apply_shard(shard, read, deadline), read


def _line(result: ApplyResult, records: Sequence[StreamRecord]) -> dict[str, Any]:
    """What happened, as a readable log line and, in CloudWatch's embedded format, as metrics.

    Written here because the library for it takes a third of a cold start. No ids: a log must not
    show whose favorites they are.
    """
    written = [record.created_at for record in records]
    oldest = min((at for at in written if isinstance(at, int | float)), default=None)
    figures: dict[str, float] = {
        "records": result.records,
        "duplicates": result.duplicates,
        "parked": result.parked,
        "unapplied": len(records) - result.records - result.duplicates,
        "fold": round(result.fold_seconds * 1000, 3),
        "commit": round(result.commit_seconds * 1000, 3),
    }
    if oldest is not None:
        figures["age"] = max(0.0, round(time() - oldest, 3))
    line: dict[str, Any] = {
        "_aws": {
            "Timestamp": int(time() * 1000),
            "CloudWatchMetrics": [
                {
                    "Namespace": NAMESPACE,
                    "Dimensions": [["store"]],
                    "Metrics": [{"Name": name, "Unit": _UNITS[name]} for name in figures],
                }
            ],
        },
        "level": "WARNING" if result.unapplied_from else "INFO",
        "message": result.reason or "applied",
        "store": store().location.prefix,
        **figures,
    }
    if result.unapplied_from:
        line["unapplied_from"] = result.unapplied_from
    return line


def _log(line: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
