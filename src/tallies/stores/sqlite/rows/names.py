"""Names: what the tables and triggers of one prefix are called, and how SQL quotes a name."""

from collections.abc import Container
from dataclasses import dataclass

from tallies.core.errors import InvalidStoreUrl, shown

DEFAULT_PREFIX = "tallies"
MAX_PREFIX_LENGTH = 40
MAX_TALLY_IN_NAME = 60
"""Characters of a tally's name that the name of its table repeats."""


def quoted(name: str) -> str:
    """A name as SQL takes it, whatever characters it holds.

    >>> quoted('my "own" table')
    '"my ""own"" table"'
    """
    return '"' + name.replace('"', '""') + '"'


def check_prefix(prefix: str) -> str:
    """Return `prefix` when it can begin the names of tables.

    Raises:
        InvalidStoreUrl: it cannot.
    """
    fits = prefix.isascii() and prefix.isidentifier() and len(prefix) <= MAX_PREFIX_LENGTH
    if not fits or prefix.lower().startswith("sqlite_"):
        raise InvalidStoreUrl(
            f"{shown(prefix)} is no prefix; use 1 to {MAX_PREFIX_LENGTH} letters, digits and _,"
            " not a digit first, not sqlite_."
        )
    return prefix


@dataclass(frozen=True)
class Names:
    """The names of everything that one prefix owns in a database."""

    prefix: str = DEFAULT_PREFIX

    @property
    def catalog(self) -> str:
        """One row: the source, its tallies, and how far the log has been read."""
        return f"{self.prefix}_catalog"

    @property
    def log(self) -> str:
        """The change records that triggers write."""
        return f"{self.prefix}_log"

    @property
    def parked(self) -> str:
        return f"{self.prefix}_parked"

    @property
    def leases(self) -> str:
        return f"{self.prefix}_leases"

    @property
    def insert_conflicts(self) -> str:
        """Notes of rows that conflict with an insert that is under way."""
        return f"{self.prefix}_insert_conflicts"

    @property
    def update_conflicts(self) -> str:
        """Notes of rows that conflict with an update that is under way."""
        return f"{self.prefix}_update_conflicts"

    @property
    def fixed(self) -> tuple[str, ...]:
        """All tables but those of rows."""
        return (
            self.catalog,
            self.log,
            self.parked,
            self.leases,
            self.insert_conflicts,
            self.update_conflicts,
        )

    def rows(self, tally: str, epoch: int, taken: Container[str] = ()) -> str:
        """The table for the rows of a tally that is built in this epoch.

        Args:
            tally: Its name.
            epoch: 1 for the first tables.
            taken: Names of the database, in lower case: another tally may be called `sales_2`.
        """
        table = f"{self.prefix}_{tally[:MAX_TALLY_IN_NAME]}".replace("-", "_")
        fixed = {name.lower() for name in self.fixed}
        if epoch > 1 or table.lower() in fixed:
            table = f"{table}_{epoch}"
        while table.lower() in taken:
            table += "_"
        return table

    def trigger(self, what: str) -> str:
        """The name of one of the triggers. SQLite shows it when a statement cannot fire it."""
        return f"{self.prefix}_{what}, which `tallies drop` removes"
