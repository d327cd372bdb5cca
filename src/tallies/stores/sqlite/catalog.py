"""The catalog: which table is the source, its tallies, and the tables of their rows.

Aggregation applies every record to all tallies of the catalog: those that readers see, and those
that a rebuild is building beside them. Each change of that set begins a new epoch, and a commit
that was folded in an earlier epoch is refused.
"""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from tallies.core.declaration import Declaration, same, spec_of, tally_of, what_differs
from tallies.core.errors import InvalidTally, UnknownTally, WrongStore
from tallies.core.tally import Tally
from tallies.stores.sqlite.names import Names, quoted

FIRST_EPOCH = 1


@dataclass(frozen=True, eq=False)  # by identity: a catalog that stays the same is read once
class Kept:
    """A tally and the table of its rows."""

    tally: Tally
    table: str
    since: int = 0
    """Records up to this position of the log are not for it: a rebuild reads what they did."""


@dataclass(frozen=True)
class Catalog:
    """The tallies of one source in one epoch."""

    epoch: int
    source: str
    live: Sequence[Kept]
    """What readers see."""
    building: Sequence[Kept] = ()
    """What a rebuild is filling."""

    @cached_property
    def all(self) -> Sequence[Kept]:
        """Everything that records are applied to."""
        return (*self.live, *self.building)

    @cached_property
    def attributes(self) -> Sequence[str]:
        """The columns of the source that some tally reads."""
        return tuple(dict.fromkeys(name for kept in self.all for name in kept.tally.attributes))

    def named(self, name: str | None) -> Kept:
        """The tally that readers know by a name; the first one for None.

        Raises:
            UnknownTally: there is none of that name.
        """
        for kept in self.live:
            if name in (None, kept.tally.name):
                return kept
        there = ", ".join(kept.tally.name for kept in self.live)
        raise UnknownTally(f"There is no tally {name!r}; there is {there}.")

    def declaration(self) -> Declaration:
        """What readers see, as it would be declared."""
        return Declaration([kept.tally for kept in self.live], self.source)

    def check_source(self, declared: Declaration, where: object) -> None:
        """See that a declaration is of the table that this is the catalog of.

        Raises:
            InvalidTally: it is of another table.
        """
        if (declared.table or "").lower() != self.source.lower():
            raise InvalidTally(
                f"The declaration is of the table {declared.table}, and the tallies in {where} are"
                f" of {self.source}; give each table a prefix of its own, like ?prefix=sales."
            )

    def check(self, declared: Declaration, where: object) -> None:
        """See that these are the tallies of a declaration.

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
        """In what a declaration differs from what readers see, as words; empty when in nothing."""
        there = {kept.tally.name: kept.tally for kept in self.live}
        for tally in declared.tallies:
            known = there.pop(tally.name, None)
            if known is None:
                return f"{tally.name} is new"
            if not same(known, tally):
                return f"{tally.name} differs in {what_differs(known, tally)}"
        return f"{next(iter(there))} is missing" if there else ""

    def redeclared(self, declared: Declaration, names: Names, since: int) -> "Catalog":
        """The next epoch, in which what is new in a declaration is being built.

        A tally that stays as it is stays where it is.
        """
        epoch = self.epoch + 1
        building = [
            Kept(tally, names.rows(tally.name, epoch), since) for tally in self._new_in(declared)
        ]
        return replace(self, epoch=epoch, building=tuple(building))

    def is_building(self, declared: Declaration) -> bool:
        """Whether what is being built is just what is new in a declaration."""
        new = self._new_in(declared)
        return len(new) == len(self.building) and all(
            tally.name == kept.tally.name and same(tally, kept.tally)
            for tally, kept in zip(new, self.building, strict=True)
        )

    def switched(self, declared: Declaration) -> "Catalog":
        """The epoch after, in which readers see what was built, and nothing else is kept."""
        there = {kept.tally.name: kept for kept in self.all}
        live = tuple(there[tally.name] for tally in declared.tallies)
        return replace(self, epoch=self.epoch + 1, live=live, building=())

    def _new_in(self, declared: Declaration) -> list[Tally]:
        there = {kept.tally.name: kept.tally for kept in self.live}
        return [
            tally
            for tally in declared.tallies
            if tally.name not in there or not same(there[tally.name], tally)
        ]


def first_catalog(declared: Declaration, names: Names, source: str) -> Catalog:
    """That of new tables."""
    live = [Kept(tally, names.rows(tally.name, FIRST_EPOCH)) for tally in declared.tallies]
    if len({kept.table.lower() for kept in live}) < len(live):
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


def write_catalog(connection: sqlite3.Connection, names: Names, catalog: Catalog) -> None:
    """Begin its epoch, in the caller's transaction."""
    connection.execute(
        f"UPDATE {quoted(names.catalog)} SET epoch = ?, source = ?, live = ?, building = ?",
        (catalog.epoch, catalog.source, dump(catalog.live), dump(catalog.building)),
    )


def dump(some: Sequence[Kept]) -> str:
    """Kept tallies as text, for the catalog."""
    return json.dumps(
        [{"tally": spec_of(kept.tally), "table": kept.table, "since": kept.since} for kept in some],
        ensure_ascii=False,
    )


@lru_cache(maxsize=64)
def _parsed(epoch: int, source: str, live: str, building: str) -> Catalog:
    return Catalog(epoch, source, _load(live), _load(building))


def _load(text: str) -> tuple[Kept, ...]:
    return tuple(
        Kept(tally_of(each["tally"]), each["table"], each["since"]) for each in json.loads(text)
    )
