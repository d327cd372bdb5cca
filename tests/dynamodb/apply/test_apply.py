"""The guarded apply, case by case: what users of counters behind streams have suffered.

Faults are injected into an in-memory database, which is held against DynamoDB Local elsewhere;
`test_apply_local.py` applies to DynamoDB Local itself.
"""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, cast

import pytest
from greenlet import GreenletExit

from tallies.core.errors import InvalidTally
from tallies.stores.dynamodb.apply.apply import GuardedApply
from tallies.stores.dynamodb.apply.batch import ApplyResult
from tallies.stores.dynamodb.apply.content import change_of
from tallies.stores.dynamodb.apply.position import read_position
from tallies.stores.dynamodb.apply.progress import Progress
from tallies.stores.dynamodb.apply.writes import ROW_KEPT
from tallies.stores.dynamodb.rows.keys import is_reserved
from tallies.stores.dynamodb.stream.records import StreamRecord
from tests.dynamodb.apply.service import NOW, SHARD, Service, order, record
from tests.histories.faults import FAULTS


@pytest.fixture(params=["shard", "marked"])
def service(request: pytest.FixtureRequest) -> Service:
    return Service(request.param)


ONCE = {("noodles", "all"): ("2", "10"), ("noodles", "2082-11-23T14"): ("2", "10")}


def two() -> list[StreamRecord]:
    return [record(new=order()), record(new=order())]


def test_field_case_1_a_retry_counts_nothing_twice(service: Service) -> None:
    batch = two()

    assert service.apply(batch).records == 2
    again = service.apply(batch)

    assert (again.records, again.duplicates, again.unapplied_from) == (0, 2, None)
    assert service.rows() == ONCE


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_field_case_1_a_batch_that_is_cut_anew_counts_once(service: Service, cut: int) -> None:
    batch = [*two(), record(new=order("ramen")), record(old=order("ramen"))]

    service.apply(batch[:cut])
    result = service.apply(batch)

    assert (result.records, result.duplicates) == (4 - cut, cut)
    assert service.rows()["noodles", "all"] == ("2", "10")
    assert service.rows().get(("ramen", "all"), ("0", "0")) == ("0", "0")


@pytest.mark.parametrize("fault", ["crash before", "crash after"])
@pytest.mark.parametrize("at", range(8))
def test_field_case_2_where_it_dies_makes_no_difference(
    service: Service, fault: str, at: int
) -> None:
    service.max_actions = 8  # so that the batch needs several transactions
    batch = [record(new=order(f"shop {number}")) for number in range(8)]
    service.network.script = [*[None] * at, fault]
    try:
        service.apply(batch)
    except GreenletExit:
        result = service.apply(batch)
        assert result.records + result.duplicates == 8
    service.network.script = []

    assert service.apply(batch).duplicates == 8
    assert set(service.rows().values()) == {("1", "5")}
    assert len(service.rows()) == 16


@pytest.mark.parametrize("fault", sorted({*FAULTS} - {"crash before", "crash after", "comes late"}))
def test_field_case_3_conflicts_and_lost_answers_are_retried_in_place(
    service: Service, fault: str
) -> None:
    service.network.script = [fault] * 2

    result = service.apply(two())

    assert result.unapplied_from is None
    assert service.rows() == ONCE


def test_field_case_3_a_hot_row_is_written_once_for_a_batch() -> None:
    service = Service("shard", max_actions=10)
    service.apply([record(new=order("first of the shard"))])
    written: list[tuple[str, str]] = []
    send = service.database.transact_write_items

    def watch(**request: Any) -> Any:
        keys = [action["Update"]["Key"] for action in request["TransactItems"]]
        written.extend((key["group"]["S"], key["time_window"]["S"]) for key in keys)
        return send(**request)

    service.database.transact_write_items = watch  # type: ignore[method-assign] # looked at, not changed
    batch = [record(new=order(f"shop {number % 40}")) for number in range(400)]
    service.apply(batch)

    rows = [key for key in written if not is_reserved(key[0])]
    assert len(rows) == len(set(rows)) == 80


def test_field_case_4_a_late_removal_resurrects_no_row(service: Service) -> None:
    kept = order(at="2082-11-23T14:00:00Z")
    service.apply([record(new=kept)])
    service.time.seconds = (NOW + timedelta(hours=2) + ROW_KEPT).timestamp()
    service.database.sweep(service.time.seconds)

    service.apply([record(old=kept)])

    assert service.rows() == {("noodles", "all"): ("0", "0")}


def test_field_case_4_a_removal_that_is_late_under_way_finds_its_row(service: Service) -> None:
    kept = order(at="2082-11-23T14:00:00Z")
    service.apply([record(new=kept)])
    service.time.seconds = datetime(2082, 11, 23, 15, 59, tzinfo=UTC).timestamp()
    service.network.script = ["comes late"]

    result = service.apply([record(old=kept)], seconds=0.001)
    service.time.seconds += 600
    service.database.sweep(service.time.seconds)
    service.network.arrive()

    assert result.unapplied_from is not None
    assert set(service.rows().values()) == {("0", "0")}


def test_field_case_5_an_edit_takes_back_what_was(service: Service) -> None:
    first, second = order(amount=5), order("ramen", 7, "2082-11-23T13:59:59Z")

    service.apply([record(new=first)])
    service.apply([record(first, second)])

    assert service.rows() == {
        ("noodles", "all"): ("0", "0"),
        ("noodles", "2082-11-23T14"): ("0", "0"),
        ("ramen", "all"): ("1", "7"),
        ("ramen", "2082-11-23T13"): ("1", "7"),
    }


def test_an_edit_of_what_no_tally_reads_writes_no_row(service: Service) -> None:
    first = order()
    service.apply([record(new=first)])
    before = service.rows()

    result = service.apply([record(first, {**first, "note": "no onions"})])

    assert result.unapplied_from is None
    assert service.rows() == before


def test_field_case_10_what_has_no_position_starts_at_its_first_record() -> None:
    service = Service("shard")
    client = cast("Any", service.database)
    apply = GuardedApply(client, service.tables, service.folders)

    assert apply.position_of("never seen") == ""

    service.apply(batch := two())
    assert apply.position_of(SHARD) == batch[-1].change.position


def test_field_case_11_an_expiry_counts_as_a_removal(service: Service) -> None:
    service.apply(two())
    identity = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
    expiry = record(old=order(), userIdentity=identity)

    service.apply([expiry])

    assert expiry.expired
    assert service.rows()["noodles", "all"] == ("1", "5")


def test_an_expiry_in_another_region_counts_as_a_removal(service: Service) -> None:
    """A global table replicates it as a deletion that nobody in particular did."""
    service.apply(two())
    replicated = record(old=order())

    service.apply([replicated])
    service.apply([replicated])

    assert "userIdentity" not in replicated.raw
    assert not replicated.expired
    assert service.rows()["noodles", "all"] == ("1", "5")


def test_field_case_13_what_is_not_in_is_reported_with_all_that_follows(service: Service) -> None:
    service.max_actions = 8
    batch = [record(new=order(f"shop {number}")) for number in range(8)]
    service.network.script = [None, *["throttle"] * 1000]

    result = service.apply(batch)
    service.network.script = []

    assert result.reason == "ThrottlingException"
    reported = [each.sequence_number for each in batch].index(result.unapplied_from or "")
    service.apply(batch[reported:])
    assert set(service.rows().values()) == {("1", "5")}
    assert len(service.rows()) == 16


def test_field_case_13_a_bad_record_holds_up_no_other(service: Service) -> None:
    bad = record(new=order(amount="five"))

    result = service.apply([record(new=order()), bad, record(new=order())])

    assert (result.records, result.parked, result.unapplied_from) == (3, 1, None)
    assert service.rows() == ONCE
    (parked,) = service.parked().records()
    assert parked.content["record"] == bad.raw
    assert change_of(parked.content) == bad.change
    assert "'five'" in parked.reason


def test_a_long_record_is_parked_whole_and_given_up_whole(service: Service) -> None:
    noise = Random(2).randbytes(190_000).hex()
    bad = record({**order(amount=None), "menu": noise}, {**order(amount="5"), "menu": noise[::-1]})

    service.apply([bad])

    (parked,) = service.parked().records()
    assert parked.content["record"] == bad.raw
    service.parked().discard(parked.id)
    assert service.parked().count() == 0


def test_field_case_16_a_row_that_was_zero_counts_on(service: Service) -> None:
    service.apply([record(new=order()), record(new=order())])
    service.apply([record(old=order()), record(old=order())])
    assert service.rows()["noodles", "all"] == ("0", "0")

    service.apply(two())

    assert service.rows() == ONCE


def test_after_a_batch_the_shard_is_level() -> None:
    service = Service("shard", max_actions=3)
    batch = [record(new=order(f"shop {number}")) for number in range(9)]
    service.network.script = [None] * 4 + ["crash before"]
    with pytest.raises(GreenletExit):
        service.apply(batch)
    client = cast("Any", service.database)
    assert read_position(client, "tallies", SHARD).progress.ahead

    service.apply(batch[:4])
    service.apply(batch[4:])

    known = read_position(client, "tallies", SHARD)
    assert known.progress == Progress(batch[-1].change.position)
    assert set(service.rows().values()) == {("1", "5")}


@pytest.mark.parametrize("mode", ["shard", "marked"])
def test_nothing_is_nothing(mode: str) -> None:
    assert Service(mode).apply([]) == ApplyResult(0)


def test_too_many_windows_for_markers_are_refused() -> None:
    service = Service("marked", max_actions=7)

    with pytest.raises(InvalidTally, match="tumbling window"):
        service.apply(two())
