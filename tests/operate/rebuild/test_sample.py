"""Which groups a sample takes, and what it may be asked for."""

import pytest

from tallies.core.errors import InvalidInput
from tallies.stores.sample import MAX_SEED, Sample, parse_share

GROUPS = [f"restaurant-{number}" for number in range(20_000)]


@pytest.mark.parametrize("share", [0.001, 0.01, 0.5])
def test_a_sample_takes_about_its_share(share: float) -> None:
    taken = sum(map(Sample(share, 7).takes, GROUPS))
    expected = share * len(GROUPS)
    assert abs(taken - expected) < 6 * expected**0.5


def test_all_of_them_are_taken_at_100_per_cent() -> None:
    for seed in (0, MAX_SEED):
        assert all(map(Sample(1.0, seed).takes, [*GROUPS, "", "\ud800"]))


def test_a_seed_takes_the_same_groups_and_another_takes_others() -> None:
    first, again, other = (
        {group for group in GROUPS if Sample(0.1, seed).takes(group)} for seed in (1, 1, 2)
    )
    assert first == again
    # As many in both as chance brings together.
    assert len(first & other) < len(first) / 4


def test_a_larger_sample_holds_the_smaller_one() -> None:
    assert all(Sample(0.2, 3).takes(group) for group in GROUPS if Sample(0.1, 3).takes(group))


@pytest.mark.parametrize(
    ("text", "share"),
    [("1%", 0.01), (" 100 % ", 1.0), ("0.25%", 0.0025), ("1e-3%", 0.00001)],
)
def test_shares_are_read(text: str, share: float) -> None:
    assert parse_share(text) == share


@pytest.mark.parametrize(
    "text", ["", "%", "1", "0.01", "0%", "-1%", "100.1%", "nan%", "inf%", "1%%", "one%", "1% of"]
)
def test_what_is_no_share_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(InvalidInput, match="no share of the groups; write one like 1%"):
        parse_share(text)
