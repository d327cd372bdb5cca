"""The process that is killed: it writes, carries over, and resumes when it is started again.

python -m tallies.operate.compare.killed ENGINE DESIGN PLACE FOLDER LOG ["to the end"]
"""

import csv
import sys
from collections.abc import Sequence
from pathlib import Path

from tallies.favorites.favorite import Event
from tallies.operate.compare.designs import SCAN

WRITES_A_TURN = 7
"""Between two polls for changes to carry over."""
_DONE = "acknowledged"


def write_log(folder: Path, events: Sequence[Event]) -> Path:
    """The events as the child reads them."""
    path = folder / "events.csv"
    with path.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows(events)
    return path


def main(arguments: Sequence[str]) -> None:
    """Write until killed; or, at the end, only what was under way, and carry over the rest."""
    from tallies.operate.compare.engines import engine_named

    engine, name, place, folder, log, *rest = arguments
    with Path(log).open(encoding="utf-8", newline="") as lines:
        events = [Event(*row) for row in csv.reader(lines)]  # type: ignore[arg-type] # as written
    design = engine_named(engine).open(name, place, Path(folder))
    file = Path(folder) / _DONE
    done = file.stat().st_size if file.exists() else 0
    with file.open("ab", buffering=0) as acknowledged:
        sys.stdout.write("begins\n")
        sys.stdout.flush()
        while True:
            # A write without an answer is repeated, as an application would.
            for number in range(done, done + WRITES_A_TURN):
                design.write(_event(events, number))
                acknowledged.write(b".")
            done += WRITES_A_TURN
            if rest:
                break
            if design.in_background:
                design.carry()
    while design.in_background and design.carry():
        pass
    if name == SCAN:
        design.carry()
    design.close()


def _event(events: Sequence[Event], number: int) -> Event:
    """The events one after the other, then their removals, and so on: endless work."""
    turn, index = divmod(number, len(events))
    event = events[index]
    return event if turn % 2 == 0 else event._replace(op="unmark" if event.op == "mark" else "mark")


if __name__ == "__main__":
    main(sys.argv[1:])
