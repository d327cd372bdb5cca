"""Favorites on DynamoDB: their table, as a key-value store, whose stream is the change log."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import groupby, islice
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from tallies.core.declaration.declaration import Declaration
from tallies.core.times import canonical_time
from tallies.favorites.favorite import UNSET, Event, Favorite, Unset
from tallies.favorites.item import (
    USER_INDEX,
    expiry_of,
    favorite_of,
    item_of,
    key_of,
    note_of,
    source_table,
)
from tallies.favorites.tally import FAVORITES
from tallies.stores.clock import Clock, utc_now
from tallies.stores.dynamodb.catalog.catalog import Catalog
from tallies.stores.dynamodb.client.explain import explained
from tallies.stores.dynamodb.client.paging import batch_get, rows
from tallies.stores.dynamodb.client.url import Location
from tallies.stores.dynamodb.store import DynamoStore

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

TABLE = "favorites"
"""Ends the name of the table, after the store's prefix."""
LOAD_CHUNK = 2_000
"""Events that `load` reads before it reports."""
LOAD_THREADS = 32


class DynamoFavorites(DynamoStore):
    """Favorites and their tallies: the five operations, a user's list, the bulk load.

    Threads may share it.

    No write here replaces a row's time: a row is made once and removed once, which is all that the
    event filter of the favorites tally lets through. A mark over an expired row is therefore two
    writes, the removal and the new row.
    """

    def __init__(
        self,
        location: Location,
        declared: Declaration | None = None,
        *,
        strictly: bool = True,
        clock: Clock = utc_now,
    ) -> None:
        """`declared` is what the store has to keep; None for what it keeps, or usual windows."""
        self._source_table = f"{location.prefix}-{TABLE}"
        default = Declaration([FAVORITES], self._source_table)
        if declared is not None and declared.table is None:
            declared = Declaration(declared.tallies, self._source_table)
        super().__init__(
            location,
            declared,
            strictly=strictly,
            clock=clock,
            default=default,
            own_source=source_table(self._source_table),
        )
        self._client = explained(self._clients.dynamodb, "the tables")

    @property
    def favorites_table(self) -> str:
        return self._source_table

    def _check_source(self, declared: Declaration, catalog: Catalog) -> None:
        if declared.table is not None:
            super()._check_source(declared, catalog)

    def now(self) -> str:
        """The present moment in canonical form."""
        return canonical_time(self._clock())

    def mark(
        self, user_id: str, restaurant_id: str, *, created_at: str | None = None
    ) -> tuple[Favorite, bool]:
        while True:
            favorite = Favorite(user_id, restaurant_id, created_at or self.now())
            existing = self._insert(favorite)
            if existing is None:
                return favorite, True
            if not self._is_over(existing):
                return existing, False
            self._remove(existing)

    def put(
        self, user_id: str, restaurant_id: str, *, note: str | None, expires_at: str | None
    ) -> tuple[Favorite, bool]:
        while True:
            favorite = Favorite(user_id, restaurant_id, self.now(), note, expires_at)
            existing = self._insert(favorite)
            if existing is None:
                return favorite, True
            if self._is_over(existing):
                self._remove(existing)
            elif changed := self._rewrite(existing, note=note, expires_at=expires_at):
                return changed, False

    def get(self, user_id: str, restaurant_id: str) -> Favorite | None:
        found = self._client.get_item(
            TableName=self._source_table, Key=key_of(user_id, restaurant_id), ConsistentRead=True
        ).get("Item")
        favorite = None if found is None else favorite_of(found)
        return None if favorite is None or self._is_over(favorite) else favorite

    def update(
        self,
        user_id: str,
        restaurant_id: str,
        *,
        note: str | Unset | None = UNSET,
        expires_at: str | Unset | None = UNSET,
    ) -> Favorite | None:
        while True:
            existing = self.get(user_id, restaurant_id)
            if existing is None:
                return None
            changed = self._rewrite(existing, note=note, expires_at=expires_at)
            if changed:
                return changed

    def unmark(self, user_id: str, restaurant_id: str) -> bool:
        response = self._client.delete_item(
            TableName=self._source_table, Key=key_of(user_id, restaurant_id), ReturnValues="ALL_OLD"
        )
        return "Attributes" in response

    def favorites_of(
        self, user_id: str, limit: int, after: tuple[str, str] | None = None
    ) -> list[Favorite]:
        created_at, restaurant_id = after or ("~", "")  # `~` is after every timestamp
        now = self.now()
        found: list[Favorite] = []
        # The index orders only by time, so those of one time are collected and sorted.
        newest_first = self._rows_of(user_id, created_at, limit + 1)
        for time, same in groupby(newest_first, key=attrgetter("created_at")):
            found += sorted(
                (
                    favorite
                    for favorite in same
                    if (time < created_at or favorite.restaurant_id > restaurant_id)
                    and not _is_over(favorite, now)
                ),
                key=attrgetter("restaurant_id"),
            )
            if len(found) >= limit:
                break
        return found[:limit]

    def favorites_among(self, user_id: str, restaurant_ids: Sequence[str]) -> list[Favorite]:
        keys = [key_of(user_id, restaurant_id) for restaurant_id in restaurant_ids]
        now = self.now()
        found = map(favorite_of, batch_get(self._client, self._source_table, keys))
        by_id = sorted(
            (favorite for favorite in found if not _is_over(favorite, now)),
            key=attrgetter("restaurant_id"),
        )
        return sorted(by_id, key=attrgetter("created_at"), reverse=True)

    def load(self, events: Iterable[Event]) -> Iterator[int]:
        done = 0
        stream = iter(events)
        with ThreadPoolExecutor(LOAD_THREADS) as threads:
            while chunk := list(islice(stream, LOAD_CHUNK)):
                # In order for each row; between rows there is no order to keep.
                by_row: dict[tuple[str, str], list[Event]] = {}
                for event in chunk:
                    by_row.setdefault((event.user_id, event.restaurant_id), []).append(event)
                for _ in threads.map(self._replay, by_row.values()):
                    pass
                done += len(chunk)
                yield done

    def _replay(self, events: list[Event]) -> None:
        """The events of one row. Only the last removal and the mark that counts are written."""
        removals = [index for index, event in enumerate(events) if event.op == "unmark"]
        if removals:
            self.unmark(events[0].user_id, events[0].restaurant_id)
            events = events[removals[-1] + 1 :]
        if events:
            first = events[0]
            self.mark(first.user_id, first.restaurant_id, created_at=first.created_at)

    def _insert(self, favorite: Favorite) -> Favorite | None:
        """Write a new row; return the row in the way if there is one."""
        try:
            self._client.put_item(
                TableName=self._source_table,
                Item=item_of(favorite),
                ConditionExpression="attribute_not_exists(pk)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as refused:
            response: dict[str, Any] = dict(refused.response)
            if "Item" in response:
                return favorite_of(response["Item"])
            raise
        return None

    def _rewrite(
        self, existing: Favorite, *, note: str | Unset | None, expires_at: str | Unset | None
    ) -> Favorite | None:
        """Write what is given into the row; return the result, or None if another row is there.

        Nothing else is touched: two may change the two attributes at the same time.
        """
        item: dict[str, AttributeValueTypeDef] = {}
        names: list[str] = []
        if note is not UNSET:
            names += ["note"]
            item |= note_of(note)
        if expires_at is not UNSET:
            names += ["expires_at", "expires_exactly"]
            item |= expiry_of(expires_at)
        if not names:
            return existing
        sets = ", ".join(f"{name} = :{name}" for name in item)
        removes = ", ".join(name for name in names if name not in item)
        try:
            found = self._client.update_item(
                TableName=self._source_table,
                Key=key_of(existing.user_id, existing.restaurant_id),
                UpdateExpression=f"SET {sets}" * bool(sets) + f" REMOVE {removes}" * bool(removes),
                ConditionExpression="created_at = :was",
                ExpressionAttributeValues={
                    ":was": {"S": existing.created_at},
                    **{f":{name}": value for name, value in item.items()},
                },
                ReturnValues="ALL_NEW",
            )
        except ClientError:
            return None
        return favorite_of(found["Attributes"])

    def _remove(self, existing: Favorite) -> None:
        """Remove a row that is past its expiry, if it is still the existing one."""
        item = item_of(existing)
        # Changed or removed meanwhile: the caller looks again.
        with suppress(ClientError):
            self._client.delete_item(
                TableName=self._source_table,
                Key={"pk": item["pk"]},
                ConditionExpression="created_at = :made AND expires_at = :until",
                ExpressionAttributeValues={
                    ":made": item["created_at"],
                    ":until": item["expires_at"],
                },
            )

    def _rows_of(self, user_id: str, until: str, page: int) -> Iterator[Favorite]:
        found = rows(
            self._client.query,
            TableName=self._source_table,
            IndexName=USER_INDEX,
            KeyConditionExpression="user_id = :user AND created_at <= :until",
            ExpressionAttributeValues={":user": {"S": user_id}, ":until": {"S": until}},
            ScanIndexForward=False,
            Limit=page,
        )
        return map(favorite_of, found)

    def _is_over(self, favorite: Favorite) -> bool:
        return _is_over(favorite, self.now())


def _is_over(favorite: Favorite, now: str) -> bool:
    return favorite.expires_at is not None and favorite.expires_at <= now
