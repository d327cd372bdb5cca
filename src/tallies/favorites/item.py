"""A favorite as an item of DynamoDB: its attributes and its key, and the table of such items."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from math import ceil
from typing import TYPE_CHECKING

from tallies.core.errors import InvalidTime, WrongStore, shown
from tallies.core.ids import join_ids
from tallies.core.times import canonical_time, parse_time
from tallies.favorites.favorite import Favorite

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, CreateTableInputTypeDef

    Item = Mapping[str, AttributeValueTypeDef]

USER_INDEX = "by_user"
MAX_PARTITION_KEY_BYTES = 2048


def source_table(name: str) -> "CreateTableInputTypeDef":
    """The shape of the table."""
    return {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [
            {"AttributeName": attribute, "AttributeType": "S"}
            for attribute in ("pk", "user_id", "created_at")
        ],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": USER_INDEX,
                "KeySchema": [
                    {"AttributeName": "user_id", "KeyType": "HASH"},
                    {"AttributeName": "created_at", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    }


def favorite_of(item: "Item") -> Favorite:
    """A row as a favorite.

    Raises:
        WrongStore: it is not one.
    """
    for name in ("user_id", "restaurant_id", "created_at"):
        if "S" not in item.get(name, {}):
            raise WrongStore(f"The row {shown(item.get('pk'))} has no text {name!r}; mend it.")
    note = item.get("note", {}).get("S")
    return Favorite(
        item["user_id"]["S"],
        item["restaurant_id"]["S"],
        item["created_at"]["S"],
        note,
        _expiry(item),
    )


def _expiry(item: "Item") -> str | None:
    if "expires_at" not in item:
        return None
    exactly = item.get("expires_exactly", {}).get("S")
    if exactly is not None:
        # Where another program has changed one of the two, the service goes by the seconds.
        with suppress(InvalidTime):
            if expiry_of(exactly)["expires_at"] == item["expires_at"]:
                return exactly
    return canonical_time(datetime.fromtimestamp(int(item["expires_at"]["N"]), UTC))


def item_of(favorite: Favorite) -> "dict[str, AttributeValueTypeDef]":
    """A favorite as a row."""
    user_id, restaurant_id, created_at, note, expires_at = favorite
    item: dict[str, AttributeValueTypeDef] = {
        **key_of(user_id, restaurant_id),
        "user_id": {"S": user_id},
        "restaurant_id": {"S": restaurant_id},
        "created_at": {"S": created_at},
    }
    return item | note_of(note) | expiry_of(expires_at)


def note_of(note: str | None) -> "dict[str, AttributeValueTypeDef]":
    """The attribute of a note; none for None."""
    return {} if note is None else {"note": {"S": note}}


def expiry_of(expires_at: str | None) -> "dict[str, AttributeValueTypeDef]":
    """The attributes of an expiry; none for None."""
    if expires_at is None:
        return {}
    moment = parse_time(expires_at)
    # DynamoDB's time to live takes whole seconds; readers get the exact moment that was given.
    seconds: dict[str, AttributeValueTypeDef] = {"expires_at": {"N": str(ceil(moment.timestamp()))}}
    return seconds | ({"expires_exactly": {"S": expires_at}} if moment.microsecond else {})


def key_of(user_id: str, restaurant_id: str) -> "dict[str, AttributeValueTypeDef]":
    """The key of a favorite's row."""
    return {"pk": {"S": favorite_key(restaurant_id, user_id)}}


def favorite_key(restaurant_id: str, user_id: str) -> str:
    """The partition key of a favorite: readable where it fits, injective always.

    >>> favorite_key("noodles", "ann")
    'noodles#ann'
    """
    key = join_ids(restaurant_id, user_id)
    if len(key) * 4 > MAX_PARTITION_KEY_BYTES and len(key.encode()) > MAX_PARTITION_KEY_BYTES:
        # Two joined ids always hold the separator, so no pair of ids has a key of this form.
        return f"sha256:{sha256(key.encode()).hexdigest()}"
    return key
