"""The setting: the parameters of the stack that decide what a design costs and how fast it is."""

from dataclasses import dataclass

from tallies.stores.layout import NEWEST, Guard, Ranking

CORE_MB = 1769
"""Memory with which a function has a whole processor; less has its share of it (Lambda Developer
Guide, function memory)."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """The settings of the stack: the parameters of the template, and how prices are applied."""

    batch_size: float = 2000
    batching_window: float = 1.0
    memory_mb: float = CORE_MB
    architecture: str = "arm64"
    doubled_index: bool = False
    """Whether a transaction doubles the units of an index's move; not documented."""
    free_tier: bool = True
    ranking_shards: int = 1
    ranking: Ranking = NEWEST.ranking
    guard: Guard = NEWEST.guard
    backups: bool = True
    traces: bool = False
    """Of the aggregator; its log line says as much."""
