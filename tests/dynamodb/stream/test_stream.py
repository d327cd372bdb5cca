"""Reading a stream that goes on growing: what is there now has an end."""

import pytest

from tallies.favorites.on_dynamodb import DynamoFavorites
from tallies.stores.dynamodb.stream.records import StreamRecord
from tallies.stores.dynamodb.stream.stream import Stream, Tip

MOST_READS = 200
"""A reader that has not ended by then runs after the writers for ever."""


@pytest.fixture
def writing(store: DynamoFavorites, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Whenever the stream is read, somebody has written again. The users that did so."""
    users: list[str] = []
    read = Stream.read

    def read_and_write(
        stream: Stream, iterator: str, limit: int = 1000
    ) -> tuple[list[StreamRecord], str | None]:
        users.append(f"late {len(users)}")
        assert len(users) < MOST_READS
        store.mark(users[-1], "noodles")
        return read(stream, iterator, limit)

    for number in range(20):
        store.mark(f"u{number}", "noodles")
    monkeypatch.setattr(Stream, "read", read_and_write)
    return users


def test_reading_what_is_there_now_ends_while_others_write(
    store: DynamoFavorites, writing: list[str]
) -> None:
    (shard,) = store.stream.shards()
    read = [record.change.new for record in store.stream.after(shard, "", limit=3)]
    users = [row["user_id"] for row in read if row is not None]
    assert users[:20] == [f"u{number}" for number in range(20)]
    assert users[20:] == [f"late {number}" for number in range(len(users) - 20)]
    assert len(users) > 20


def test_a_snapshot_ends_while_others_write(store: DynamoFavorites, writing: list[str]) -> None:
    assert store.verify().drifted == []  # nothing is applied: all is on its way
    assert writing


def test_the_tip_is_where_it_was_when_it_was_first_asked_for(store: DynamoFavorites) -> None:
    store.mark("ann", "noodles")
    (shard,) = store.stream.shards()
    (first,) = store.stream.after(shard, "")
    tip = Tip(store.stream, shard)
    assert not tip.is_behind(first.change.position)  # nothing came after it yet
    store.mark("bob", "noodles")
    store.mark("cid", "noodles")
    _, second, third = store.stream.after(shard, "")
    assert not tip.is_behind(first.change.position)
    assert tip.is_behind(second.change.position)
    assert tip.is_behind(third.change.position)
