"""The other process of the benchmark of `mark`: it aggregates until its input is closed."""

import sys

from tallies.favorites.on_sqlite import SqliteFavorites
from tallies.runtimes.embedded import EmbeddedLoop

if __name__ == "__main__":
    with SqliteFavorites(sys.argv[1]) as store, EmbeddedLoop(store):
        print("aggregating", flush=True)
        sys.stdin.read()
