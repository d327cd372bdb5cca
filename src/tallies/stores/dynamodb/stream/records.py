"""Change records: what the stream says of one write to a row, and its place in the shard."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from tallies.core.amounts import number_of
from tallies.core.change import Change, Image
from tallies.core.errors import WrongStore

VIEW_TYPE = "NEW_AND_OLD_IMAGES"
"""What the records of a stream must hold."""
POSITION_DIGITS = 40
"""The digits of the longest sequence number. Padded to this length, sequence numbers order as text;
they would not fit into DynamoDB's own numbers, which have 38 digits."""
_SHORTEST_SEQUENCE_NUMBER = 21


class StreamRecord(NamedTuple):
    """One record of a change stream, as Lambda hands it over or GetRecords returns it."""

    sequence_number: str
    """As delivered; `change.position` is the same, padded so that it orders as text."""
    event_name: str
    """INSERT, MODIFY or REMOVE."""
    change: Change
    raw: Mapping[str, Any]

    @property
    def event_id(self) -> str:
        """The record's name, unique over all shards, the same whenever it is delivered."""
        event_id: str = self.raw["eventID"]
        return event_id

    @property
    def expired(self) -> bool:
        """Whether DynamoDB removed the row because its time to live was over."""
        identity = self.raw.get("userIdentity") or {}
        # Lambda and GetRecords write the names differently.
        principal = identity.get("principalId") or identity.get("PrincipalId")
        return self.event_name == "REMOVE" and principal == "dynamodb.amazonaws.com"

    @property
    def created_at(self) -> datetime | float | None:
        """About when the row was written, to the second: it measures lag, and gives no order."""
        at: datetime | float | None = self.raw["dynamodb"].get("ApproximateCreationDateTime")
        return at


def position_of(sequence_number: str) -> str:
    """A sequence number as text that orders as the stream does."""
    return sequence_number.zfill(POSITION_DIGITS)


def sequence_number_of(position: str) -> str:
    """A position as the stream's own API takes it."""
    # DynamoDB Local writes 21 digits with leading zeros and compares them as text; on AWS there are
    # never fewer than 21 digits, and no leading zeros.
    return position.lstrip("0").zfill(_SHORTEST_SEQUENCE_NUMBER)


def from_event(record: Mapping[str, Any]) -> StreamRecord:
    """Read one record of a Lambda event or of a GetRecords response.

    Raises:
        WrongStore: the record lacks an image that its kind must have.
    """
    data = record["dynamodb"]
    event_name = record["eventName"]
    old, new = data.get("OldImage"), data.get("NewImage")
    # A REMOVE that claims to have both images but has none removed nothing: DynamoDB Local writes
    # one when two remove a row at the same time.
    nothing = event_name == "REMOVE" and data.get("StreamViewType") == VIEW_TYPE
    if (old is None and event_name != "INSERT" and not nothing) or (
        new is None and event_name != "REMOVE"
    ):
        raise WrongStore(
            f"A stream record holds no {'old' if old is None else 'new'} image; set the stream's"
            f" view type to {VIEW_TYPE} (which makes a new stream) and rebuild the tallies."
        )
    number = data["SequenceNumber"]
    change = Change(
        None if old is None else image_of(old),
        None if new is None else image_of(new),
        number.zfill(POSITION_DIGITS),
    )
    return StreamRecord(number, event_name, change, record)


def image_of(typed: Mapping[str, Mapping[str, Any]]) -> Image:
    """A row from its typed attributes: texts, numbers, booleans, null, maps, lists and sets as
    values; binary ones, which no tally reads, as pairs of type and value."""
    image: dict[str, Any] = {}
    for name, attribute in typed.items():
        for kind, value in attribute.items():
            if kind == "S":
                image[name] = value
            elif kind == "N":
                image[name] = number_of(value)
            else:
                image[name] = _value_of(kind, value)
    return image


def _value_of(kind: str, value: Any) -> Any:
    match kind:
        case "S" | "BOOL":
            return value
        case "N":
            return number_of(value)
        case "NULL":
            return None
        case "M":
            return image_of(value)
        case "L":
            return [_value_of(*pair) for part in value for pair in part.items()]
        case "SS":
            return frozenset(value)
        case "NS":
            return frozenset(map(number_of, value))
        case _:
            return kind, value


def in_order(records: Iterable[StreamRecord]) -> list[StreamRecord]:
    """The records of one shard in its order, each once."""
    by_position = {record.change.position: record for record in records}
    return [by_position[position] for position in sorted(by_position)]
