"""Proofs of all tallies of one source, which is scanned once for all of them, and their mending."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tallies.core.errors import StoreUnavailable
from tallies.stores.drifts import together
from tallies.stores.dynamodb.apply.transactions import Sender
from tallies.stores.dynamodb.apply.writes import Writer
from tallies.stores.dynamodb.snapshot.horizon import skip_trimmed
from tallies.stores.dynamodb.snapshot.mend.mender import Mender
from tallies.stores.dynamodb.snapshot.mend.menders import CHAINS, Menders
from tallies.stores.dynamodb.snapshot.proof import Proof
from tallies.stores.dynamodb.snapshot.read import scan
from tallies.stores.dynamodb.snapshot.read.processes import Processes
from tallies.stores.dynamodb.snapshot.read.scan import Scan, Scanned
from tallies.stores.dynamodb.snapshot.spill.spill import SCANNED, Spill
from tallies.stores.verified import Verified

Wanted = Sequence[tuple[Proof, Spill]]


@dataclass(frozen=True)
class Proofs:
    """A proof for each tally, and the file in which it gathers."""

    each: Sequence[tuple[Proof, Path]]
    processes: Processes | None = None
    """The processes that may scan; None for this one alone, without threads that mend."""

    def verify(self) -> Verified:
        """What differs."""
        with ExitStack() as stack:
            wanted = [(p, stack.enter_context(_own(p, file))) for p, file in self.each]
            return self._judged(wanted, None)

    def rebuild(self, writer: Writer) -> Verified:
        """Add what differs; returns what differed.

        Raises:
            StoreUnavailable: another process gathers in a file, or another rebuild takes over.
        """
        if not self.each:
            return together([])
        with ExitStack() as stack:
            # Before anything is done that another run would notice.
            wanted = [(p, stack.enter_context(p.spill(file))) for p, file in self.each]
            menders = stack.enter_context(self._menders(wanted[0][0], writer))
            menders.begin()
            (any_of, _), *_ = wanted
            if not any_of.marked:
                skip_trimmed(any_of.client, any_of.names.tallies, any_of.stream, any_of.epoch)
            return self._judged(wanted, menders)

    def _menders(self, any_of: Proof, writer: Writer) -> Menders:
        sender = Sender(any_of.once)
        chains = [
            Mender(any_of.client, sender, writer, any_of.names, any_of.clock, chain)
            for chain in range(CHAINS)
        ]
        return Menders(chains, side_by_side=self.processes is not None)

    def _judged(self, wanted: Wanted, menders: Menders | None) -> Verified:
        key = self._scan(wanted)
        return together(proof.judged(spill, key, menders) for proof, spill in wanted)

    def _scan(self, wanted: Wanted) -> Sequence[str]:
        """Scan the source, once for all spills equally far; returns the attributes of its key."""
        (any_of, its), *_ = wanted
        for proof, spill in wanted:
            proof.begin(spill, proof.clock())
        source = any_of.names.source
        described = any_of.client.describe_table(TableName=source)["Table"]
        key = sorted(each["AttributeName"] for each in described["KeySchema"])
        done = int(its.fact(SCANNED) or 0)
        rate = any_of.pace.units_a_second
        number = self.processes.number(described["ItemCount"], rate) if self.processes else 1

        def read(what: Scan, starts: Mapping[int, Any]) -> Generator[Scanned]:
            if self.processes is None or number == 1:
                return what.read(any_of.client, starts, any_of.pace)
            return self.processes.read(what, starts, rate, number)

        def on_rows(rows: int) -> None:
            nonlocal done
            done += rows
            any_of.progress("Scanning the source", done, max(described["ItemCount"], done))

        alike: dict[str, list[tuple[Proof, Spill]]] = {}
        for proof, spill in wanted:
            alike.setdefault(scan.far(spill), []).append((proof, spill))
        for some in alike.values():
            into = [(proof.placer, spill) for proof, spill in some]
            segments = scan.SEGMENTS * number
            scan.scan_source(read, source, key, into, segments=segments, on_rows=on_rows)
        return key


def _own(proof: Proof, file: Path) -> Spill:
    try:
        return proof.spill(file)
    except StoreUnavailable:  # another verify gathers there; this one uses no file
        return proof.spill(None)
