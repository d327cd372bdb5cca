"""The library: a store of tallies as a Python program uses it. Begin with `tallies.open`."""

from tallies.library.store import Place, TalliesOfTable, TallyReader, open_tallies

__all__ = ["Place", "TalliesOfTable", "TallyReader", "open_tallies"]
