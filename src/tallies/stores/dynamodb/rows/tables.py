"""The tables: created where they are missing, checked where they exist."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from tallies.core.errors import InvalidTally, NotInitialised, StoreUnavailable, WrongStore
from tallies.core.tally import Tally
from tallies.stores.dynamodb.catalog.catalog import TallyVersion
from tallies.stores.dynamodb.client.explain import error_code, explain, explained
from tallies.stores.dynamodb.rows.ranking import BUCKET, RANKING_INDEX, ranked_component
from tallies.stores.dynamodb.stream.stream import check_stream
from tallies.stores.layout import OLDEST, Layout

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import CreateTableInputTypeDef

EXPIRY = "expires_at"
"""The attribute that DynamoDB removes rows by, in both tables."""
WAIT_SECONDS = 120


def tallies_table(name: str, tally: Tally, layout: Layout = OLDEST) -> "CreateTableInputTypeDef":
    """The shape of the table that holds a tally, with its leaderboards if it has any.

    Raises:
        InvalidTally: a measure has a name that the layout itself needs.
    """
    table: CreateTableInputTypeDef = {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [
            {"AttributeName": "group", "KeyType": "HASH"},
            {"AttributeName": "time_window", "KeyType": "RANGE"},
        ],
        "AttributeDefinitions": [
            {"AttributeName": "group", "AttributeType": "S"},
            {"AttributeName": "time_window", "AttributeType": "S"},
        ],
    }
    if tally.ranked:
        by = ranked_component(tally)
        if layout.ranking == "buckets":
            by = BUCKET
            if BUCKET in tally.components:
                raise InvalidTally(
                    f"Tally {tally.name!r}: a measure cannot be named {BUCKET!r} where leaderboards"
                    " are ordered by buckets; choose another name."
                )
        table["AttributeDefinitions"] = [
            *table["AttributeDefinitions"],
            {"AttributeName": "ranking", "AttributeType": "S"},
            {"AttributeName": by, "AttributeType": "N"},
        ]
        table["GlobalSecondaryIndexes"] = [
            {
                "IndexName": RANKING_INDEX,
                # Only rows of ranked windows have the attribute, so no others enter.
                "KeySchema": [
                    {"AttributeName": "ranking", "KeyType": "HASH"},
                    {"AttributeName": by, "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ]
    return table


class Tables:
    """Makes and checks the tables of a store."""

    def __init__(
        self,
        client: "DynamoDBClient",
        source: str,
        own_source: "CreateTableInputTypeDef | None" = None,
    ) -> None:
        """`own_source` is the shape of the source if it is to be created, too."""
        self._raw = client
        self._client = explained(client, "the tables")
        self._source = source
        self._own_source = own_source

    def create(self, versions: Sequence[TallyVersion]) -> bool:
        """Create what is missing, check what exists; whether anything was created.

        Raises:
            WrongStore: a table of this name has another shape.
        """
        shapes = [tallies_table(each.table, each.tally, each.layout) for each in versions]
        if self._own_source is not None:
            shapes.insert(0, self._own_source)
        else:
            self._check_source()
        made = [self._create_table(shape) for shape in shapes]
        for shape in shapes:
            check_shape(shape, self._wait(shape["TableName"]))
        # The rest of a table; done last, so that another run completes one that was cut short.
        more = [
            done
            for shape in shapes
            for done in (
                self._expire(shape["TableName"]),
                self._back_up(shape["TableName"]),
            )
        ]
        return any(made) or any(more)

    def _check_source(self) -> None:
        try:
            found = self._client.describe_table(TableName=self._source)["Table"]
        except NotInitialised:
            raise NotInitialised(
                f"There is no table {self._source} to tally; see the declaration's table."
            ) from None
        check_stream(self._source, found.get("StreamSpecification", {}))

    def _create_table(self, shape: "CreateTableInputTypeDef") -> bool:
        try:
            self._client.describe_table(TableName=shape["TableName"])
        except NotInitialised:
            pass
        else:
            return False
        try:
            self._raw.create_table(**shape)
        except ClientError as error:
            if error_code(error) != "ResourceInUseException":  # another program was faster
                explain(error, shape["TableName"], self._raw)
            return False
        return True

    def _wait(self, table: str) -> Mapping[str, Any]:
        for second in range(WAIT_SECONDS + 1):
            if second:
                sleep(1)
            with suppress(NotInitialised):  # a table that is just made may not be heard of yet
                found = self._client.describe_table(TableName=table)["Table"]
                if found["TableStatus"] == "ACTIVE":
                    return found
        raise StoreUnavailable(
            f"The table {table} is not ready after {WAIT_SECONDS} s; run `tallies init` again."
        )

    def _expire(self, table: str) -> bool:
        """Let DynamoDB remove rows past their expiry."""
        found = self._client.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
        if found.get("TimeToLiveStatus") in ("ENABLED", "ENABLING"):
            if found.get("AttributeName") != EXPIRY:
                raise WrongStore(
                    f"The table {table} removes rows by {found.get('AttributeName')!r};"
                    f" set its time to live to {EXPIRY!r}."
                )
            return False
        self._client.update_time_to_live(
            TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": EXPIRY}
        )
        return True

    def _back_up(self, table: str) -> bool:
        """Keep point-in-time backups, where the service has them (DynamoDB Local has not)."""
        end = monotonic() + WAIT_SECONDS
        while True:
            try:
                found = self._raw.describe_continuous_backups(TableName=table)
                backups = found["ContinuousBackupsDescription"]
                point_in_time = backups.get("PointInTimeRecoveryDescription", {})
                if point_in_time.get("PointInTimeRecoveryStatus") == "ENABLED":
                    return False
                self._raw.update_continuous_backups(
                    TableName=table,
                    PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
                )
            except ClientError as error:
                code = error_code(error)
                if code == "UnknownOperationException":
                    return False
                # A new table can be backed up only a little later.
                if code != "ContinuousBackupsUnavailableException" or monotonic() >= end:
                    explain(error, table, self._raw)
                sleep(1)
            else:
                return True


def check_shape(shape: "CreateTableInputTypeDef", found: Mapping[str, Any]) -> None:
    """Check that a table has the shape that it should have.

    Raises:
        WrongStore: it is not.
    """
    table = shape["TableName"]
    types, wanted = _types(found), _types(shape)
    indexes = {each["IndexName"]: each for each in found.get("GlobalSecondaryIndexes", [])}
    _check_key(table, "key", _shown(shape["KeySchema"], wanted), _shown(found["KeySchema"], types))
    for index in shape.get("GlobalSecondaryIndexes", []):
        name = index["IndexName"]
        there = indexes.get(name)
        if there is None:
            raise WrongStore(f"The table {table} has no index {name!r}; choose another prefix.")
        _check_key(
            table,
            f"key of index {name!r}",
            _shown(index["KeySchema"], wanted),
            _shown(there["KeySchema"], types),
            " or, if an earlier version made it, add ranking=measure&guard=transactions to the URL",
        )
    if "StreamSpecification" in shape:
        check_stream(table, found.get("StreamSpecification", {}))


def _check_key(table: str, what: str, should_be: str, is_: str, otherwise: str = "") -> None:
    if should_be != is_:
        raise WrongStore(
            f"The table {table} is none of ours: its {what} is {is_}, not {should_be};"
            f" choose another prefix{otherwise}."
        )


def _types(table: Mapping[str, Any]) -> dict[str, str]:
    return {each["AttributeName"]: each["AttributeType"] for each in table["AttributeDefinitions"]}


def _shown(schema: Iterable[Any], types: Mapping[str, str]) -> str:
    """A key as people write it: pk (S), or group (S) and time_window (S)."""
    ordered = sorted(schema, key=lambda key: str(key["KeyType"]))  # HASH before RANGE
    return " and ".join(f"{k['AttributeName']} ({types.get(k['AttributeName'])})" for k in ordered)
