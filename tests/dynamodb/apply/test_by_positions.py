"""A store whose records were marked one by one goes by positions from some moment on."""

import random
from typing import TYPE_CHECKING, Any

import pytest

from tallies.core.errors import StoreUnavailable, WrongStore
from tallies.favorites.on_dynamodb import DynamoFavorites
from tallies.stores.dynamodb.apply.in_transactions import by_positions
from tallies.stores.dynamodb.apply.position import read_position
from tallies.stores.dynamodb.stream.records import StreamRecord
from tests.cli.command import tallies
from tests.dynamodb.traffic import busy, by_hand, settle, tallies_of, write
from tests.engines import DynamoDBAccount
from tests.layouts import in_transactions

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def written(store: DynamoFavorites, seed: int, writes: int = 120) -> list[StreamRecord]:
    dice = random.Random(seed)
    for _ in range(writes):
        write(store, dice)
    (shard,) = store.stream.shards()
    return list(store.stream.after(shard, ""))


@in_transactions
def test_what_was_marked_what_was_not_and_what_comes_later_count_once(
    store: DynamoFavorites, client: "DynamoDBClient"
) -> None:
    marking = store.guarded_apply("markers")
    records = written(store, 1)
    marking.apply_marked(records[:30])
    marking.apply_marked(records[50:])
    with pytest.raises(WrongStore, match="rebuild --by-positions"):
        store.guarded_apply("positions")

    store.go_by_positions()
    assert tallies_of(store) == by_hand(store, client)  # what was unmarked is in, too
    # A call that was under way with what had been read before comes to its end.
    assert marking.apply_marked(records).records == 0
    with pytest.raises(WrongStore, match="their shard's position"):
        store.guarded_apply("markers")
    with busy(store, 2):
        written(store, 3, 30)
    settle(store)
    assert store.verify().drifted == []
    assert tallies_of(store) == by_hand(store, client)


@in_transactions
def test_others_that_knew_of_markers_hear_of_it(
    store: DynamoFavorites, aws_environment: DynamoDBAccount
) -> None:
    store.guarded_apply("markers").apply_marked(written(store, 4, 10))
    with DynamoFavorites.from_url(aws_environment.store_url("app")) as other:
        other.guarded_apply("markers")
        store.go_by_positions()
        with pytest.raises(WrongStore):
            other.settings.claim("markers")
        other.settings.claim("positions")


@in_transactions
def test_killed_before_the_change_it_is_run_again(
    store: DynamoFavorites, client: "DynamoDBClient", monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    marking = store.guarded_apply("markers")
    marking.apply_marked(written(store, 5)[::3])
    with monkeypatch.context() as dying:
        dying.setattr(by_positions, "hand_over", killed)
        with pytest.raises(Killed):
            store.go_by_positions()
    assert store.settings.guard() == "markers"
    marking.apply_marked(written(store, 6, 40))
    written(store, 7, 40)
    store.go_by_positions()
    settle(store)
    assert store.settings.guard() == "positions"
    assert tallies_of(store) == by_hand(store, client)


@in_transactions
def test_two_at_once_change_it_once(
    store: DynamoFavorites, client: "DynamoDBClient", monkeypatch: pytest.MonkeyPatch
) -> None:
    store.guarded_apply("markers").apply_marked(written(store, 8, 40))
    hand_over = by_positions.hand_over

    def twice(*arguments: object) -> None:
        hand_over(*arguments)  # type: ignore[arg-type] # as they came
        written(store, 9, 20)
        settle(store)
        hand_over(*arguments)  # type: ignore[arg-type] # as they came

    monkeypatch.setattr(by_positions, "hand_over", twice)
    with pytest.raises(StoreUnavailable, match="Somebody else"):
        store.go_by_positions()
    settle(store)
    assert tallies_of(store) == by_hand(store, client)


@pytest.mark.slow
@in_transactions
def test_more_shards_than_a_transaction_holds(
    store: DynamoFavorites, client: "DynamoDBClient", monkeypatch: pytest.MonkeyPatch
) -> None:
    store.guarded_apply("markers").apply_marked(written(store, 12, 20))
    hand_over = by_positions.hand_over
    table = store.names.tallies
    others = {f"shard-{number}": f"{number:040}" for number in range(1, 251)}

    def with_others(client: Any, sender: Any, table: str, ends: Any, *rest: Any) -> None:
        hand_over(client, sender, table, {**others, **ends}, *rest)

    monkeypatch.setattr(by_positions, "hand_over", with_others)
    store.go_by_positions()
    assert store.settings.guard() == "positions"
    for shard, end in others.items():
        assert read_position(client, table, shard).progress.least == end
    settle(store)
    assert tallies_of(store) == by_hand(store, client)


@in_transactions
def test_the_command(store: DynamoFavorites, client: "DynamoDBClient") -> None:
    store.guarded_apply("markers").apply_marked(written(store, 10, 40))
    written(store, 11, 10)
    done = tallies("rebuild", "--by-positions", store=store.url)
    assert (done.code, done.err) == (0, "")
    assert done.out.endswith("0 mended\n")
    settle(store)
    assert tallies_of(store) == by_hand(store, client)
    assert tallies("rebuild", "--by-positions", store=store.url).code == 0
    refused = tallies("rebuild", "--by-positions", "--dry-run", store=store.url)
    assert (refused.code, "leave --dry-run out" in refused.err) == (2, True)


def test_an_embedded_store_has_neither_markers_nor_partitions(tmp_path: object) -> None:
    store = f"sqlite:///{tmp_path}/s.db"
    for options in (["--ranking-shards", "3"], ["--by-positions"]):
        assert tallies("init", store=store).code == 0
        refused = tallies("rebuild", *options, store=store)
        assert refused.code == 2
        assert refused.err.startswith("tallies: ")
        assert f"leave {options[0]} out." in refused.err
