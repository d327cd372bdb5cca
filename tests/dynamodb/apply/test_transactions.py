"""How writes are packed, and how requests are sent again."""

from itertools import pairwise
from random import Random
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError, NoCredentialsError
from hypothesis import given
from hypothesis import strategies as st

from tallies.core.errors import StoreError
from tallies.stores.dynamodb.apply.progress import END
from tallies.stores.dynamodb.apply.transactions import (
    MAX_BYTES,
    OutOfTime,
    Part,
    Refused,
    Sender,
    is_transient,
    pack,
)
from tallies.stores.dynamodb.apply.writes import Write
from tests.histories.fake import FakeDynamoDB, error
from tests.histories.faults import FaultyClient, Network, SimulatedTime

writes = st.lists(
    st.builds(
        lambda group, row, size: Write(f"{group}/t/{row}", {}, size),
        st.sampled_from("0123"),
        st.sampled_from("abcdef"),
        st.sampled_from([1, 1, MAX_BYTES // 3]),
    ),
    max_size=40,
)


@given(writes, st.integers(1, 9))
def test_parts_hold_all_writes_of_the_lanes_before_their_ends(some: list[Write], room: int) -> None:
    parts = pack(some, room)

    assert parts[-1].end == END
    assert sorted(write for part in parts for write in part.writes) == sorted(some)
    for part, following in pairwise(parts):
        assert all(write.lane < part.end for write in part.writes)
        assert all(write.lane >= part.end for write in following.writes)


@given(writes, st.integers(1, 9))
def test_parts_are_as_full_as_whole_lanes_allow(some: list[Write], room: int) -> None:
    for part in pack(some, room):
        lanes = {write.lane for write in part.writes}
        assert len(lanes) <= 1 or (
            len(part.writes) <= room and sum(write.size for write in part.writes) <= MAX_BYTES
        )


def test_a_group_that_fits_is_written_at_once() -> None:
    some = [Write(f"{group}/t/{row}", {}, 1) for group in "abc" for row in "xyz"]

    assert [len(part.writes) for part in pack(some, 5)] == [3, 3, 3]


def test_nothing_to_write_is_one_part() -> None:
    assert pack([]) == [Part(END, [])]


@pytest.fixture
def network() -> Network:
    time = SimulatedTime(0.0)
    return Network(FakeDynamoDB(time.monotonic), Random(1), time, {})


@pytest.fixture
def sender(network: Network) -> Sender:
    client = cast("Any", network.client("client"))
    return Sender(client, network.time.monotonic, network.time.sleep)


ADD: Any = {
    "Update": {
        "TableName": "t",
        "Key": {"group": {"S": "a"}, "time_window": {"S": "all"}},
        "UpdateExpression": "SET updated_at = :at ADD #0 :0",
        "ExpressionAttributeNames": {"#0": "total"},
        "ExpressionAttributeValues": {":at": {"S": "now"}, ":0": {"N": "1"}},
    }
}


def total(network: Network) -> str | None:
    row = network.database.tables.get("t", {}).get(("a", "all"))
    return None if row is None else str(row["total"]["N"])


@pytest.mark.parametrize("fault", ["throttle", "conflict", "gateway", "unsent", "answer lost"])
def test_what_may_come_through_is_sent_until_it_does(
    sender: Sender, network: Network, fault: str
) -> None:
    network.script = [fault] * 3

    sender.transact([ADD], deadline=60)

    assert total(network) == "1"
    assert network.time.seconds > 0, "retries wait"


@pytest.mark.parametrize("reason", ["ProvisionedThroughputExceeded", "ThrottlingError"])
def test_capacity_that_is_used_up_makes_counts_late_and_not_wrong(
    network: Network, reason: str
) -> None:
    """A table with two units a second, and what was saved of them for three."""
    units_a_second, saved_seconds, of_transaction = 2, 3, 2
    time, spent = network.time, 0.0

    class Provisioned:
        def transact_write_items(self, **request: Any) -> Any:
            nonlocal spent
            spent = max(spent, (time.monotonic() - saved_seconds) * units_a_second)
            if spent + of_transaction > time.monotonic() * units_a_second:
                raise error("TransactionCanceledException", "", reason)
            spent += of_transaction
            return network.database.transact_write_items(**request)

    time.sleep(saved_seconds)
    sender = Sender(cast("Any", Provisioned()), time.monotonic, time.sleep)
    for _ in range(20):
        sender.transact([ADD], deadline=1000)

    assert total(network) == "20"
    assert time.seconds >= 20 * of_transaction / units_a_second
    assert is_transient(error("ProvisionedThroughputExceededException"))


def test_a_request_that_arrives_after_it_was_given_up_counts_once(
    sender: Sender, network: Network
) -> None:
    network.script = ["comes late"]
    sleep = network.time.sleep

    def arrives_meanwhile(seconds: float) -> None:
        sleep(seconds)
        if network.late:
            network.arrive()

    sender.sleep = arrives_meanwhile
    sender.transact([ADD], deadline=60)

    assert total(network) == "1"


@pytest.mark.parametrize("fault", ["throttle", "conflict", "gateway", "unsent", "answer lost"])
def test_the_deadline_is_kept(sender: Sender, network: Network, fault: str) -> None:
    network.script = [fault] * 1000

    with pytest.raises(OutOfTime):
        sender.transact([ADD], deadline=5)

    assert network.time.seconds < 5


def test_after_the_deadline_nothing_is_sent(sender: Sender, network: Network) -> None:
    with pytest.raises(OutOfTime):
        sender.transact([ADD], deadline=0)

    assert total(network) is None


def test_a_refusal_says_which_actions(sender: Sender, network: Network) -> None:
    hopeless = {"Update": {**ADD["Update"], "ConditionExpression": "attribute_exists(#0)"}}
    other = {"Update": {**ADD["Update"], "Key": {"group": {"S": "b"}, "time_window": {"S": "x"}}}}

    with pytest.raises(Refused) as refused:
        sender.transact(cast("Any", [other, hopeless]), deadline=60)

    assert refused.value.failed == [1]


def test_a_conflict_beside_a_refusal_is_a_refusal() -> None:
    both = error(
        "TransactionCanceledException", "", "TransactionConflict", "ConditionalCheckFailed"
    )

    assert not is_transient(both)


@pytest.mark.parametrize(
    "failure",
    [
        NoCredentialsError(),
        error("AccessDeniedException"),
        error("ResourceNotFoundException"),
        error("ValidationException"),
        error("TransactionCanceledException", "TransactWriteItems", "ValidationError"),
    ],
)
def test_what_never_comes_through_is_told_at_once(
    sender: Sender, network: Network, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    def fail(self: FaultyClient, operation: str, request: Any) -> Any:
        raise failure

    monkeypatch.setattr(FaultyClient, "_send", fail)

    with pytest.raises(StoreError):
        sender.transact([ADD], deadline=60)
    if not isinstance(failure, ClientError) or "Canceled" not in str(failure):
        with pytest.raises(StoreError):
            sender.persist(lambda: cast("Any", sender.client).get_item(), deadline=60)
    assert network.time.seconds == 0
