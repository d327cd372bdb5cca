"""A declaration that changes: built beside what readers see, and switched in one step."""

import random
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from tallies.core.declaration.declaration import Declaration
from tallies.core.errors import InvalidInput, InvalidTally, WrongStore
from tallies.core.tally import Count, Tally
from tallies.core.windows import Window
from tallies.favorites.item import favorite_of
from tallies.favorites.on_dynamodb import DynamoFavorites
from tallies.favorites.tally import FAVORITES
from tallies.stores.layout import LayoutWish
from tallies.stores.protocol import Ranked
from tests.dynamodb.traffic import busy, settle, write
from tests.engines import DynamoDBAccount
from tests.layouts import in_transactions

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ZONE = "Asia/Kathmandu"  # five hours and three quarters ahead
BY_WEEK = Tally(
    name="favorites",
    group_by="restaurant_id",
    measures={"favorites": Count()},
    windows=(Window.ALL, Window.WEEK, Window.HOUR),
    time="created_at",
    zone=ZONE,
    ranked=(Window.WEEK,),
    in_place=False,
)
BY_USER = Tally(name="users", group_by="user_id", measures={"users": Count()}, ranked=[Window.ALL])


def expected(store: DynamoFavorites, client: "DynamoDBClient") -> Counter[tuple[str, str]]:
    """GROUP BY over the source, in the windows of BY_WEEK."""
    found: Counter[tuple[str, str]] = Counter()
    for page in client.get_paginator("scan").paginate(TableName=store.names.source):
        for favorite in map(favorite_of, page["Items"]):
            at = datetime.fromisoformat(favorite.created_at).astimezone(ZoneInfo(ZONE))
            year, week, _ = at.isocalendar()
            names = ("all", f"{year}-W{week:02}", f"{at:%Y-%m-%dT%H}")
            found.update((favorite.restaurant_id, name) for name in names)
    return found


def rows(store: DynamoFavorites, tally: str | None = None) -> dict[tuple[str, str], int]:
    found = {}
    for row in store.reading(tally).rows():
        (value,) = row.values.values()
        found[row.group, row.window] = int(value)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_a_new_declaration_is_built_while_all_goes_on_and_switched_at_once(
    store: DynamoFavorites, client: "DynamoDBClient", aws_environment: DynamoDBAccount, seed: int
) -> None:
    dice = random.Random(seed)
    for _ in range(100):
        write(store, dice)
    settle(store)
    seen = set()

    def look(*_: object) -> None:
        with DynamoFavorites.from_url(aws_environment.store_url("app")) as reader:
            seen.add(tuple(reader.of.windows))

    with busy(store, seed):
        store.rebuild(Declaration([BY_WEEK, BY_USER]), progress=look)
        assert seen == {FAVORITES.windows}
        assert store.settings.catalog().named(None).tally.windows == BY_WEEK.windows
        assert store.verify().drifted == []
    settle(store)
    assert store.verify().drifted == []
    wanted = expected(store, client)
    assert rows(store) == wanted
    by_user: Counter[str] = Counter()
    for page in client.get_paginator("scan").paginate(TableName=store.names.source):
        by_user.update(item["user_id"]["S"] for item in page["Items"])
    assert rows(store, "users") == {(user, "all"): n for user, n in by_user.items()}
    week = next(window for _, window in wanted if "W" in window)
    board = {line.group: line.amount for line in store.leaderboard(week, 100)}
    assert board == {group: n for (group, window), n in wanted.items() if window == week}


class Killed(Exception):
    pass


@pytest.mark.slow
def test_a_build_that_was_killed_goes_on(store: DynamoFavorites, client: "DynamoDBClient") -> None:
    dice = random.Random(5)
    for _ in range(100):
        write(store, dice)
    settle(store)
    declared = Declaration([BY_WEEK])
    with busy(store, 5):
        for step in ("Scanning the source", "Reading the tallies"):

            def kill(what: str, *_: object, step: str = step) -> None:
                if what == step:
                    raise Killed

            with pytest.raises(Killed):
                store.rebuild(declared, progress=kill)
            assert store.of.windows == FAVORITES.windows
        assert store.verify().drifted == []
        epoch = store.settings.read().epoch
        store.rebuild(declared)
        assert store.settings.read().epoch == epoch + 1
    settle(store)
    assert rows(store) == expected(store, client)


def test_another_declaration_takes_the_place_of_one_that_was_given_up(
    store: DynamoFavorites, client: "DynamoDBClient"
) -> None:
    for number in range(20):
        write(store, random.Random(number))
    settle(store)

    def kill(*_: object) -> None:
        raise Killed

    with pytest.raises(Killed):
        store.rebuild(Declaration([BY_USER]), progress=kill)
    store.rebuild(Declaration([BY_WEEK]))

    assert [kept.name for kept in store.settings.read().live] == ["favorites"]
    assert rows(store) == expected(store, client)
    # And back: what stayed as it was is not built again.
    before = store.settings.read().live
    store.rebuild(Declaration([BY_WEEK, BY_USER]))
    store.rebuild(Declaration([BY_WEEK]))
    assert store.settings.read().live == before


def test_what_records_are_applied_to_is_known_to_programs_that_began_before(
    store: DynamoFavorites, client: "DynamoDBClient"
) -> None:
    aggregator = store.aggregator()
    store.mark("ann", "noodles")
    aggregator.step()
    store.rebuild(Declaration([BY_WEEK]))
    store.mark("bob", "noodles")
    applied = next(filter(None, (aggregator.step().records for _ in range(100))), 0)

    assert applied == 1
    assert rows(store) == expected(store, client)
    assert store.tally("noodles", ["all"]) == {"all": 2}


@pytest.mark.slow
def test_leaderboards_are_spread_over_more_partitions_while_all_goes_on(
    store: DynamoFavorites, client: "DynamoDBClient", aws_environment: DynamoDBAccount
) -> None:
    dice = random.Random(11)
    for _ in range(100):
        write(store, dice)
    settle(store)

    def board() -> list[Ranked]:
        return store.leaderboard("all", 100)

    def partitions() -> set[str]:
        found = client.scan(TableName=store.settings.read().live[0].table)["Items"]
        return {item["ranking"]["S"] for item in found if "ranking" in item}

    assert "all" in partitions()
    before = board()
    assert store.differs(None, LayoutWish(5)) == "'favorites' differs in ranking_shards"
    store.rebuild(layout=LayoutWish(5))
    assert board() == before
    assert "all" not in partitions()
    assert len([name for name in partitions() if name.startswith("all#")]) > 1
    with busy(store, 12):
        store.rebuild(layout=LayoutWish(3))
        assert store.verify().drifted == []
    settle(store)
    assert store.verify().drifted == []
    counts = {group: n for (group, window), n in rows(store).items() if window == "all"}
    assert board() == sorted(
        (Ranked(group, n) for group, n in counts.items()), key=lambda line: (-line.amount, line)
    )
    # A new declaration keeps the number, and the same number builds nothing.
    assert store.differs(None, LayoutWish(3)) == ""
    store.rebuild(Declaration([BY_WEEK]))
    assert [kept.layout.ranking_shards for kept in store.settings.read().live] == [3]
    url = aws_environment.store_url("app")
    with DynamoFavorites.from_url(f"{url}&ranking_shards=3") as same:
        assert same.of.windows == BY_WEEK.windows


def test_an_unknown_tally_is_refused(store: DynamoFavorites) -> None:
    with pytest.raises(InvalidInput, match="no tally 'users'; there is favorites"):
        list(store.reading("users").rows())


def test_a_store_of_other_tallies_is_refused_with_the_way_out(
    store: DynamoFavorites, aws_environment: DynamoDBAccount
) -> None:
    url = aws_environment.store_url("app")
    with (
        DynamoFavorites.from_url(url, Declaration([BY_WEEK])) as other,
        pytest.raises(WrongStore, match=r"differs in ranked, windows, zone.*tallies rebuild"),
    ):
        other.init()
    with DynamoFavorites.from_url(url, Declaration([BY_WEEK]), strictly=False) as lenient:
        lenient.init()
        assert lenient.of.windows == FAVORITES.windows
        assert "differs in" in lenient.undeclared()
    with (
        DynamoFavorites.from_url(url, Declaration([FAVORITES], "orders")) as wrong,
        pytest.raises(WrongStore, match="tallies app-favorites, not orders"),
    ):
        wrong.init()
    with pytest.raises(InvalidTally, match="a store of its own"):
        store.rebuild(Declaration([FAVORITES], "orders"))


@in_transactions
def test_records_known_by_markers_say_nothing_about_what_is_new(store: DynamoFavorites) -> None:
    store.settings.claim("markers")
    with pytest.raises(WrongStore, match="tumbling window"):
        store.rebuild(Declaration([BY_WEEK]))
    assert store.settings.read().building == ()
