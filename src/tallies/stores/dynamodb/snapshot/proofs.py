"""Proofs of all tallies of one source, which is scanned once for them."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tallies.core.errors import StoreUnavailable
from tallies.stores.dynamodb.snapshot.proof import Proof
from tallies.stores.dynamodb.snapshot.snapshot import gather
from tallies.stores.dynamodb.writes import Writer
from tallies.stores.protocol import Verified, together


@dataclass(frozen=True)
class Proofs:
    """One for each tally, and the file in which it gathers."""

    each: Sequence[tuple[Proof, Path]]

    def verify(self) -> Verified:
        """What differs."""
        self._scan(mending=False)
        return together(proof.verify(file) for proof, file in self.each)

    def rebuild(self, writer: Writer) -> Verified:
        """Add what differs; what it was.

        Raises:
            StoreUnavailable: another process gathers in a file, or another rebuild takes over.
        """
        self._scan(mending=True)
        return together(proof.rebuild(file, writer) for proof, file in self.each)

    def _scan(self, *, mending: bool) -> None:
        """Scan the source for all of several tallies. Each finds it done, in its file."""
        if len(self.each) < 2:
            return
        with ExitStack() as stack:
            try:
                wanted = [
                    (proof, stack.enter_context(proof.spill(file))) for proof, file in self.each
                ]
            except StoreUnavailable:
                return  # another process has one of the files: each says what becomes of it
            (first, _), *_ = wanted
            if mending:
                first.skip_trimmed()
            gather(wanted, first.clock())
