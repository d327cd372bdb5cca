"""The catalog: which table is the source, its tallies, and the tables of their rows.

Aggregation applies every record to all tallies of the catalog: those that readers see, and those
that a rebuild is building beside them. Each change of that set begins a new epoch, and a commit
that was folded in an earlier epoch is refused.
"""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from tallies.core.declaration.declaration import (
    Declaration,
    changes,
    same,
    spec_of,
    tally_of,
    what_differs,
)
from tallies.core.errors import InvalidTally, UnknownTally, WrongStore
from tallies.core.tally import Tally
from tallies.stores.sqlite.rows.names import Names, quoted

FIRST_EPOCH = 1


@dataclass(frozen=True, eq=False)  # by identity: an unchanged catalog is parsed once
class TallyVersion:
    """One version of a tally: as it was declared at some time, with a table of its own."""

    tally: Tally
    table: str
    since: int = 0
    """Records up to this position of the log are not applied to it: a rebuild counts their rows."""


@dataclass(frozen=True)
class Catalog:
    """The tallies of one source in one epoch."""

    epoch: int
    source: str
    live: Sequence[TallyVersion]
    """What readers see."""
    building: Sequence[TallyVersion] = ()
    """What a rebuild is filling."""

    @cached_property
    def all(self) -> Sequence[TallyVersion]:
        """All versions that records are applied to."""
        return (*self.live, *self.building)

    @cached_property
    def attributes(self) -> Sequence[str]:
        """The columns of the source that some tally reads."""
        return tuple(
            dict.fromkeys(name for version in self.all for name in version.tally.attributes)
        )

    def named(self, name: str | None) -> TallyVersion:
        """The tally that readers know by a name; the first one for None.

        Raises:
            UnknownTally: there is none of that name.
        """
        for version in self.live:
            if name in (None, version.tally.name):
                return version
        there = ", ".join(version.tally.name for version in self.live)
        raise UnknownTally(f"There is no tally {name!r}; there is {there}.")

    def declaration(self) -> Declaration:
        """A declaration of what readers see."""
        return Declaration([version.tally for version in self.live], self.source)

    def check_source(self, declared: Declaration, where: object) -> None:
        """Check that a declaration is of the source of this catalog.

        Raises:
            InvalidTally: it is of another table.
        """
        if (declared.table or "").lower() != self.source.lower():
            raise InvalidTally(
                f"The declaration is of {declared.of_table}, and the tallies in {where} are"
                f" of {self.source}; give each table a prefix of its own, like ?prefix=sales."
            )

    def check(self, declared: Declaration, where: object) -> None:
        """Check that these are the tallies of a declaration.

        Raises:
            InvalidTally: it is of another table.
            WrongStore: they are not.
        """
        self.check_source(declared, where)
        if difference := self.differs(declared):
            raise WrongStore(
                f"The tallies in {where} are declared otherwise: {difference}. `tallies rebuild`"
                " with this declaration builds what is new beside them and switches; without a"
                " declaration they are used as they are."
            )

    def differs(self, declared: Declaration) -> str:
        """How a declaration differs from what readers see, in words; empty when it does not."""
        there = {version.tally.name: version.tally for version in self.live}
        return changes(there, declared.tallies, what_differs)

    def redeclared(
        self, declared: Declaration, names: Names, since: int, taken: Iterable[str] = ()
    ) -> "Catalog":
        """The next epoch, in which what is new in a declaration is being built.

        A tally that does not change stays where it is. `taken` are names in the database.
        """
        epoch = self.epoch + 1
        building: list[TallyVersion] = []
        used = {name.lower() for name in taken}
        for tally in self._new_in(declared):
            table = names.rows(tally.name, epoch, used)
            used.add(table.lower())
            building.append(TallyVersion(tally, table, since))
        return replace(self, epoch=epoch, building=tuple(building))

    def is_building(self, declared: Declaration) -> bool:
        """Whether what is being built is just what is new in a declaration."""
        new = self._new_in(declared)
        return len(new) == len(self.building) and all(
            tally.name == version.tally.name and same(tally, version.tally)
            for tally, version in zip(new, self.building, strict=True)
        )

    def switched(self, declared: Declaration) -> "Catalog":
        """The next epoch, in which readers see what was built, and nothing else is kept."""
        there = {version.tally.name: version for version in self.all}
        live = tuple(there[tally.name] for tally in declared.tallies)
        return replace(self, epoch=self.epoch + 1, live=live, building=())

    def _new_in(self, declared: Declaration) -> list[Tally]:
        there = {version.tally.name: version.tally for version in self.live}
        return [
            tally
            for tally in declared.tallies
            if tally.name not in there or not same(there[tally.name], tally)
        ]


def first_catalog(declared: Declaration, names: Names, source: str) -> Catalog:
    """The catalog of new tables."""
    live = [TallyVersion(tally, names.rows(tally.name, FIRST_EPOCH)) for tally in declared.tallies]
    if len({version.table.lower() for version in live}) < len(live):
        raise InvalidTally(
            "Two tallies have names that differ in case or in - and _ only; rename one of them."
        )
    return Catalog(FIRST_EPOCH, source, tuple(live))


def read_catalog(connection: sqlite3.Connection, names: Names) -> Catalog:
    """The catalog as the connection's transaction sees it."""
    row = connection.execute(
        f"SELECT epoch, source, live, building FROM {quoted(names.catalog)}"
    ).fetchone()
    return _parsed(*row)


def read_position(connection: sqlite3.Connection, names: Names) -> int:
    """The position up to which all change records are in the tallies."""
    (position,) = connection.execute(f"SELECT position FROM {quoted(names.catalog)}").fetchone()
    return int(position)


def write_catalog(connection: sqlite3.Connection, names: Names, catalog: Catalog) -> None:
    """Begin the catalog's epoch, in the caller's transaction."""
    connection.execute(
        f"UPDATE {quoted(names.catalog)} SET epoch = ?, source = ?, live = ?, building = ?",
        (catalog.epoch, catalog.source, dump(catalog.live), dump(catalog.building)),
    )


def dump(some: Sequence[TallyVersion]) -> str:
    """The versions as text, for the catalog."""
    return json.dumps(
        [
            {"tally": spec_of(version.tally), "table": version.table, "since": version.since}
            for version in some
        ],
        ensure_ascii=False,
    )


@lru_cache(maxsize=64)
def _parsed(epoch: int, source: str, live: str, building: str) -> Catalog:
    return Catalog(epoch, source, _load(live), _load(building))


def _load(text: str) -> tuple[TallyVersion, ...]:
    return tuple(
        TallyVersion(tally_of(each["tally"]), each["table"], each["since"])
        for each in json.loads(text)
    )
