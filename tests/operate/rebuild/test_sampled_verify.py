"""`verify --sample`: of the chosen groups every row, of the others nothing."""

from collections.abc import Sequence

import pytest

from tallies.stores.sample import Sample
from tallies.stores.verified import Drift
from tests.conformance.backend import Backend

GROUPS = 40


def fill(backend: Backend) -> None:
    for number in range(GROUPS):
        for user in range(1 + number % 3):
            backend.store.mark(f"u{user}", f"r{number}")
    backend.settle()


def groups(drifted: Sequence[Drift]) -> set[str]:
    return {drift.group for drift in drifted}


@pytest.mark.slow(only="dynamodb")
def test_a_sample_finds_what_a_whole_verify_finds_in_its_groups(backend: Backend) -> None:
    fill(backend)
    for number in range(0, GROUPS, 2):
        backend.plant(f"r{number}", "all", 9)
        backend.plant(f"r{number}", "2020-01", 1)
    whole = backend.store.verify()
    assert (whole.groups, whole.drifted_groups) == (GROUPS, GROUPS // 2)
    for seed in range(3):
        sample = Sample(0.3, seed)
        found = backend.store.verify(sample=sample)
        taken = [f"r{number}" for number in range(GROUPS) if sample.takes(f"r{number}")]
        assert list(found.drifted) == [row for row in whole.drifted if sample.takes(row.group)]
        assert (found.groups, found.drifted_groups) == (len(taken), len(groups(found.drifted)))
        assert 0 < found.drifted_groups < found.groups < GROUPS
        assert 3 * found.groups <= found.checked < whole.checked


@pytest.mark.slow(only="dynamodb")
def test_what_is_on_its_way_is_no_drift_in_a_sample(backend: Backend) -> None:
    fill(backend)
    store = backend.store
    for number in range(GROUPS):
        store.unmark("u0", f"r{number}")
        store.mark("late", f"new{number}")
    backend.step(10)
    found = store.verify(sample=Sample(0.5, 1))
    assert list(found.drifted) == []
    assert found.groups > GROUPS / 4
    backend.plant("new1", "2082-11", 5)
    assert groups(store.verify(sample=Sample(1.0, 1)).drifted) == {"new1"}


@pytest.mark.slow(only="dynamodb")
def test_a_sample_of_all_groups_is_a_whole_verify(backend: Backend) -> None:
    fill(backend)
    backend.plant("r3", "2082-11", 7)
    assert backend.store.verify(sample=Sample(1.0, 0)) == backend.store.verify()
