"""The settings that are simulated: the template's default, and what may carry it on."""

from dataclasses import dataclass, replace

from benchmarks.scale.facts import (
    CORE_MEGABYTES,
    ENTRY_UNITS,
    HEADROOM,
    INDEX_UNITS,
    MEMORY_MEGABYTES,
    NEW_TABLE_WRITES,
    PARTITION_UNITS,
)
from tallies.stores.layout import MAX_RANKING_SHARDS, Guard, Ranking

GROUPS = 100_000
EXPONENT = 1.0


@dataclass(frozen=True, slots=True)
class Settings:
    """One way to run the design. What is not named is as the template has it."""

    name: str
    guard: Guard = "rows"
    ranking: Ranking = "buckets"
    batch_size: int = 2_000
    """Most records of an invocation; 1 to 10,000."""
    batching_seconds: float = 1.0
    """How long a batch is gathered; 0 to 300."""
    memory_megabytes: float = MEMORY_MEGABYTES.value
    """Of the function: its share of a processor goes with it."""
    ranking_shards: int = 1
    """Partitions of one window's leaderboard."""
    windows: int = 3
    """Rows that one favorite adds to."""
    ranked: int = 3
    """How many of these windows have a leaderboard, the finest first."""
    counter_shards: int = 1
    """Into how many rows a hot group's count is split. NOT IN THE PRODUCT."""
    split_groups: int = 0
    """How many of the hottest groups are split. They enter the leaderboard by a roll-up."""
    rollup_seconds: float = 10.0
    """How often the roll-up writes the ranked rows of the split groups that have changed."""
    groups: int = GROUPS
    exponent: float = EXPONENT
    """Zipf's: the group of rank k is written in proportion to 1 / k ** exponent."""
    day_seconds: float = 3_600.0
    """For how long the day has been written to, at the same rate, when the run begins."""
    least_shards: int = int(NEW_TABLE_WRITES.value / PARTITION_UNITS.value)
    """Partitions that the source table has from the beginning."""
    headroom: float = HEADROOM.value
    """Times the rate that its partitions would take."""
    transaction_factor: float = 1.0
    """Times the measured time of a transaction, or the assumed one of an update."""
    client_factor: float = 1.0
    """Times the measured processor time of a request."""
    index_factor: float = 1.0
    """Times the write units of an index inside a transaction; 2 if that doubles them."""

    def __post_init__(self) -> None:
        if self.split_groups and (self.guard, self.ranking) != ("transactions", "measure"):
            raise ValueError("Counters in parts are simulated with transactions, by measure.")

    @property
    def move_units(self) -> float:
        """Write units that a row's move in a leaderboard takes, by measure."""
        return INDEX_UNITS.value * (self.index_factor if self.guard == "transactions" else 1.0)

    @property
    def entry_units(self) -> float:
        """Write units of a row that is new in a leaderboard by buckets."""
        return ENTRY_UNITS.value * (self.index_factor if self.guard == "transactions" else 1.0)

    @property
    def cores(self) -> float:
        """Processor that the function has; Python uses one at most."""
        return min(1.0, self.memory_megabytes / CORE_MEGABYTES.value)

    @property
    def in_product(self) -> bool:
        """Whether the product has it, or it is only simulated."""
        return self.counter_shards == 1 and self.ranking_shards <= MAX_RANKING_SHARDS


DEFAULT = Settings("default")
BIGGER = replace(DEFAULT, name="batches of 5,000 in 5 s", batch_size=5_000, batching_seconds=5.0)
BEST = replace(BIGGER, name="batches of 5,000 in 5 s, 4 ranking shards", ranking_shards=4)
SMALL = replace(
    DEFAULT, name="512 MB of memory and batches of 1,000", memory_megabytes=512, batch_size=1_000
)
OLDER = replace(SMALL, name="the older default", guard="transactions", ranking="measure")
"""As the template deployed it before rows held their positions."""
RANKING_SHARDS = replace(OLDER, name="the older default, 32 ranking shards", ranking_shards=32)
BIG_BATCHES = replace(
    OLDER,
    name="the older default, 64 ranking shards, batches of 10,000 in 10 s",
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

LADDER = (DEFAULT, BEST, OLDER, RANKING_SHARDS, BIG_BATCHES, COUNTER_SHARDS)
"""The default and what carries it on; then the older default, and what carried that on."""

TRANSACTIONS = replace(DEFAULT, name="transactions, by buckets", guard="transactions")

SINGLE = (
    SMALL,
    replace(DEFAULT, name="512 MB of memory", memory_megabytes=512),
    replace(DEFAULT, name="batches of 1,000", batch_size=1_000),
    replace(DEFAULT, name="batching window 2 s", batching_seconds=2.0),
    replace(DEFAULT, name="rows, by measure", ranking="measure"),
    TRANSACTIONS,
    replace(DEFAULT, name="transactions, by measure", guard="transactions", ranking="measure"),
)
"""One lever at a time, from the default."""

OTHERWISE = (
    replace(DEFAULT, name="default, a row in 1.1 times the processor time", client_factor=1.1),
    replace(DEFAULT, name="default, a row in twice the processor time", client_factor=2.0),
    replace(
        BEST,
        name="the best of the ladder, a row in 1.3 times the processor time",
        client_factor=1.3,
    ),
    replace(DEFAULT, name="default, requests take twice as long", transaction_factor=2.0),
    replace(
        DEFAULT,
        name="default, no more partitions of the source than its writes need",
        least_shards=1,
        headroom=1.0,
    ),
    replace(DEFAULT, name="default, a million restaurants", groups=1_000_000),
    replace(DEFAULT, name="default, flatter popularity (Zipf 0.8)", exponent=0.8),
    replace(DEFAULT, name="default, in the first minute of a day", day_seconds=0.0),
    replace(BEST, name="the best of the ladder, in the first minute of a day", day_seconds=0.0),
    replace(OLDER, name="the older default, by buckets", ranking="buckets"),
    replace(
        OLDER,
        name="the older default, by buckets, batches of 10,000 in 10 s",
        ranking="buckets",
        batch_size=10_000,
        batching_seconds=10.0,
    ),
    replace(
        OLDER,
        name="the older default, index writes doubled inside transactions",
        index_factor=2.0,
    ),
)
"""What if the assumptions are wrong: by how much the rate moves."""

MIDNIGHT = (
    replace(DEFAULT, day_seconds=0.0),
    replace(DEFAULT, name="default, 4 ranking shards", ranking_shards=4, day_seconds=0.0),
    replace(BIGGER, day_seconds=0.0),
    replace(BEST, day_seconds=0.0),
)
"""How far behind they are when a day begins at the rate that is asked of the default."""
MIDNIGHT_WRITES = 5_000.0
