"""Replicas: which table of a global table a stream is of, so that only one is counted."""

from typing import NamedTuple

from tallies.core.errors import WrongStore


def table_of(arn: str) -> str:
    """The name, over all accounts and regions, of the table that a stream is of."""
    return arn.partition("/stream/")[0]


class Replica(NamedTuple):
    """One of the tables that a global table consists of; a table of one region is one, too."""

    region: str
    account: str
    table: str

    @classmethod
    def of(cls, stream: str) -> "Replica":
        """The replica that a stream is of."""
        region, account, table = table_of(stream).split(":", 5)[3:]
        return cls(region, account, table.removeprefix("table/"))

    def __str__(self) -> str:
        return f"{self.table} in {self.region} (account {self.account})"


def check_same(known: str, stream: str, tallies: str) -> None:
    """Check that a stream is of the same replica as `known`, from which `tallies` are counted.

    Raises:
        WrongStore: it is of another replica, or of another table.
    """
    if table_of(known) == table_of(stream):
        return
    here, there = Replica.of(stream), Replica.of(known)
    if here.table != there.table:
        raise WrongStore(
            f"The tallies in {tallies} are of the table {there.table}, and this is the"
            f" stream of {here.table}; give each source a store of its own."
        )
    raise WrongStore(
        f"The tallies in {tallies} are counted from {there}, and the stream of {here} has"
        " the same changes again; aggregate, verify and rebuild in one region only. To go over"
        " to this one, stop the aggregator of the other and run"
        " `tallies rebuild --in-this-region`."
    )
