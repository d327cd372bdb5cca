"""Every design counts right while nobody kills it; what kills do to each is the comparison."""

import random
from pathlib import Path

import pytest

from tallies.core.errors import InvalidInput
from tallies.favorites.favorite import Event
from tallies.operate.compare.designs import NAIVE, NAMES, SCAN, SECOND, STREAM, TOGETHER, wrong
from tallies.operate.compare.engines import Engine, engine_named
from tallies.operate.compare.run import compare
from tests.engines import DynamoDBAccount
from tests.length import at_length

KILLS = at_length(25, least=8)
"""Each makes one or two counts of a design that is not exact wrong."""
EXACT = {STREAM, TOGETHER, SCAN}


def events(count: int, seed: int = 1) -> list[Event]:
    dice = random.Random(seed)
    return [
        Event(
            f"u{dice.randrange(40)}",
            f"r{int(dice.paretovariate(1)) % 12}",
            f"2026-{dice.choice(['10', '11'])}-{dice.randrange(1, 29):02}T12:00:00.000000Z",
            "mark" if dice.random() < 0.7 else "unmark",
        )
        for _ in range(count)
    ]


@pytest.fixture(params=["sqlite", "dynamodb"])
def engine(request: pytest.FixtureRequest) -> Engine:
    name = "sqlite"
    if request.param == "dynamodb":
        account: DynamoDBAccount = request.getfixturevalue("aws_environment")
        name = account.store_url("app")
    return engine_named(name)


@pytest.mark.slow(only="dynamodb")
@pytest.mark.parametrize("name", NAMES)
def test_a_design_that_nobody_kills_is_right(engine: Engine, name: str, tmp_path: Path) -> None:
    with engine.fresh(name) as place:
        design = engine.open(name, place, tmp_path)
        log = events(120)
        for number, event in enumerate(log):
            design.write(event)
            if number % 40 == 0 and design.in_background:
                design.carry()
        while design.carry():
            pass
        assert wrong(design) == 0
        assert len(design.counts()) > 20
        assert design.write_units > 0
        design.close()


@pytest.mark.slow
def test_kills_leave_the_guarded_designs_right_and_the_others_wrong() -> None:
    outcomes = {
        each.design: each
        for each in compare(engine_named("sqlite"), events(300), rate=5_000, kills=KILLS, seed=3)
    }
    assert list(outcomes) == list(NAMES)
    assert {name for name, outcome in outcomes.items() if outcome.wrong == 0} == EXACT
    assert all(outcome.counts > 20 for outcome in outcomes.values())
    assert outcomes[STREAM].stale_p99_seconds < outcomes[SCAN].stale_p50_seconds
    assert outcomes[SECOND].stale_p99_seconds == outcomes[TOGETHER].stale_p99_seconds == 0
    assert outcomes[STREAM].write_units < outcomes[NAIVE].write_units


@pytest.mark.slow
def test_kills_on_dynamodb(aws_environment: DynamoDBAccount) -> None:
    engine = engine_named(aws_environment.store_url("app"))
    outcomes = compare(engine, events(60), rate=200, kills=at_length(3), seed=1)
    assert {each.design for each in outcomes if each.wrong == 0} >= EXACT
    assert aws_environment.dynamodb().list_tables()["TableNames"] == []


def test_tables_that_are_there_are_left_alone(aws_environment: DynamoDBAccount) -> None:
    url = aws_environment.store_url("app")
    client = aws_environment.dynamodb()
    client.create_table(
        TableName="app-compare0-tallies",
        KeySchema=[{"AttributeName": "a", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "a", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    with pytest.raises(InvalidInput, match="table app-compare0-tallies; choose another prefix"):
        compare(engine_named(url), events(10), rate=100, kills=0, seed=1)
    assert client.list_tables()["TableNames"] == ["app-compare0-tallies"]
