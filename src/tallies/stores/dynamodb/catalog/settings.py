"""The settings: what a store says of itself, so that writers and readers agree."""

from contextlib import suppress
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

from tallies.core.declaration.declaration import Declaration
from tallies.core.errors import NotInitialised, StoreUnavailable, WrongStore
from tallies.stores.dynamodb.catalog.catalog import FIRST_EPOCH, Catalog, dump, load
from tallies.stores.dynamodb.client.explain import explained
from tallies.stores.dynamodb.rows.keys import SETTINGS, TableNames, reserved_key
from tallies.stores.dynamodb.stream.replica import check_same
from tallies.stores.layout import NEWEST, OLDEST, LayoutWish

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, UpdateTypeDef

FORMAT = 2
"""The newest format that is known. A store that has only layouts of the first keeps that one."""

GuardKind = Literal["positions", "markers"]
"""What shows that a record has been applied: its shard's position, or a marker of its own."""


READ_AGAIN_SECONDS = 5.0
"""How long readers may rely on what they have read of the settings."""


class Settings:
    """The settings item of a store, remembered for a while."""

    def __init__(
        self,
        client: "DynamoDBClient",
        names: TableNames,
        wanted: LayoutWish,
        declared: Declaration | None,
        *,
        is_declared: bool = False,
    ) -> None:
        """`wanted` is the layout that the store URL names, for a store that is yet to be made.

        `declared` is what a store without settings keeps; with `is_declared`, what any must keep.
        """
        self._client = explained(client, f"table {names.tallies}")
        self._table = names.tallies
        self._names = names
        self._wanted = wanted
        self._declared = declared
        self._is_declared = is_declared
        self._guard: str | None = None
        self.stream: str | None = None
        """The stream that the tallies are of, as of the last read of the settings; None before it
        was noted."""
        self._catalog: Catalog | None = None
        self._read_at = 0.0

    def first(self) -> Catalog:
        """What a store without settings keeps.

        Raises:
            NotInitialised: nothing was declared for it.
        """
        if self._declared is None:
            raise NotInitialised(
                f"The table {self._table} does not say what it tallies; run `tallies init"
                " --declaration FILE`."
            )
        return Catalog.first(self._names, self._declared, self._wanted.of(NEWEST))

    def create(self, catalog: Catalog, stream: str) -> bool:
        """Write the item, with this catalog and stream, if there is none; whether it was written.

        Raises:
            WrongStore: the item that is there is of other tallies.
        """
        try:
            self._client.put_item(
                TableName=self._table,
                Item={
                    **reserved_key(SETTINGS),
                    **self._item(catalog),
                    "stream": {"S": stream},
                },
                ConditionExpression="attribute_not_exists(time_window)",
            )
        except ClientError:
            self.read()
            return False
        self.stream = stream
        return True

    def guard(self) -> str | None:
        """The kind of guard that the tallies have; None before the first record."""
        if self._guard != "positions":  # that kind never changes again
            self.read()
        return self._guard

    def catalog(self) -> Catalog:
        """What the store keeps, at most some seconds old.

        Raises:
            WrongStore: it is not what was declared or wanted, or is of a later format.
        """
        if self._catalog is None or monotonic() - self._read_at > READ_AGAIN_SECONDS:
            return self.read()
        return self._catalog

    def move(self, before: Catalog, after: Catalog) -> None:
        """Begin a new epoch.

        Raises:
            StoreUnavailable: another program has begun one.
        """
        values: dict[str, AttributeValueTypeDef] = {
            ":before": {"N": str(before.epoch)},
            ":after": {"N": str(after.epoch)},
            ":live": {"S": dump(after.live)},
            ":building": {"S": dump(after.building)},
            ":format": {"N": str(format_of(after))},
        }
        try:
            self._client.update_item(
                TableName=self._table,
                Key=reserved_key(SETTINGS),
                UpdateExpression="SET epoch = :after, live = :live, building = :building,"
                " #format = :format",
                ExpressionAttributeNames={"#format": "format"},
                ConditionExpression="epoch = :before",
                ExpressionAttributeValues=values,
            )
        except ClientError:
            raise StoreUnavailable(
                "Somebody else changes what the store keeps; see who, and run it again."
            ) from None
        self._catalog = after

    def claim(self, guard: GuardKind) -> None:
        """Make sure that the tallies have this kind of guard; they get it if they had none.

        Neither kind recognizes what was applied under the other, so a record that came both ways
        would count twice.

        Raises:
            WrongStore: they have the other kind, or rows that need to know the shard.
        """
        every = (*self.catalog().live, *self.catalog().building) if guard == "markers" else ()
        if any(version.layout.guard == "rows" for version in every):
            raise WrongStore(_NO_MARKERS.format(table=self._table))
        if self.guard() is None:
            item = self._item(self.catalog())  # a template's tables have none yet
            with suppress(ClientError):  # another program was faster
                self._client.update_item(
                    TableName=self._table,
                    Key=reserved_key(SETTINGS),
                    UpdateExpression="SET #guard = :guard"
                    + "".join(f", #{name} = if_not_exists(#{name}, :{name})" for name in item),
                    ConditionExpression="attribute_not_exists(#guard) OR #guard = :guard",
                    ExpressionAttributeNames={f"#{name}": name for name in ("guard", *item)},
                    ExpressionAttributeValues={
                        ":guard": {"S": guard},
                        **{f":{name}": value for name, value in item.items()},
                    },
                )
            self.read()
        if self._guard != guard:
            raise WrongStore(_OTHER_GUARD[guard].format(table=self._table))

    def follow(self, stream: str, *, anew: bool = False) -> None:
        """Note which stream the tallies are of, if that is not noted; with `anew`, in any case.

        A table whose stream is turned off and on has a new one, and what was written in between is
        in neither: only a count over the source makes the tallies those of the new stream.
        """
        value = ":stream" if anew else "if_not_exists(#stream, :stream)"
        updated = self._client.update_item(
            TableName=self._table,
            Key=reserved_key(SETTINGS),
            UpdateExpression=f"SET #stream = {value}",
            ExpressionAttributeNames={"#stream": "stream"},
            ExpressionAttributeValues={":stream": {"S": stream}},
            ReturnValues="UPDATED_NEW",
        )
        self.stream = updated["Attributes"]["stream"]["S"]  # another program may have been faster

    def check_replica(self, stream: str) -> None:
        """Check that a stream is that of the very table whose changes the tallies count.

        Each replica of a global table has a stream of its own that holds every change: a program
        that applied two of them would count each change twice.

        Raises:
            WrongStore: it is the stream of another replica, or of another table.
        """
        if self.stream is not None:
            check_same(self.stream, stream, self._table)

    def by_positions(self) -> "UpdateTypeDef":
        """The update from markers to positions; to be made together with the positions."""
        return {
            "TableName": self._table,
            "Key": reserved_key(SETTINGS),
            "UpdateExpression": "SET #guard = :positions",
            "ConditionExpression": "#guard = :markers",
            "ExpressionAttributeNames": {"#guard": "guard"},
            "ExpressionAttributeValues": {
                ":positions": {"S": "positions"},
                ":markers": {"S": "markers"},
            },
        }

    @staticmethod
    def _item(catalog: Catalog) -> "dict[str, AttributeValueTypeDef]":
        return {
            "format": {"N": str(format_of(catalog))},
            "source": {"S": catalog.names.source},
            "epoch": {"N": str(FIRST_EPOCH)},
            "live": {"S": dump(catalog.live)},
        }

    def read(self) -> Catalog:
        """What the store keeps now.

        Raises:
            WrongStore: as `catalog`.
        """
        found: dict[str, Any] = self._client.get_item(
            TableName=self._table, Key=reserved_key(SETTINGS), ConsistentRead=True
        ).get("Item", {})
        self._guard = found.get("guard", {}).get("S")
        self.stream = found.get("stream", {}).get("S")
        if "format" not in found:  # a template's tables have no item yet
            catalog = self.first()
        else:
            self._check(found)
            catalog = Catalog(
                TableNames(found["source"]["S"], self._table),
                int(found["epoch"]["N"]),
                load(found["live"]["S"]),
                load(found["building"]["S"]) if "building" in found else (),
            )
            if self._is_declared and self._declared is not None:
                catalog.check(self._declared)
        self._catalog, self._read_at = catalog, monotonic()
        return catalog

    def _check(self, found: dict[str, Any]) -> None:
        if (version := int(found["format"]["N"])) > FORMAT:
            raise WrongStore(
                f"The table {self._table} is of format {version}, and this tallies knows"
                f" {FORMAT}; install a newer one."
            )
        source = found["source"]["S"]
        if self._is_declared and source != self._names.source:
            raise WrongStore(
                f"The table {self._table} tallies {source}, not {self._names.source}; give each"
                " source a store of its own."
            )

    def check_layouts(self, catalog: Catalog) -> None:
        """Check that the store is kept as its URL says.

        Only who makes a store needs that: what runs goes by the store, which a rebuild converts
        under it.

        Raises:
            WrongStore: it is not.
        """
        for version in catalog.live:
            for name in self._wanted.differs(version.layout):
                wanted, there = getattr(self._wanted, name), getattr(version.layout, name)
                raise WrongStore(
                    f"The tallies in {self._table} are kept with {name}={there},"
                    f" not {wanted}; leave {name} out of the store URL, or change it with"
                    f" `tallies rebuild --{name.replace('_', '-')} {wanted}`."
                )


def format_of(catalog: Catalog) -> int:
    """The format that a catalog needs: programs of the first one do not know all layouts."""
    every = (*catalog.live, *catalog.building)
    oldest = all(replace(version.layout, ranking_shards=1) == OLDEST for version in every)
    return 1 if oldest else FORMAT


_NO_MARKERS = (
    "The rows in {table} hold the positions of shards, and these records name no shard; give the"
    " event source mapping a tumbling window, which tells the function the shard."
)
_OTHER_GUARD = {
    "positions": (
        "The records in {table} are marked one by one, by an event source mapping without a"
        " tumbling window; give it one, or disable it, and run `tallies rebuild --by-positions`."
    ),
    "markers": (
        "The records in {table} are told by their shard's position; give the event source mapping"
        " a tumbling window, which tells the function the shard."
    ),
}
