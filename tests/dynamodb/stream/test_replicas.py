"""A source that is a global table: each change counts once where one region aggregates."""

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest

from tallies.core.declaration.declaration import Declaration, read_declaration
from tallies.core.errors import WrongStore
from tallies.favorites.on_dynamodb import DynamoFavorites
from tallies.stores.dynamodb.rows.keys import SETTINGS, reserved_key
from tallies.stores.dynamodb.store import DynamoStore
from tests.cli.command import tallies
from tests.dynamodb.stream.replicas import REPLICATION, Replica, Version, replicate
from tests.dynamodb.traffic import settle
from tests.engines import DynamoDBAccount
from tests.length import at_length

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TOML = """
table = "orders"

[[tally]]
name = "sales"
group_by = "city"
measures = { orders = "count", revenue = { sum = "total" } }
ranked = ["all"]
"""
ELSEWHERE = "arn:aws:dynamodb:eu-west-1:123456789012:table/app-favorites/stream/2082-11-23T00:00"


@pytest.fixture
def declared() -> Declaration:
    return read_declaration(TOML)


@pytest.fixture
def abroad(aws_environment: DynamoDBAccount) -> Iterator[DynamoDBAccount]:
    """The same account in another region."""
    account = DynamoDBAccount(aws_environment.endpoint, aws_environment.access_key, "eu-west-1")
    yield account
    account.wipe()


def act(replica: Replica, dice: random.Random, version: int) -> None:
    """A user of a region writes a row, or removes one that was written in his region."""
    row = f"o{dice.randrange(12)}"
    if dice.random() < 0.7:
        city, total = dice.choice(["Rome", "Oslo"]), dice.choice(["1", "0.5", "-3"])
        replica.put(row, version, city={"S": city}, total={"N": total})
    elif replica.rows().get(row, {}).get("written_in") == {"S": replica.region}:
        replica.delete(row)


def counted(store: DynamoStore) -> dict[str, list[Any]]:
    return {row.group: [row.values["orders"], row.values["revenue"]] for row in store.rows()}


def group_by(replica: Replica) -> dict[str, list[Any]]:
    """By hand, in units of a half."""
    rows: Counter[str] = Counter()
    halves: Counter[str] = Counter()
    for row in replica.rows().values():
        rows[row["city"]["S"]] += 1
        halves[row["city"]["S"]] += int(float(row["total"]["N"]) * 2)
    return {city: [count, halves[city] / 2] for city, count in rows.items()}


@pytest.mark.slow(but="1-2019")
@pytest.mark.parametrize("version", get_args(Version))
@pytest.mark.parametrize("seed", range(2))
def test_one_region_counts_what_either_region_writes_once(
    aws_environment: DynamoDBAccount,
    abroad: DynamoDBAccount,
    declared: Declaration,
    version: Version,
    seed: int,
) -> None:
    """Rows that both regions write at the same time included: one of the two wins."""
    here, there = Replica(aws_environment, version), Replica(abroad, version)
    dice = random.Random(seed)
    with DynamoStore.from_url(aws_environment.store_url("app"), declared) as store:
        store.init()
        for step in range(1, at_length(160, least=64) + 1):
            act(dice.choice([here, there]), dice, step)
            if step % 8 == 0:
                replicate(here, there)
            if step % 30 == 0:
                settle(store)
                assert counted(store) == group_by(here)
        replicate(here, there)
        settle(store)

        assert here.rows() == there.rows()
        assert counted(store) == group_by(here)
        assert store.verify().drifted == []
        assert store.parked.count() == 0
    images = here.client.scan(TableName="orders")["Items"]
    stamped = any(name.startswith(REPLICATION) for image in images for name in image)
    assert stamped == (version == "2017.11.29")


@pytest.mark.slow(but="2019")
@pytest.mark.parametrize("version", get_args(Version))
def test_two_regions_may_count_each_its_own_replica_in_tables_of_its_own(
    aws_environment: DynamoDBAccount,
    abroad: DynamoDBAccount,
    declared: Declaration,
    version: Version,
) -> None:
    here, there = Replica(aws_environment, version), Replica(abroad, version)
    with (
        DynamoStore.from_url(aws_environment.store_url("app"), declared) as one,
        DynamoStore.from_url(abroad.store_url("app"), declared) as other,
    ):
        one.init()
        other.init()
        dice = random.Random(7)
        for step in range(1, 81):
            act(dice.choice([here, there]), dice, step)
        replicate(here, there)
        settle(one)
        settle(other)
        assert counted(one) == counted(other) == group_by(here)
        assert (one.verify().drifted, other.verify().drifted) == ([], [])


@pytest.fixture
def elsewhere(store: DynamoFavorites, client: "DynamoDBClient") -> Iterator[DynamoFavorites]:
    """A store as it is where the tallies, too, are a global table, and another region aggregates:
    their settings, which came from there, name the stream of there."""
    client.update_item(
        TableName=store.names.tallies,
        Key=reserved_key(SETTINGS),
        UpdateExpression="SET #stream = :there",
        ExpressionAttributeNames={"#stream": "stream"},
        ExpressionAttributeValues={":there": {"S": ELSEWHERE}},
    )
    with DynamoFavorites.from_url(store.url) as opened:
        yield opened


def test_a_second_region_is_refused(elsewhere: DynamoFavorites, tmp_path: Path) -> None:
    elsewhere.mark("ann", "noodles")
    before = elsewhere.tally("noodles", ["all"])  # may be read
    for attempt in (
        elsewhere.guarded_apply,
        elsewhere.aggregator,
        elsewhere.verify,
        lambda: elsewhere.rebuild(folder=tmp_path),
    ):
        with pytest.raises(WrongStore, match=r"from app-favorites in eu-west-1 \(account 123"):
            attempt()
    assert elsewhere.tally("noodles", ["all"]) == before == {"all": 0}
    status = elsewhere.status()
    assert "in one region only" in status.details["trouble"]
    assert (status.lag_records, status.lag_seconds) == (None, None)
    for command in ("worker", "verify", "rebuild"):
        ran = tallies(command, store=elsewhere.url)
        *greeting, error = ran.err.splitlines()
        assert (ran.code, len(greeting)) == (2, command == "worker"), ran.err
        assert error.startswith("tallies: ")
        assert "in one region only" in error


def test_another_region_takes_over(elsewhere: DynamoFavorites) -> None:
    elsewhere.mark("ann", "noodles")
    ran = tallies("rebuild", "--in-this-region", store=elsewhere.url)
    assert ran.code == 0, ran.err
    elsewhere.mark("bob", "noodles")
    with DynamoFavorites.from_url(elsewhere.url) as now:
        settle(now)
        assert now.tally("noodles", ["all"]) == {"all": 2}
        assert now.verify().drifted == []
        assert "trouble" not in now.status().details
        # Whoever aggregated before is refused in turn.
        with pytest.raises(WrongStore, match="in one region only"):
            now.guarded_apply("positions", ELSEWHERE)


@pytest.mark.parametrize(
    ("stream", "says"),
    [
        (ELSEWHERE, "in one region only"),
        (ELSEWHERE.replace("app-favorites", "other"), "give each source a store of its own"),
    ],
)
def test_a_stream_of_another_replica_or_table_is_not_applied(
    store: DynamoFavorites, stream: str, says: str
) -> None:
    with pytest.raises(WrongStore, match=says):
        store.guarded_apply("positions", stream)


def test_an_embedded_store_is_in_no_region(tmp_path: Path) -> None:
    ran = tallies("rebuild", "--in-this-region", store=f"sqlite:///{tmp_path}/t.db")
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "--in-this-region" in ran.err
    ran = tallies("rebuild", "--in-this-region", "--dry-run", store=f"sqlite:///{tmp_path}/t.db")
    assert (ran.code, "--dry-run" in ran.err) == (2, True)
