"""Mending: what is missing in the tallies is added, exactly once, while they go on changing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from tallies.core.errors import StoreUnavailable, UnknownWindow
from tallies.core.windows import parse_window
from tallies.stores.dynamodb.keys import TableNames, reserved_key, row_key
from tallies.stores.dynamodb.snapshot.differences import Compared
from tallies.stores.dynamodb.transactions import OutOfTime, Refused, Sender
from tallies.stores.dynamodb.writes import Writer
from tallies.stores.protocol import Clock

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

MEND = "mend"
SECONDS = 60.0
"""How long one transaction is tried."""


@dataclass
class Mender:
    """One run of mending. Each of its transactions checks and moves the run's own item.

    A run that begins takes that item over, so that nothing of an earlier one, which may have died
    with a request under way, can come after it.
    """

    client: "DynamoDBClient"
    sender: Sender
    writer: Writer
    names: TableNames
    clock: Clock

    def begin(self) -> None:
        """Take over from any earlier run. From here on its differences come too late."""
        self._run = uuid4().hex
        self._part = 0
        self.client.put_item(
            TableName=self.names.tallies,
            Item={**reserved_key(MEND), "run": {"S": self._run}, "part": {"N": "0"}},
        )

    def add(self, tally: str, rows: Sequence[Compared]) -> None:
        """Add what some rows of a tally differ by, in one transaction: at most 99.

        Raises:
            StoreUnavailable: another run has taken over, or the table is busy.
        """
        self._commit(list(self._actions(tally, rows)))

    def _actions(
        self, tally: str, rows: Sequence[Compared]
    ) -> "Iterable[TransactWriteItemTypeDef]":
        known: dict[tuple[str, str], Any] = {}
        for row in rows:
            try:
                parse_window(row.window)
            except UnknownWindow:  # nothing of ours wrote it
                key = row_key(row.group, row.window)
                yield {"Delete": {"TableName": self.names.rows(tally), "Key": key}}
            else:
                known[row.group, row.window] = row.difference
        for write in self.writer.rows({tally: known}, self.clock()):
            yield write.action

    def _commit(self, actions: "list[TransactWriteItemTypeDef]") -> None:
        guard: TransactWriteItemTypeDef = {
            "Update": {
                "TableName": self.names.tallies,
                "Key": reserved_key(MEND),
                "UpdateExpression": "SET part = :next",
                "ConditionExpression": "run = :run AND part = :part",
                "ExpressionAttributeValues": {
                    ":run": {"S": self._run},
                    ":part": {"N": str(self._part)},
                    ":next": {"N": str(self._part + 1)},
                },
            }
        }
        try:
            self.sender.transact([*actions, guard], monotonic() + SECONDS)
        except Refused:
            if not self._is_in():
                raise StoreUnavailable("Another rebuild has begun and takes over.") from None
        except OutOfTime as error:
            raise StoreUnavailable(
                f"The table {self.names.tallies} is busy: {error}; run it again."
            ) from None
        self._part += 1

    def _is_in(self) -> bool:
        """Whether the refused transaction is in: its answer got lost, and it was asked again."""
        found = self.client.get_item(
            TableName=self.names.tallies, Key=reserved_key(MEND), ConsistentRead=True
        ).get("Item", {})
        run, part = found.get("run", {}).get("S"), found.get("part", {}).get("N")
        return (run, part) == (self._run, str(self._part + 1))
