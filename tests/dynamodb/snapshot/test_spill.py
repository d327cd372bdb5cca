"""What is gathered of a source comes to GROUP BY over it, however it was scanned and cut."""

import random
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallies.core.tally import Number, Sum, Tally
from tallies.core.windows import Window
from tallies.stores.dynamodb.snapshot.spill.combine import PARTS, Combiner, Totals
from tallies.stores.dynamodb.snapshot.spill.file import UnknownState
from tallies.stores.dynamodb.snapshot.spill.spill import Spill
from tallies.stores.placing import Placer

ORDERS = Tally(
    name="orders",
    group_by="city",
    measures={"value": Sum("price")},
    windows=[Window.ALL, Window.MONTH],
    time="at",
)
PLACER = Placer(ORDERS)
PRICES = [Decimal("0.10"), Decimal("0.1"), Decimal("-2.5"), 3, Decimal("3.0"), 0]
Row = tuple[str, str, Number]

rows = st.tuples(
    st.sampled_from(["Rome", "Oslo", "São Paulo", "", "a\tb"]),
    st.sampled_from(["2026-01-31", "2026-02-01"]),
    st.sampled_from(PRICES),
)
histories = st.lists(
    st.tuples(st.integers(0, 12), st.none() | rows, st.booleans()), min_size=1, max_size=60
)
"""Which key is written, with which row, and whether the scan comes to the key right then."""


def place(row: Row | None) -> str | None:
    if row is None:
        return None
    city, day, price = row
    return PLACER.place({"city": city, "at": f"{day}T12:00:00Z", "price": price})


def group_by(held: "list[Row]") -> dict[tuple[str, str], tuple[Number, ...]]:
    found: dict[tuple[str, str], tuple[Number, ...]] = {}
    for city, day, price in held:
        if city.isprintable() and city:
            for window in ("all", day[:7]):
                count, total = found.get((city, window), (0, 0))
                found[city, window] = count + 1, total + price
    return found


@given(histories, st.integers(0, 60), st.integers(1, 5))
def test_whatever_the_scan_meets(
    history: list[tuple[int, Row | None, bool]], begin: int, size: int
) -> None:
    """Writes after the beginning are in the stream, seen by the scan or not."""
    table: dict[int, Row] = {}
    scanned: dict[int, Row | None] = {}
    changes: list[tuple[str, str | None, str | None]] = []
    for number, (key, row, comes) in enumerate(history):
        before = table.get(key)
        if row is None:
            table.pop(key, None)
        else:
            table[key] = row
        if number >= begin:
            changes.append((str(key), place(before), place(row)))
            if comes:
                scanned.setdefault(key, row)
    for key in range(13):  # the rest in the end
        scanned.setdefault(key, table.get(key))
    combiner = Combiner()
    with Spill(None, 2) as spill:
        met = [(str(key), place(row)) for key, row in scanned.items() if row is not None]
        for cut in range(0, len(met), size):
            combiner.add(met[cut : cut + size])
            spill.add({"segment 0": cut}, combiner.take())
        spill.group()  # a sample is grouped before the stream is read
        spill.put(changes)
        for _ in range(2):  # and once more where it moved meanwhile
            spill.group()
            cells = {(cell.group, cell.window): cell.expected for cell in spill.cells()}
            assert cells == group_by(list(table.values()))


def test_a_row_as_the_stream_never_tells_of_it_is_not_guessed(tmp_path: Path) -> None:
    combiner = Combiner()
    combiner.add([("key", "1\tall\tnoodles")])
    file = tmp_path / "spill"

    def gather() -> None:
        with Spill(file, 1) as spill:
            spill.add({"segment 0": "done"}, combiner.take())
            spill.put([("key", "1\tall\tpizza", "1\tall\tpasta")])
            spill.group()

    with pytest.raises(UnknownState, match="run it again"):
        gather()
    assert not file.exists()  # so that it is scanned anew


def test_parts_share_the_work_and_no_group() -> None:
    dice = random.Random(1)
    combiner = Combiner()
    combiner.add([(str(key), f"1\tall\tr{dice.randrange(5_000)}") for key in range(20_000)])
    shares = combiner.take()
    assert shares.rows == 20_000
    assert len(shares.scanned) == len(shares.sums) == PARTS
    assert max(map(len, shares.scanned.values())) < 2 * 24 * 20_000 / PARTS
    groups: list[str] = []
    for lines in shares.sums.values():
        totals = Totals()
        totals.add(lines)
        totals.add(lines)
        groups += [group for group, _, _ in totals.cells()]
    assert len(groups) == len(set(groups))
    assert combiner.take().rows == 0
