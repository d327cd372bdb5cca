"""What a billion rows take, by what was measured of a row."""

from collections.abc import Iterator
from typing import NamedTuple

from tallies.operate.plan.prices import read_prices
from tallies.stores.dynamodb.apply.transactions import MAX_ACTIONS
from tallies.stores.dynamodb.snapshot.mend.menders import CHAINS

ROW_BYTES = 200
"""Of a favorite as DynamoDB counts it, with a note and what else an application keeps there."""
UNIT_BYTES = 4_096


class Measured(NamedTuple):
    """What one size of table took, by the row, in microseconds of a processor and in bytes."""

    scanned: float
    gathered_bytes: float
    lines: float
    """Sums of a row; fewer than one where rows are summed up on their way."""
    line: float
    summed: float
    """The rest of the summing up, for a row of the tallies."""
    compared: float
    seeded: float
    """A first seed, for a row of the tallies, the look whether it is there included."""
    megabytes: float
    """The most memory of one process."""


ROWS = 10**9
CELLS = 100_000 * (1 + 12 + 365)
"""Of as many restaurants, each favored every day of a year."""
CORES = 16
UNITS_A_SECOND = 40_000
"""That an account may take from one table unless it asks for more."""
REGION = "eu-central-1"
"""Whose prices on demand are told."""
CELL_BYTES = 150
"""In the file: what is expected of a row of the tallies, and what is there."""
WRITE_UNITS = 3
"""Of a new row: two inside a transaction, and one of the index."""
SECONDS_OF_A_TRANSACTION = 0.03


def extrapolated(measured: Measured) -> Iterator[str]:
    """What a billion rows take on a machine of its own, step by step."""
    prices = read_prices(REGION).prices
    units = ROWS * ROW_BYTES / UNIT_BYTES
    scan = ROWS * measured.scanned / CORES / 1e6
    reading = units / UNITS_A_SECOND
    yield (
        f"{ROWS:,} rows of {ROW_BYTES} bytes on {CORES} cores: the scan takes {_minutes(scan)} of"
        f" every core, and {_minutes(reading)} at {UNITS_A_SECOND:,} read units a second;"
        f" {units / 1e6:.0f} million units, {units / 1e6 * prices.read_million:.2f} USD"
    )
    summing = (ROWS * measured.lines * measured.line + CELLS * measured.summed) / 1e6
    yield f"summing up, on one core: {_minutes(summing)}"
    comparing = CELLS * measured.compared / 1e6
    yield f"reading and comparing {CELLS:,} rows of the tallies, on one core: {_minutes(comparing)}"
    verify = max(scan, reading) + summing + comparing
    yield f"verify, in all: {_minutes(verify)}"
    seeding = max(
        CELLS * measured.seeded / 1e6,
        CELLS / (MAX_ACTIONS - 1) / CHAINS * SECONDS_OF_A_TRANSACTION,
        CELLS * WRITE_UNITS / UNITS_A_SECOND,
    )
    written = CELLS * WRITE_UNITS / 1e6
    yield (
        f"a first seed writes them in {_minutes(seeding)}: {written:.0f} million write units,"
        f" {written * prices.write_million:.0f} USD; in all {_minutes(verify + seeding)}"
    )
    file = (ROWS * measured.gathered_bytes + CELLS * CELL_BYTES) / 1e9
    yield f"disk: {file:.0f} GB; memory: {CORES * measured.megabytes / 1000 + 1:.0f} GB"


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min"
