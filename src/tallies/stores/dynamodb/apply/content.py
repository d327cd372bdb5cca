"""Parked records as rows: kept whole, as readable text where short, compressed where long."""

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zlib import compress, decompress

from tallies.core.change import Change
from tallies.core.fold import Parked
from tallies.core.times import canonical_time
from tallies.stores.dynamodb.rows.keys import PARKED, reserved_group, row_key
from tallies.stores.dynamodb.stream.records import StreamRecord, from_event

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

    Item = dict[str, AttributeValueTypeDef]

PLAIN_BYTES = 100_000
"""Content up to this length is stored as readable text."""
PART_BYTES = 350_000
"""The most packed content in one row: an item of DynamoDB holds 400 KB, and a record can hold two
images of that size."""

UNFIT = "unfit"
"""In the content: which of a record's images are not in the tally. As an attribute of the row: the
one of two that is still parked after a retry has added the other."""

GONE = "gone"
"""Marks the row of a record that has been retried or discarded. Rows that hold their own positions
do not show what was parked, so the marked row stays as long as the record may be delivered
again."""

_ROW_BYTES = 1_000


def parked_items(
    parked: Parked, record: StreamRecord, now: datetime
) -> Iterator[tuple["Item", int]]:
    """The rows that keep a parked record, and what each weighs in bytes."""
    change, tally, reason = parked
    text = _text(change, record)
    head: Item = {
        **row_key(reserved_group(PARKED), parked_id(record, tally)),
        "tally": {"S": tally},
        "reason": {"S": reason},
        "parked_at": {"S": canonical_time(now)},
    }
    if len(text) <= PLAIN_BYTES:
        yield {**head, "content": {"S": text.decode()}}, _ROW_BYTES + len(text)
        return
    packed = compress(text)
    parts = [packed[at : at + PART_BYTES] for at in range(0, len(packed), PART_BYTES)]
    yield {**head, "parts": {"N": str(len(parts))}, "packed": {"B": parts[0]}}, PART_BYTES
    for number, part in enumerate(parts[1:], 1):
        key = row_key(reserved_group(PARKED), f"{parked_id(record, tally)}#{number}")
        yield {**key, "packed": {"B": part}}, PART_BYTES


def parked_id(record: StreamRecord, tally: str) -> str:
    """The name of a parked record: those of one shard sort in its order."""
    return f"{record.change.position}#{record.event_id}#{tally}"


def head_of(time_window: str) -> str:
    """The name of a parked record from the sort key of any of its rows."""
    return "#".join(time_window.split("#", 3)[:3])


def content_of(items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The content of a parked record from its rows, in their order."""
    if "content" in items[0]:
        text = items[0]["content"]["S"].encode()
    else:
        text = decompress(b"".join(bytes(item["packed"]["B"]) for item in items))
    found: dict[str, Any] = json.loads(text)
    if UNFIT in items[0]:
        found[UNFIT] = [items[0][UNFIT]["S"]]
    return found


def change_of(content: Mapping[str, Any]) -> Change:
    """The part of a parked change that is not in its tally."""
    record = from_event(content["record"])
    old, new, position = record.change
    unfit = content[UNFIT]
    return Change(old if "old" in unfit else None, new if "new" in unfit else None, position)


def unfit_of(change: Change) -> list[str]:
    """Which images a change has, by name."""
    old, new, _ = change
    return [name for name, image in (("old", old), ("new", new)) if image is not None]


def _text(change: Change, record: StreamRecord) -> bytes:
    content = {UNFIT: unfit_of(change), "record": record.raw}
    # Half a surrogate pair has no UTF-8, but JSON has an escape for it.
    return json.dumps(content, ensure_ascii=False, default=_plain).encode(errors="backslashreplace")


def _plain(value: Any) -> Any:
    if isinstance(value, bytes | bytearray):
        return {"base64": b64encode(value).decode()}
    if isinstance(value, datetime):
        return value.timestamp()
    return str(value)
