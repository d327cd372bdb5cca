"""What a verify or rebuild of a large DynamoDB table takes of this machine, by the row.

The pages come from a stand-in, over HTTP on this machine, so that what is measured is ours alone:
the processor time of scanning, gathering, summing up and comparing, for each row of the source and
each row of the tallies, and the bytes of the file. `docs/scale.md` says what a billion rows take.
"""

import os
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from typing import Any, NamedTuple, cast

from benchmarks.dynamodb.extrapolation import ROW_BYTES, UNIT_BYTES, Measured, extrapolated
from benchmarks.dynamodb.worker import environment
from benchmarks.harness.measure import seconds
from benchmarks.harness.recorded import PAGE_BYTES, Table, served
from benchmarks.harness.result import Bound, Result, Run
from benchmarks.harness.workload import LAST_DAY, user, zipf_restaurants
from tallies.core.fold import Folder
from tallies.core.ids import join_ids
from tallies.core.times import canonical_time
from tallies.favorites.tally import FAVORITES
from tallies.stores.dynamodb.apply.transactions import Sender
from tallies.stores.dynamodb.apply.writes import Writer
from tallies.stores.dynamodb.client.clients import Clients
from tallies.stores.dynamodb.client.explain import explained
from tallies.stores.dynamodb.rows.keys import TableNames
from tallies.stores.dynamodb.snapshot.mend.mender import Mender
from tallies.stores.dynamodb.snapshot.mend.menders import CHAINS, Menders
from tallies.stores.dynamodb.snapshot.proof import Proof
from tallies.stores.dynamodb.snapshot.read.processes import Processes
from tallies.stores.dynamodb.snapshot.read.scan import SEGMENTS, Pace, Scan, scan_source
from tallies.stores.dynamodb.snapshot.spill.combine import Totals
from tallies.stores.dynamodb.snapshot.spill.spill import Spill
from tests.engines import DynamoDBAccount

TALLY_BYTES = 150
REGION = "eu-central-1"
NAMES = TableNames.of("billion", "billion-favorites")
EMPTY = TableNames.of("empty", NAMES.source)


class Work(NamedTuple):
    """One size of table."""

    rows: int
    restaurants: int
    days: int


class Took(NamedTuple):
    """What a piece of work took, in seconds."""

    cpu: float
    """Of this process and those that it started, and waited for."""
    wall: float


def run(run: Run) -> Iterator[Result]:
    """Popular restaurants and a month, then a hundred times as many and a year."""
    rows = run.pick(2_000_000, 50_000, usual=60_000)
    with ExitStack() as stack:
        stack.enter_context(environment(DynamoDBAccount("http://none", "billion")))
        yield from _one(run, Work(rows, 1_000, 30))
        measured = yield from _one(run, Work(rows, 100_000, 365))
        for line in extrapolated(measured):
            run.note(line)


def _one(run: Run, work: Work) -> Generator[Result, None, Measured]:
    folder = run.folder / str(work.days)
    folder.mkdir()
    with served(folder, _tables(folder, work)) as url:
        return (yield from _measured(work, url, folder / "spill"))


def _tables(folder: Path, work: Work) -> list[Table]:
    """The source, in an order that has nothing to do with time, and its tallies, all of them right.

    Of each row there is what a scan sends: its key, and what the tally reads.
    """
    dice = Random(1)
    source = Table(folder, NAMES.source, ["pk"])
    counts: Counter[tuple[str, str]] = Counter()
    items: list[Any] = []
    for number, restaurant in enumerate(zipf_restaurants(work.rows, work.restaurants)):
        moment = LAST_DAY - timedelta(days=dice.randrange(work.days), seconds=dice.random() * 86400)
        at = canonical_time(moment)
        counts.update((restaurant, window) for window in ("all", at[:7], at[:10]))
        items.append(
            {
                "pk": {"S": join_ids(restaurant, user(number))},
                "restaurant_id": {"S": restaurant},
                "created_at": {"S": at},
            }
        )
        if len(items) == PAGE_BYTES // ROW_BYTES or number == work.rows - 1:
            source.add(items, len(items) * ROW_BYTES / UNIT_BYTES)
            items = []
    tallies = Table(folder, NAMES.rows(FAVORITES.name), ["group", "time_window"])
    cells = sorted(counts)
    some = PAGE_BYTES // TALLY_BYTES
    for first in range(0, len(cells), some):
        items = [
            {
                "group": {"S": group},
                "time_window": {"S": window},
                "favorites": {"N": str(counts[group, window])},
                "updated_at": {"S": "2026-11-23T12:00:00.000000Z"},
            }
            for group, window in cells[first : first + some]
        ]
        tallies.add(items, len(items) * TALLY_BYTES / UNIT_BYTES)
    return [source, tallies, Table(folder, EMPTY.rows(FAVORITES.name), [])]


def _measured(work: Work, url: str, file: Path) -> Generator[Result, None, Measured]:
    what = f"{work.rows:,} favorites of {work.restaurants:,} restaurants, {work.days} days"
    processes = Processes(REGION, url, max(os.cpu_count() or 1, 2))
    proof = _proof(url)
    alone = _scan(proof, processes, 1, file)
    shared = _scan(proof, processes, processes.number(0, None), file)
    yield Result(
        what=f"scan of {what}, {processes.wanted} processes",
        unit="us of a processor a row",
        ours=shared.cpu / work.rows * 1e6,
        peer_name="one process",
        peer=alone.cpu / work.rows * 1e6,
        ratio=shared.cpu / alone.cpu,
        bound=Bound("<=", 1.5),
    )
    yield Result(
        what=f"scan of {what}, {processes.wanted} processes",
        unit="rows/s",
        ours=work.rows / shared.wall,
        peer_name="one process",
        peer=work.rows / alone.wall,
        ratio=alone.wall / shared.wall,
        higher_is_better=True,
    )
    with proof.spill(file) as spill:
        proof.begin(spill, proof.clock())
        _scan_into(proof, spill, processes, 1)
        size = file.stat().st_size
        sums = [lines for (lines,) in spill._connection.execute("SELECT lines FROM sums")]
        lines = sum(some.count("\n") + 1 for some in sums)
        added = _took(lambda: _add(sums))
        grouped = _took(spill.group)
        [cells] = spill._connection.execute("SELECT count(*) FROM expected").fetchone()
        judged = _took(lambda: _judge(proof, spill, cells, 0, None))
        seeded = _took(lambda: _seed(url, spill, cells))
    peak = max(getrusage(who).ru_maxrss for who in (RUSAGE_CHILDREN, RUSAGE_SELF))
    measured = Measured(
        scanned=shared.cpu / work.rows * 1e6,
        gathered_bytes=size / work.rows,
        lines=lines / work.rows,
        line=added.cpu / lines * 1e6,
        summed=(grouped.cpu - added.cpu) / cells * 1e6,
        compared=(judged.cpu - grouped.cpu) / cells * 1e6,
        seeded=(seeded.cpu - judged.cpu) / cells * 1e6,
        megabytes=peak / 1024,
    )
    of_row, of_cell = "us of a processor a row", "us of a processor a row of the tallies"
    for name, unit, value in (
        ("gathered", "bytes a row", measured.gathered_bytes),
        ("sums of a row", "a row", measured.lines),
        ("summed up", of_row, grouped.cpu / work.rows * 1e6),
        ("read and compared", of_cell, measured.compared),
        ("seeded", of_cell, measured.seeded),
        ("memory of the largest process", "MB", measured.megabytes),
    ):
        yield Result(what=f"{name}: {what}, {cells:,} rows of the tallies", unit=unit, ours=value)
    return measured


def _add(sums: Sequence[str]) -> None:
    totals = Totals()
    for some in sums:
        totals.add(some)


def _judge(proof: Proof, spill: Spill, checked: int, drifted: int, menders: Menders | None) -> None:
    found = proof.judged(spill, ["pk"], menders)
    assert (found.checked, len(found.drifted)) == (checked, drifted)


def _seed(url: str, spill: Spill, cells: int) -> None:
    """The same source, where no row of the tallies is there yet."""
    proof = _proof(url, EMPTY)
    sender = Sender(proof.once)
    writer = Writer(EMPTY, [proof.folder])
    chains = [
        Mender(proof.client, sender, writer, EMPTY, proof.clock, chain) for chain in range(CHAINS)
    ]
    with Menders(chains, side_by_side=True) as menders:
        menders.begin()
        _judge(proof, spill, cells, cells, menders)


def _proof(url: str, names: TableNames = NAMES) -> Proof:
    clients = Clients(REGION, url)
    return Proof(
        client=explained(clients.scanning, "the tables"),
        once=clients.once,
        names=names,
        folder=Folder(FAVORITES),
        stream=cast("Any", _NoStream()),
        marked=False,
        pace=Pace(None),
        settle_seconds=0.0,
        clock=lambda: datetime.now(UTC),
        epoch=1,
    )


class _NoStream:
    """Nobody writes meanwhile."""

    def shards(self) -> list[Any]:
        return []


def _scan(proof: Proof, processes: Processes, number: int, file: Path) -> Took:
    with proof.spill(file) as spill:
        return _took(lambda: _scan_into(proof, spill, processes, number))


def _scan_into(proof: Proof, spill: Spill, processes: Processes, number: int) -> None:
    def read(scan: Scan, starts: Any) -> Any:
        if number == 1:
            return scan.read(proof.client, starts, proof.pace)
        return processes.read(scan, starts, None, number)

    scan_source(
        read,
        NAMES.source,
        ["pk"],
        [(proof.placer, spill)],
        segments=number * SEGMENTS,
        on_rows=lambda _: None,
    )


def _took(work: Any) -> Took:
    before = _cpu()
    wall = seconds(work)
    return Took(_cpu() - before, wall)


def _cpu() -> float:
    used = [getrusage(who) for who in (RUSAGE_SELF, RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)
