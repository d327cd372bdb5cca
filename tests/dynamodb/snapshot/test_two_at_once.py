"""Two that verify or rebuild at once."""

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tallies.core.errors import StoreUnavailable
from tallies.favorites.on_dynamodb import DynamoFavorites
from tallies.stores.verified import Verified
from tests.dynamodb.traffic import busy, by_hand, plant, settle, tallies_of, write

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def test_two_verify_at_once(store: DynamoFavorites, tmp_path: Path) -> None:
    store.mark("ann", "r1")
    settle(store)
    within: list[Verified] = []

    def verify_too(what: str, done: int, total: int | None) -> None:
        if not within:
            within.append(store.verify(folder=tmp_path))

    assert store.verify(folder=tmp_path, progress=verify_too) == within[0]
    assert within[0].checked == 3


@pytest.mark.slow
def test_two_rebuilds_at_once_mend_once(
    store: DynamoFavorites, client: "DynamoDBClient", tmp_path: Path
) -> None:
    dice = random.Random(1)
    for _ in range(100):
        write(store, dice)
    for number in range(120):
        plant(client, store.names.tallies, f"ghost{number}", "all", 1)

    def rebuild(number: int) -> bool:
        try:
            folder = tmp_path / str(number)  # as on two machines
            folder.mkdir()
            store.rebuild(folder=folder)
        except StoreUnavailable:
            return False
        return True

    with busy(store, 1), ThreadPoolExecutor(2) as threads:
        assert any(threads.map(rebuild, range(2)))
    settle(store)
    assert store.verify().drifted == []
    assert tallies_of(store) == by_hand(store, client)


def test_two_rebuilds_do_not_share_a_file(store: DynamoFavorites, tmp_path: Path) -> None:
    for user in range(5):
        store.mark(f"u{user}", "r1")
    refused: list[str] = []

    def begin_another(what: str, done: int, total: int | None) -> None:
        if not refused:
            with pytest.raises(StoreUnavailable) as error:
                store.rebuild(folder=tmp_path)
            refused.append(str(error.value))

    # The first one is not even taken over from: it ends well.
    store.rebuild(folder=tmp_path, progress=begin_another)
    (sentence,) = refused
    assert sentence.startswith(f"Another rebuild on this machine gathers in {tmp_path}/app-")
    assert sentence.endswith("; wait for it, or end it.")
    assert not list(tmp_path.iterdir())
