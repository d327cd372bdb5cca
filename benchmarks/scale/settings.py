"""The settings that are simulated: the template's default, and what may carry it on."""

from dataclasses import dataclass, replace

from benchmarks.scale.facts import INDEX_UNITS
from tallies.stores.protocol import MAX_RANKING_SHARDS

GROUPS = 100_000
EXPONENT = 1.0


@dataclass(frozen=True, slots=True)
class Settings:
    """One way to run the design. What is not named is as the template has it."""

    name: str
    batch_size: int = 1_000
    """Most records of an invocation; 1 to 10,000."""
    batching_seconds: float = 1.0
    """How long a batch is gathered; 0 to 300."""
    ranking_shards: int = 1
    """Partitions of one window's leaderboard."""
    windows: int = 3
    """Rows that one favorite adds to."""
    ranked: int = 3
    """How many of these windows have a leaderboard."""
    counter_shards: int = 1
    """Into how many rows a hot group's count is split. NOT IN THE PRODUCT."""
    split_groups: int = 0
    """How many of the hottest groups are split. They enter the leaderboard by a roll-up."""
    rollup_seconds: float = 10.0
    """How often the roll-up writes the ranked rows of the split groups that have changed."""
    groups: int = GROUPS
    exponent: float = EXPONENT
    """Zipf's: the group of rank k is written in proportion to 1 / k ** exponent."""
    transaction_factor: float = 1.0
    """Times the measured time of a transaction."""
    index_factor: float = 1.0
    """Times the write units of an index; 2 if a transaction doubles them."""

    @property
    def index_units(self) -> float:
        """Write units that a row's move in a leaderboard takes."""
        return INDEX_UNITS.value * self.index_factor

    @property
    def in_product(self) -> bool:
        """Whether the product has it, or it is only simulated."""
        return self.counter_shards == 1 and self.ranking_shards <= MAX_RANKING_SHARDS


DEFAULT = Settings("default")
RANKING_SHARDS = replace(DEFAULT, name="32 ranking shards", ranking_shards=32)
BIG_BATCHES = replace(
    DEFAULT,
    name="64 ranking shards, batches of 10,000 in 10 s",
    ranking_shards=64,
    batch_size=10_000,
    batching_seconds=10.0,
)
COUNTER_SHARDS = replace(
    BIG_BATCHES,
    name="the same, every counter in 16 parts, ranked by a roll-up each 10 s",
    counter_shards=16,
    split_groups=GROUPS,
)

LADDER = (DEFAULT, RANKING_SHARDS, BIG_BATCHES, COUNTER_SHARDS)
"""In the plot: each carries on where the one before breaks."""

SINGLE = (
    replace(DEFAULT, name="batching window 10 s", batching_seconds=10.0),
    replace(DEFAULT, name="batch size 10,000", batch_size=10_000),
    replace(
        DEFAULT,
        name="batch size 10,000 and batching window 10 s",
        batch_size=10_000,
        batching_seconds=10.0,
    ),
    replace(DEFAULT, name="one ranked window in place of three", ranked=1),
    replace(DEFAULT, name="4 ranking shards", ranking_shards=4),
    RANKING_SHARDS,
    replace(DEFAULT, name="64 ranking shards", ranking_shards=64),
    replace(DEFAULT, name="no ranked window", ranked=0),
)
"""One lever at a time, from the default."""

OTHERWISE = (
    replace(BIG_BATCHES, name="no ranked window, batches of 10,000 in 10 s", ranked=0),
    replace(DEFAULT, name="default, 10,000 restaurants", groups=10_000),
    replace(DEFAULT, name="default, a million restaurants", groups=1_000_000),
    replace(DEFAULT, name="default, flatter popularity (Zipf 0.8)", exponent=0.8),
    replace(DEFAULT, name="default, steeper popularity (Zipf 1.2)", exponent=1.2),
    replace(DEFAULT, name="default, index writes doubled inside transactions", index_factor=2.0),
    replace(
        RANKING_SHARDS, name="32 ranking shards, transactions in half the time",
        transaction_factor=0.5,
    ),
    replace(
        RANKING_SHARDS, name="32 ranking shards, transactions in twice the time",
        transaction_factor=2.0,
    ),
)  # fmt: skip
"""What if the assumptions are wrong: by how much the rate moves."""
