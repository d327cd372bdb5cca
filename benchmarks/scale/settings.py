"""The settings that are simulated: the template's default, and what may carry it on."""

from dataclasses import dataclass

GROUPS = 100_000
EXPONENT = 1.0


@dataclass(frozen=True, slots=True)
class Settings:
    """One way to run the design."""

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
    """How often the roll-up writes a split group's ranked rows."""
    groups: int = GROUPS
    exponent: float = EXPONENT
    """Zipf's: the group of rank k is written in proportion to 1 / k ** exponent."""
    transaction_factor: float = 1.0
    """Times the measured time of a transaction."""

    @property
    def in_product(self) -> bool:
        """Whether the product has it, or it is only simulated."""
        return self.counter_shards == 1


DEFAULT = Settings("default")
BIG_BATCHES = Settings("batches of 10,000, 10 s", batch_size=10_000, batching_seconds=10)
RANKING_SHARDS = Settings(
    "and 32 ranking shards", batch_size=10_000, batching_seconds=10, ranking_shards=32
)
COUNTER_SHARDS = Settings(
    "and counter shards (not in the product)",
    batch_size=10_000,
    batching_seconds=10,
    ranking_shards=1024,
    counter_shards=64,
    split_groups=50_000,
)

SHOWN = (DEFAULT, BIG_BATCHES, RANKING_SHARDS, COUNTER_SHARDS)
"""In the plot, each on top of the one before."""
