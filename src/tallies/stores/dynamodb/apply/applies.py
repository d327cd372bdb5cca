"""The applies of one program: each thread has its own, and they share what they know of rows."""

from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING

from tallies.stores.clock import Clock
from tallies.stores.dynamodb.apply.apply import GuardedApply
from tallies.stores.dynamodb.apply.in_rows.amounts import RowAmounts
from tallies.stores.dynamodb.apply.in_rows.apply import ROWS_AT_ONCE
from tallies.stores.dynamodb.catalog.settings import Settings
from tallies.stores.dynamodb.stream.stream import Stream

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class Applies:
    """Makes applies for the tallies that the settings name. Threads may share it."""

    def __init__(self, client: "DynamoDBClient", settings: Settings, clock: Clock) -> None:
        """`client` is as of `GuardedApply`."""
        self._client = client
        self._settings = settings
        self._clock = clock
        self._amounts = RowAmounts()

    @cached_property
    def executor(self) -> ThreadPoolExecutor:
        """Writes rows that hold their own positions, in parallel. Threads start when needed."""
        return ThreadPoolExecutor(ROWS_AT_ONCE, "tallies-rows")

    def of(self, stream: Stream) -> GuardedApply:
        """An apply for batches of a stream; the settings note it as that of the tallies if none is.

        Raises:
            WrongStore: the tallies are of the stream of another region.
        """
        if self._settings.stream is None:
            self._settings.follow(stream.arn)
        self._settings.check_replica(stream.arn)
        catalog = self._settings.catalog()
        return GuardedApply(
            self._client,
            catalog.names,
            catalog.folders(),
            clock=self._clock,
            epoch=catalog.epoch,
            redeclared=self._settings.read,
            shards=stream.shards,
            executor=self.executor,
            amounts=self._amounts,
        )

    def close(self) -> None:
        """End the threads."""
        if "executor" in self.__dict__:
            self.executor.shutdown()
