"""Declarations that change under live traffic, on a simulated DynamoDB with shards that split.

Some invocations know only an epoch that is over. Whatever is interrupted, killed or taken over,
each tally that readers see in the end is GROUP BY over the source.
"""

from collections.abc import Iterable
from pathlib import Path

import pytest

from tallies.stores.dynamodb.apply.in_transactions.guard import Guard
from tallies.stores.dynamodb.catalog import redeclare
from tests.histories.judge import Wrong
from tests.length import at_length
from tests.operate.rebuild.simulated.declared_history import DeclaredHistory, LayoutHistory
from tests.operate.rebuild.simulated.dynamo_history import play

FULL = 150
HISTORIES = at_length(FULL)
ENOUGH_TO_FIND = 60
GUARDED = at_length(60)


def _play(
    seeds: Iterable[int], folder: Path, kind: type[DeclaredHistory] = DeclaredHistory
) -> None:
    for seed in seeds:
        (folder / str(seed)).mkdir()
        play(seed, folder / str(seed), kind)


def _beginning_with(first: int, count: int) -> list[int]:
    """So many histories, first one that is known to find what is planted: others take longer."""
    return sorted(range(count), key=lambda seed: seed != first)


def test_a_declaration_changes_under_live_traffic(tmp_path: Path) -> None:
    _play(range(HISTORIES), tmp_path)


def test_so_does_what_guards_the_rows(tmp_path: Path) -> None:
    _play(range(GUARDED), tmp_path, LayoutHistory)


def test_positions_that_are_not_stamped_are_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redeclare, "fence", lambda *_: None)
    with pytest.raises(Wrong):
        _play(_beginning_with(33, ENOUGH_TO_FIND), tmp_path)


def test_a_new_shard_that_does_not_look_at_the_settings_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Guard, "needs_epoch", property(lambda _: False))
    with pytest.raises(Wrong):
        _play(_beginning_with(16, FULL), tmp_path)
