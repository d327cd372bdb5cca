"""What a store keeps: its tallies, the tables of their rows, and which of them readers see.

Aggregation applies every record to all tallies that are kept: those that readers see, and those
that a rebuild is building beside them. Each change of that set begins a new epoch.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

from tallies.core.declaration.declaration import (
    Declaration,
    changes,
    same,
    spec_of,
    tally_of,
    what_differs,
)
from tallies.core.errors import UnknownTally, WrongStore
from tallies.core.fold import Folder
from tallies.core.tally import Tally
from tallies.stores.dynamodb.rows.keys import TableNames
from tallies.stores.layout import AS_IT_IS, OLDEST, Layout, LayoutWish

FIRST_EPOCH = 1


@dataclass(frozen=True)
class TallyVersion:
    """One version of a tally: as it was declared at some time, with a table of its own."""

    name: str
    """As declared."""
    tally: Tally
    """Its own name is that of this very build of the tally, unlike that of any other."""
    table: str
    layout: Layout = OLDEST

    @cached_property
    def declared(self) -> Tally:
        """The tally under the name that people know."""
        return replace(self.tally, name=self.name)

    def dump(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "table": self.table,
            "tally": dict(spec_of(self.tally)),
            **asdict(self.layout),
        }

    def difference(self, tally: Tally, wish: LayoutWish) -> str:
        """How this differs from what is wanted, in words; empty when it does not."""
        differ = what_differs(self.tally, tally), *wish.differs(self.layout)
        return ", ".join(filter(None, differ))


@dataclass(frozen=True)
class Catalog:
    """The tallies of one source in one epoch."""

    base: TableNames
    """The source, and the table that holds positions, settings and the first tally."""
    epoch: int
    live: Sequence[TallyVersion]
    """What readers see."""
    building: Sequence[TallyVersion] = ()
    """What a rebuild is filling."""

    @classmethod
    def first(cls, base: TableNames, declared: Declaration, layout: Layout) -> "Catalog":
        """The catalog of new tables: the first tally is in the table of the positions."""
        return cls(
            base,
            FIRST_EPOCH,
            [
                TallyVersion(
                    tally.name,
                    tally,
                    f"{base.tallies}-{tally.name}" if later else base.tallies,
                    layout,
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
            others={version.tally.name: version.table for version in every},
            layouts={version.tally.name: version.layout for version in every},
        )

    @cached_property
    def tallies(self) -> Sequence[Tally]:
        """All tallies that records are applied to."""
        return [version.tally for version in (*self.live, *self.building)]

    @property
    def in_rows(self) -> bool:
        """Whether all rows that readers see hold their own positions."""
        return all(version.layout.guard == "rows" for version in self.live)

    def folders(self) -> list[Folder]:
        """All tallies that records are applied to, ready to fold; not for two threads at once."""
        return [Folder(tally) for tally in self.tallies]

    def named(self, name: str | None) -> TallyVersion:
        """The tally that readers know by a name; the first one for None.

        Raises:
            UnknownTally: there is none of that name.
        """
        for version in self.live:
            if name in (None, version.name):
                return version
        there = ", ".join(version.name for version in self.live)
        raise UnknownTally(f"There is no tally {name!r}; there is {there}.")

    def check(self, declared: Declaration) -> None:
        """Check that these are the tallies of a declaration.

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
        """A declaration of what readers see."""
        return Declaration([version.declared for version in self.live], self.base.source)

    def differs(self, declared: Declaration, wish: LayoutWish = AS_IT_IS) -> str:
        """How what readers see differs from what is wanted, in words; empty when it does not."""
        there = {version.name: version for version in self.live}
        return changes(there, declared.tallies, lambda known, t: known.difference(t, wish))

    def redeclared(self, declared: Declaration, wish: LayoutWish = AS_IT_IS) -> "Catalog":
        """The next epoch, in which what is new in a declaration is being built.

        A tally that does not change stays where it is.
        """
        epoch = self.epoch + 1
        there = {version.name: version for version in self.live}
        first = self.live[0].layout
        most = replace(first, ranking_shards=max(k.layout.ranking_shards for k in self.live))
        building = []
        # Another tally may be called as the build of one.
        taken = {each.tally.name for each in self.live} | {each.name for each in declared.tallies}
        for tally in declared.tallies:
            known = there.get(tally.name)
            if known is None or known.difference(tally, wish):
                build = f"{tally.name}-{epoch}"
                while build in taken:
                    build += "-"
                taken.add(build)
                building.append(
                    TallyVersion(
                        tally.name,
                        replace(tally, name=build),
                        f"{self.base.tallies}-{build}",
                        wish.of(known.layout if known else most),
                    )
                )
        return replace(self, epoch=epoch, building=building)

    def switched(self, declared: Declaration) -> "Catalog":
        """The next epoch, in which readers see what was built, and nothing else is kept."""
        there = {version.name: version for version in (*self.live, *self.building)}
        live = [there[tally.name] for tally in declared.tallies]
        return replace(self, epoch=self.epoch + 1, live=live, building=())

    def is_building(self, declared: Declaration, wish: LayoutWish = AS_IT_IS) -> bool:
        """Whether what is being built is just what is new in a declaration."""
        new = self.redeclared(declared, wish).building
        return len(new) == len(self.building) and all(
            one.name == other.name and one.layout == other.layout and same(one.tally, other.tally)
            for one, other in zip(new, self.building, strict=True)
        )


def dump(versions: Sequence[TallyVersion]) -> str:
    """The versions as text, for the settings."""
    return json.dumps([each.dump() for each in versions], ensure_ascii=False)


def load(text: str) -> list[TallyVersion]:
    """Undo `dump`.

    Raises:
        InvalidTally: another program wrote the text.
    """
    return [
        TallyVersion(
            each["name"],
            tally_of(each["tally"]),
            each["table"],
            Layout(**{name: each[name] for name in asdict(OLDEST) if name in each}),
        )
        for each in json.loads(text)
    ]
