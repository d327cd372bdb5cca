"""The histories can fail: each fault that is put into the product here is found by one of them."""

import pytest

from tests.histories.history import play
from tests.histories.judge import Wrong
from tests.histories.mutations import (  # noqa: F401 # each adds its own
    buckets,
    guard,
    markers,
    parked,
    rows,
    sending,
)
from tests.histories.mutations.mutation import MUTATIONS, Patch

HISTORIES = 3_000
"""Fewer than `test_histories` plays."""


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_history_finds_that(name: str, monkeypatch: Patch) -> None:
    mode, first, mutate = MUTATIONS[name]
    mutate(monkeypatch)

    for seed in (*range(first, max(HISTORIES, first + 1)), *range(first)):
        try:
            play(seed, mode)
        except Wrong:
            return
    pytest.fail(f"{HISTORIES} histories did not see that {name}")
