"""How rows that are read again are put together with the guards of their shards."""

import random

import pytest

from tallies.stores.dynamodb.apply.transactions import MAX_ACTIONS
from tallies.stores.dynamodb.snapshot.read.views import _together


@pytest.mark.parametrize("most", [1, 30, 98, 99, 300])
def test_each_transaction_holds_its_rows_and_all_of_their_shards(most: int) -> None:
    dice = random.Random(most)
    shards = [f"shard-{number}" for number in range(most)]
    unsure = {
        (f"r{number}", "all"): dice.sample(shards, dice.randint(1, most)) for number in range(250)
    }
    read = []
    for keys, guards in _together(unsure):
        assert len(keys) + len(guards) <= MAX_ACTIONS
        for key in keys:
            place = key["group"]["S"], key["time_window"]["S"]
            assert set(unsure[place][: MAX_ACTIONS - 1]) <= set(guards)
            read.append(place)
    assert read == list(unsure)
