"""Mending by several chains of transactions at once: all of it, once, or one sentence."""

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from tallies.core.errors import StoreUnavailable
from tallies.core.fold import Folder
from tallies.favorites.on_dynamodb import DynamoFavorites
from tallies.favorites.tally import FAVORITES
from tallies.stores.clock import utc_now
from tallies.stores.dynamodb.apply.transactions import Sender
from tallies.stores.dynamodb.apply.writes import Writer
from tallies.stores.dynamodb.client.paging import batches
from tallies.stores.dynamodb.rows.keys import row_key
from tallies.stores.dynamodb.snapshot.mend.mender import Mender
from tallies.stores.dynamodb.snapshot.mend.menders import CHAINS, Menders
from tallies.stores.dynamodb.snapshot.spill.differences import Compared

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

GROUPS = 400


def menders_of(store: DynamoFavorites, *, side_by_side: bool = True) -> Menders:
    clients = store._clients
    writer = Writer(store.names, [Folder(FAVORITES)])
    chains = [
        Mender(clients.dynamodb, Sender(clients.once), writer, store.names, utc_now, chain)
        for chain in range(CHAINS)
    ]
    return Menders(chains, side_by_side=side_by_side)


def lacking(group: str, number: int) -> Compared:
    return Compared(group, "all", (number,), (0,), {})


@pytest.fixture
def drifted(store: DynamoFavorites, client: "DynamoDBClient") -> DynamoFavorites:
    """More than one transaction can mend."""
    for numbers in batches(range(GROUPS), 25):
        rows = [
            {**row_key(f"ghost {number}", "all"), FAVORITES.components[0]: {"N": "1"}}
            for number in numbers
        ]
        client.batch_write_item(
            RequestItems={store.names.tallies: [{"PutRequest": {"Item": row}} for row in rows]}
        )
    return store


@pytest.mark.slow
def test_what_takes_several_transactions_is_shared(
    drifted: DynamoFavorites, monkeypatch: pytest.MonkeyPatch
) -> None:
    chains: set[int] = set()
    add = Mender.add

    def noted(mender: Mender, *what: Any) -> None:
        chains.add(mender.chain)
        add(mender, *what)

    monkeypatch.setattr(Mender, "add", noted)
    assert len(drifted.rebuild().drifted) == GROUPS
    assert len(chains) > 1
    assert drifted.rebuild().drifted == []


@pytest.mark.parametrize("side_by_side", [False, True])
def test_a_run_takes_over_every_lane_of_an_earlier_one(
    store: DynamoFavorites, side_by_side: bool
) -> None:
    with (
        menders_of(store, side_by_side=side_by_side) as earlier,
        menders_of(store, side_by_side=side_by_side) as later,
    ):
        chains = list(earlier._free)
        earlier.begin()
        for number, chain in enumerate(chains):
            chain.add(FAVORITES.name, [lacking(f"r{number}", 1)])
        later.begin()
        for chain in chains:
            with pytest.raises(StoreUnavailable, match="Another rebuild has begun"):
                chain.add(FAVORITES.name, [lacking("r0", 100)])
        for number in range(3 * CHAINS):
            later.add(FAVORITES.name, [lacking(f"r{number}", 1)])
        later.finish()
    found = [store.windows_of(f"r{number}")["all"] for number in range(3 * CHAINS)]
    assert found == [2] * CHAINS + [1] * 2 * CHAINS


def test_of_two_runs_that_begin_together_one_has_all_lanes(
    store: DynamoFavorites, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients = store._clients
    with menders_of(store) as one, menders_of(store) as other:
        writes = 0

        def between(send: Any) -> Any:
            """The other run begins between the first write of the one and its second."""

            def sent(**request: Any) -> Any:
                nonlocal writes
                writes += 1
                if writes == 2:
                    other.begin()
                return send(**request)

            return sent

        runs = {"one": list(one._free), "other": list(other._free)}
        with monkeypatch.context() as patch:
            for client in (clients.dynamodb, clients.once):
                for name in ("put_item", "transact_write_items"):
                    patch.setattr(client, name, between(getattr(client, name)))
            one.begin()
        if writes < 2:
            other.begin()
        won = []
        for run, chains in runs.items():
            for number, chain in enumerate(chains):
                with suppress(StoreUnavailable):
                    chain.add(FAVORITES.name, [lacking(f"r{number}", 1)])
                    won.append(run)
    assert won == [won[0]] * CHAINS


def test_what_one_meets_ends_the_run(
    drifted: DynamoFavorites, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = Mender.add

    def busy(mender: Mender, tally: str, rows: list[Compared], *others: Any) -> None:
        if any(row.group == "ghost 7" for row in rows):
            raise StoreUnavailable("The table is busy.")
        add(mender, tally, rows, *others)

    with monkeypatch.context() as patch:
        patch.setattr(Mender, "add", busy)
        with pytest.raises(StoreUnavailable, match=r"^The table is busy\.$"):
            drifted.rebuild()
    assert drifted.rebuild().drifted
    assert drifted.verify().drifted == []
