"""Transactions: how writes are packed into them, sent, and sent again."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import groupby
from operator import attrgetter
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from uuid import uuid4

from botocore import exceptions as aws
from botocore.exceptions import BotoCoreError, ClientError
from tenacity import RetryCallState, Retrying, retry_if_exception, wait_random_exponential

from tallies.stores.dynamodb.apply.progress import END
from tallies.stores.dynamodb.apply.writes import Write
from tallies.stores.dynamodb.client.explain import TRANSIENT_CODES, error_code, explain

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import (
        TransactWriteItemTypeDef,
        UpdateItemInputTypeDef,
        UpdateTypeDef,
    )

MAX_ACTIONS = 100
MAX_BYTES = 3_500_000
"""DynamoDB takes 4 MB; writes are weighed by estimate."""

FIRST_PAUSE_SECONDS = 0.025
LONGEST_PAUSE_SECONDS = 2.0

_TRANSIENT_REASONS = frozenset(
    {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}
)
_REFUSED = "ConditionalCheckFailed"
_CONDITIONAL = frozenset({"TransactionCanceledException", "ConditionalCheckFailedException"})
_TABLES = "the tables"
_FAILURES = (BotoCoreError, aws.HTTPClientError, ClientError)
"""What a request raises that gets no answer, or the answer that it failed."""

T = TypeVar("T")


class OutOfTime(Exception):
    """A request did not succeed before the deadline. It may or may not have been applied."""


class Refused(Exception):
    """A condition did not hold; nothing of the transaction was applied."""

    def __init__(self, failed: Sequence[int], item: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self.failed = failed
        """The indexes of the actions whose conditions did not hold."""
        self.item = item or {}
        """The item as it was, where the request asked for it."""


class Part(NamedTuple):
    """What one transaction carries: all writes of the lanes up to before `end`."""

    end: str
    writes: Sequence[Write]


def pack(writes: Sequence[Write], room: int = MAX_ACTIONS - 1) -> list[Part]:
    """Pack writes, in lane order, into as few transactions as keep groups whole, but at least one.

    `room` is the number of actions that a transaction has for them. The rows of a group go into one
    transaction wherever they fit, so that readers never see half of a change; the writes of one
    lane always do.
    """
    parts: list[Part] = []
    load: list[Write] = []
    size = 0
    ordered = sorted(writes, key=_lane)
    for group, run in groupby(ordered, key=_group):
        unit = list(run)
        weight = sum(write.size for write in unit)
        if len(unit) <= room and weight <= MAX_BYTES:
            pieces = [(group, unit, weight)]
        else:
            pieces = [
                (lane, same, sum(write.size for write in same))
                for lane, same in ((lane, list(some)) for lane, some in groupby(unit, key=_lane))
            ]
        for start, piece, heavy in pieces:
            if load and (len(load) + len(piece) > room or size + heavy > MAX_BYTES):
                parts.append(Part(start, load))
                load, size = [], 0
            load.extend(piece)
            size += heavy
    parts.append(Part(END, load))
    return parts


_lane = attrgetter("lane")


def _group(write: Write) -> str:
    return write.lane.partition("/")[0]


@dataclass
class Sender:
    """Sends requests until they come through, are refused, or time is up."""

    client: "DynamoDBClient"
    """One that does not retry by itself: the sender knows what may be repeated, and how long."""
    monotonic: Callable[[], float] = monotonic
    sleep: Callable[[float], None] = sleep
    new_token: Callable[[], str] = field(default=lambda: uuid4().hex)

    def transact(self, actions: "Sequence[TransactWriteItemTypeDef]", deadline: float) -> None:
        """Commit the actions, all or none.

        Raises:
            Refused: the condition of an action does not hold.
            OutOfTime: `deadline`, on the monotonic clock, is too near.
            StoreError: DynamoDB will never take them.
        """
        token = self.new_token()

        def send() -> None:
            nonlocal token
            try:
                self.client.transact_write_items(TransactItems=actions, ClientRequestToken=token)
            except ClientError as error:
                # A definite refusal. The token is for the other case, a lost answer: sending the
                # same request under the same token then asks whether it was applied.
                if error_code(error) == "TransactionCanceledException":
                    token = self.new_token()
                raise

        self._commit(send, deadline)

    def update(
        self, action: "UpdateTypeDef | UpdateItemInputTypeDef", deadline: float
    ) -> Mapping[str, Any]:
        """As `transact`, for one update: half the price. Returns the attributes asked for."""
        found: Any = self._commit(lambda: self.client.update_item(**action), deadline)
        attributes: Mapping[str, Any] = found.get("Attributes", {})
        return attributes

    def put(self, table: str, item: Any, condition: str | None, deadline: float) -> None:
        """As `transact`, for one row that is written whole."""
        conditional: Any = {} if condition is None else {"ConditionExpression": condition}
        self._commit(
            lambda: self.client.put_item(TableName=table, Item=item, **conditional), deadline
        )

    def _commit(self, send: Callable[[], object], deadline: float) -> object:
        try:
            return self.persist(send, deadline)
        except ClientError as error:
            reasons = _reasons(error)
            if _REFUSED in reasons:
                failed = [index for index, reason in enumerate(reasons) if reason == _REFUSED]
                raise Refused(failed) from error
            if error_code(error) == "ConditionalCheckFailedException":
                raise Refused([0], error.response.get("Item")) from error  # type: ignore[arg-type] # the stubs have no Item
            explain(error, _TABLES, self.client)

    def persist(self, request: Callable[[], T], deadline: float) -> T:
        """Make a request that may be repeated, until there is an answer.

        Raises:
            OutOfTime: `deadline` is too near.
            ClientError: the answer is that a condition does not hold.
            StoreError: DynamoDB will never take it.
        """
        if self.monotonic() >= deadline:
            raise OutOfTime("the time for this batch was over")

        try:
            try:
                return request()
            except _FAILURES as error:
                if not is_transient(error):
                    raise
                return self._again(error, request, deadline)
        except _FAILURES as error:
            if is_transient(error):
                raise OutOfTime(_short(error)) from error
            if isinstance(error, ClientError) and error_code(error) in _CONDITIONAL:
                raise
            explain(error, _TABLES, self.client)

    def _again(self, failed: Exception, request: Callable[[], T], deadline: float) -> T:
        """Go on after a first request that failed; raises what the last one did."""
        first = [failed]

        def attempt() -> T:
            if first:
                raise first.pop()
            return request()

        def is_time_up(state: RetryCallState) -> bool:
            return self.monotonic() + state.upcoming_sleep >= deadline

        # Made only now: making one takes longer than all else that is done for a row.
        retrying = Retrying(
            retry=retry_if_exception(is_transient),
            wait=wait_random_exponential(FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS),
            stop=is_time_up,
            sleep=self.sleep,
            reraise=True,
        )
        return retrying(attempt)


def is_transient(error: BaseException) -> bool:
    """Whether the same request may succeed later."""
    if isinstance(error, ClientError):
        reasons = set(_reasons(error))
        if reasons:
            return _REFUSED not in reasons and bool(reasons & _TRANSIENT_REASONS)
        return (
            error_code(error) in TRANSIENT_CODES
            or _status(error) >= HTTPStatus.INTERNAL_SERVER_ERROR
        )
    # No answer: time-outs, connections that broke or could not be made.
    return isinstance(error, aws.HTTPClientError | aws.ConnectionError)


def _reasons(error: ClientError) -> list[str]:
    response: dict[str, Any] = dict(error.response)
    return [reason.get("Code", "") for reason in response.get("CancellationReasons", [])]


def _status(error: ClientError) -> int:
    # A gateway that fails sends a page of its own, without an error code of DynamoDB.
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)


def _short(error: Exception) -> str:
    if isinstance(error, ClientError):
        reasons = sorted(set(_reasons(error)) & _TRANSIENT_REASONS)
        return ", ".join(reasons) or error_code(error)
    return type(error).__name__
