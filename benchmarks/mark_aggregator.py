"""The other process of the benchmark of `mark`: it aggregates until its input is closed."""

import sys

from tallies.runtimes.embedded import EmbeddedLoop
from tallies.stores.sqlite import SqliteStore

if __name__ == "__main__":
    with SqliteStore(sys.argv[1]) as store, EmbeddedLoop(store):
        print("aggregating", flush=True)
        sys.stdin.read()
