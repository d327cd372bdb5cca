"""What a store keeps: its tallies, the tables of their rows, and which of them readers see.

Aggregation applies every record to all tallies that are kept: those that readers see, and those
that a rebuild is building beside them. Each change of that set begins a new epoch.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from tallies.core.declaration import Declaration, same, spec_of, tally_of, what_differs
from tallies.core.errors import UnknownTally, WrongStore
from tallies.core.fold import Folder
from tallies.core.tally import Tally
from tallies.stores.dynamodb.keys import TableNames

FIRST_EPOCH = 1


@dataclass(frozen=True)
class Kept:
    """A tally and its place."""

    name: str
    """As declared."""
    tally: Tally
    """Its own name is that of this very build of it: unlike that of any other."""
    table: str
    ranking_shards: int = 1
    """How many partitions each leaderboard has."""

    def dump(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "table": self.table,
            "tally": dict(spec_of(self.tally)),
            "ranking_shards": self.ranking_shards,
        }

    def difference(self, tally: Tally, ranking_shards: int | None) -> str:
        """In what this differs from what is wanted, as words; empty when in nothing."""
        names = "" if same(self.tally, tally) else what_differs(self.tally, tally)
        if ranking_shards in (None, self.ranking_shards):
            return names
        return f"{names}, ranking_shards" if names else "ranking_shards"


@dataclass(frozen=True)
class Catalog:
    """The tallies of one source in one epoch."""

    base: TableNames
    """The source, and the table that holds positions, settings and the first tally."""
    epoch: int
    live: Sequence[Kept]
    """What readers see."""
    building: Sequence[Kept] = ()
    """What a rebuild is filling."""

    @classmethod
    def first(cls, base: TableNames, declared: Declaration, ranking_shards: int = 1) -> "Catalog":
        """That of new tables: the first tally is in the table of the positions."""
        return cls(
            base,
            FIRST_EPOCH,
            [
                Kept(
                    tally.name,
                    tally,
                    f"{base.tallies}-{tally.name}" if later else base.tallies,
                    ranking_shards,
                )
                for later, tally in enumerate(declared.tallies)
            ],
        )

    @cached_property
    def names(self) -> TableNames:
        """Where each tally's rows are."""
        every = (*self.live, *self.building)
        return replace(
            self.base,
            others={kept.tally.name: kept.table for kept in every},
            rankings={kept.tally.name: kept.ranking_shards for kept in every},
        )

    @cached_property
    def tallies(self) -> Sequence[Tally]:
        """All that records are applied to."""
        return [kept.tally for kept in (*self.live, *self.building)]

    def folders(self) -> list[Folder]:
        """All that records are applied to, ready to fold; not for two threads at once."""
        return [Folder(tally) for tally in self.tallies]

    def named(self, name: str | None) -> Kept:
        """The tally that readers know by a name; the first one for None.

        Raises:
            UnknownTally: there is none of that name.
        """
        for kept in self.live:
            if name in (None, kept.name):
                return kept
        there = ", ".join(kept.name for kept in self.live)
        raise UnknownTally(f"There is no tally {name!r}; there is {there}.")

    def check(self, declared: Declaration) -> None:
        """See that these are the tallies of a declaration.

        Raises:
            WrongStore: they are not.
        """
        if difference := self.differs(declared):
            raise WrongStore(
                f"The tallies in {self.base.tallies} are declared otherwise: {difference}."
                " `tallies rebuild` with this declaration builds what is new beside them and"
                " switches; without a declaration they are used as they are."
            )

    def declaration(self) -> Declaration:
        """What readers see, as it would be declared."""
        tallies = [replace(kept.tally, name=kept.name) for kept in self.live]
        return Declaration(tallies, self.base.source)

    def differs(self, declared: Declaration, ranking_shards: int | None = None) -> str:
        """In what a declaration differs from what readers see, as words; empty when in nothing.

        `ranking_shards` is what its leaderboards shall have; None for what they have.
        """
        there = {kept.name: kept for kept in self.live}
        for tally in declared.tallies:
            known = there.pop(tally.name, None)
            if known is None:
                return f"{tally.name} is new"
            if difference := known.difference(tally, ranking_shards):
                return f"{tally.name} differs in {difference}"
        return f"{next(iter(there))} is missing" if there else ""

    def redeclared(self, declared: Declaration, ranking_shards: int | None = None) -> "Catalog":
        """The next epoch, in which what is new in a declaration is being built.

        A tally that stays as it is stays where it is.
        """
        epoch = self.epoch + 1
        there = {kept.name: kept for kept in self.live}
        most = max(kept.ranking_shards for kept in self.live)
        building = []
        for tally in declared.tallies:
            known = there.get(tally.name)
            if known is None or known.difference(tally, ranking_shards):
                build = f"{tally.name}-{epoch}"
                building.append(
                    Kept(
                        tally.name,
                        replace(tally, name=build),
                        f"{self.base.tallies}-{build}",
                        ranking_shards or (known.ranking_shards if known else most),
                    )
                )
        return replace(self, epoch=epoch, building=building)

    def switched(self, declared: Declaration) -> "Catalog":
        """The epoch after, in which readers see what was built, and nothing else is kept."""
        there = {kept.name: kept for kept in (*self.live, *self.building)}
        live = [there[tally.name] for tally in declared.tallies]
        return replace(self, epoch=self.epoch + 1, live=live, building=())

    def is_building(self, declared: Declaration, ranking_shards: int | None = None) -> bool:
        """Whether what is being built is just what is new in a declaration."""
        new = self.redeclared(declared, ranking_shards).building
        return len(new) == len(self.building) and all(
            one.name == other.name and not one.difference(other.tally, other.ranking_shards)
            for one, other in zip(new, self.building, strict=True)
        )


def dump(kept: Sequence[Kept]) -> str:
    """Kept tallies as text, for the settings."""
    return json.dumps([each.dump() for each in kept], ensure_ascii=False)


def load(text: str) -> list[Kept]:
    """Undo `dump`.

    Raises:
        InvalidTally: another program wrote it.
    """
    return [
        Kept(each["name"], tally_of(each["tally"]), each["table"], each["ranking_shards"])
        for each in json.loads(text)
    ]
