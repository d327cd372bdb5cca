"""Proofs of all tallies of one source, which is scanned once for them, and their mending."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tallies.core.errors import StoreUnavailable
from tallies.stores.dynamodb.snapshot.horizon import skip_trimmed
from tallies.stores.dynamodb.snapshot.mend import Mender
from tallies.stores.dynamodb.snapshot.proof import Proof
from tallies.stores.dynamodb.snapshot.scan import far, scan_source
from tallies.stores.dynamodb.snapshot.spill import SCANNED, Spill
from tallies.stores.dynamodb.transactions import Sender
from tallies.stores.dynamodb.writes import Writer
from tallies.stores.protocol import Verified, together

Wanted = Sequence[tuple[Proof, Spill]]


@dataclass(frozen=True)
class Proofs:
    """One for each tally, and the file in which it gathers."""

    each: Sequence[tuple[Proof, Path]]

    def verify(self) -> Verified:
        """What differs."""
        with ExitStack() as stack:
            return _judged([(p, stack.enter_context(_own(p, file))) for p, file in self.each], None)

    def rebuild(self, writer: Writer) -> Verified:
        """Add what differs; what it was.

        Raises:
            StoreUnavailable: another process gathers in a file, or another rebuild takes over.
        """
        if not self.each:
            return together([])
        with ExitStack() as stack:
            # Before anything that another run would notice.
            wanted = [(p, stack.enter_context(p.spill(file))) for p, file in self.each]
            (any_of, _), *_ = wanted
            mender = Mender(any_of.client, Sender(any_of.once), writer, any_of.names, any_of.clock)
            mender.begin()
            if not any_of.marked:
                skip_trimmed(any_of.client, any_of.names.tallies, any_of.stream, any_of.epoch)
            return _judged(wanted, mender)


def _own(proof: Proof, file: Path) -> Spill:
    try:
        return proof.spill(file)
    except StoreUnavailable:  # another verify gathers there; this one does without
        return proof.spill(None)


def _judged(wanted: Wanted, mender: Mender | None) -> Verified:
    key = _scan(wanted)
    return together(proof.judged(spill, key, mender) for proof, spill in wanted)


def _scan(wanted: Wanted) -> Sequence[str]:
    """Scan the source, once for all that are equally far; the attributes of its key."""
    (any_of, its), *_ = wanted
    for proof, spill in wanted:
        proof.begin(spill, proof.clock())
    source = any_of.names.source
    described = any_of.client.describe_table(TableName=source)["Table"]
    key = sorted(each["AttributeName"] for each in described["KeySchema"])
    done = int(its.fact(SCANNED) or 0)

    def on_rows(rows: int) -> None:
        nonlocal done
        done += rows
        any_of.progress("Scanning the source", done, max(described["ItemCount"], done))

    alike: dict[str, list[tuple[Proof, Spill]]] = {}
    for proof, spill in wanted:
        alike.setdefault(far(spill), []).append((proof, spill))
    for some in alike.values():
        into = [(proof.placer, spill) for proof, spill in some]
        scan_source(any_of.client, source, key, into, pace=any_of.pace, on_rows=on_rows)
    return key
