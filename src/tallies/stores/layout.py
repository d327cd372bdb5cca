"""Layout: how a store on DynamoDB keeps the rows of a tally, whatever these rows say."""

from dataclasses import dataclass, fields
from typing import Literal, get_args

Guard = Literal["transactions", "rows"]
"""What keeps a row from counting a record twice: a transaction that also moves the shard's
position, or a position that the row itself holds."""
Ranking = Literal["measure", "buckets"]
"""What the index of leaderboards orders by: the measure itself, or the bucket that it lies in."""

GUARDS: tuple[Guard, ...] = get_args(Guard)
RANKINGS: tuple[Ranking, ...] = get_args(Ranking)

MAX_RANKING_SHARDS = 64
"""The most partitions of a leaderboard; a reader queries each of them."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How rows are kept. The defaults are what there was before there was a choice."""

    ranking_shards: int = 1
    """How many partitions each leaderboard has."""
    ranking: Ranking = "measure"
    guard: Guard = "transactions"

    def __str__(self) -> str:
        """As options of a store URL: `guard=rows&ranking=buckets`."""
        shards = f"&ranking_shards={self.ranking_shards}" if self.ranking_shards > 1 else ""
        return f"guard={self.guard}&ranking={self.ranking}{shards}"


@dataclass(frozen=True, slots=True)
class LayoutWish:
    """A change of layout that is asked for; None where it is to stay as it is."""

    ranking_shards: int | None = None
    ranking: Ranking | None = None
    guard: Guard | None = None

    def of(self, there: Layout) -> Layout:
        """The layout `there`, changed as this asks."""
        return Layout(
            self.ranking_shards or there.ranking_shards,
            self.ranking or there.ranking,
            self.guard or there.guard,
        )

    def differs(self, there: Layout) -> list[str]:
        """The names of the fields that `there` has otherwise than wanted."""
        wanted = self.of(there)
        return [
            field.name
            for field in fields(Layout)
            if getattr(wanted, field.name) != getattr(there, field.name)
        ]

    def __bool__(self) -> bool:
        return self != LayoutWish()


OLDEST = Layout()
"""The layout of rows that do not say how they are kept: those of the first format."""
NEWEST = Layout(ranking="buckets", guard="rows")
"""The layout of a new store unless its URL says otherwise: what costs least (docs/plan.md)."""
AS_IT_IS = LayoutWish()
