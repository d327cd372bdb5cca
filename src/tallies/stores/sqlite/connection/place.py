"""The place of a store: whether its path still leads to the file that was opened there.

Processes that have a file open go on writing it after it is moved away or replaced by a restored
backup: what they acknowledge is in a file that the next start does not find.
"""

import os
from pathlib import Path
from time import monotonic

from tallies.core.errors import StoreUnavailable

LOOK_SECONDS = 0.25
"""The pause between two checks for readers. Writers check every time."""

_File = tuple[int, int]
"""Device and inode."""


class Place:
    """A path, and which file was there when it was first opened. Threads may share it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: _File | None = None
        self._look_at = 0.0

    def look(self) -> None:
        """Check that the file is still there, unless that was just checked.

        Raises:
            StoreUnavailable: it is not.
        """
        if monotonic() >= self._look_at:
            self.check()

    def check(self) -> None:
        """Check that the file is still there. The first time, remember which one it is.

        Raises:
            StoreUnavailable: it is not.
        """
        found = _file_at(self._path)
        if self._file is None:
            self._file = found
        elif found != self._file:
            what = "moved away" if found is None else "replaced by another"
            raise StoreUnavailable(
                f"The file {self._path} was {what} while it was open, and nothing is written to"
                " either since; put the right file there, and start this process again."
            )
        self._look_at = monotonic() + LOOK_SECONDS

    def forget(self) -> None:
        """No connection is open any more: whichever file is there next is the right one."""
        self._file = None
        self._look_at = 0.0


def _file_at(path: Path) -> _File | None:
    try:
        found = os.stat(path)  # noqa: PTH116 # a third of the time of Path.stat, at every write
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
