"""Where a snapshot is gathered: private files of the user, from which a killed one goes on."""

import os
from hashlib import blake2b
from pathlib import Path
from stat import S_IMODE, S_ISDIR
from tempfile import gettempdir

from tallies import __version__
from tallies.core.errors import StoreError

_LASTING = "/var/tmp"  # noqa: S108 # own_folder checks whose the folder in it is
_FORM = 2
"""The format of the files: a new number for each change of it."""
_PREFIX_SHOWN = 100
"""Characters; a file's name has at most 255 bytes."""


def own_folder() -> Path:
    """A folder that no other user can look into or prepare.

    It is in TMPDIR, or else in /var/tmp, as SQLite's own files are: /tmp is in memory on many
    machines, and is emptied when they start.

    Raises:
        StoreError: it cannot be created, or others may read or write it.
    """
    if os.name != "posix":  # temporary folders are each user's own there
        return Path(gettempdir())
    base = os.environ.get("TMPDIR") or _LASTING
    try:
        if not os.access(base, os.W_OK):
            base = gettempdir()
        folder = Path(base) / f"tallies-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        made = folder.lstat()
    except OSError as error:
        raise StoreError(
            f"No folder to gather in can be made in {base}: {error.strerror}; name another one in"
            " the variable TMPDIR."
        ) from error
    if not S_ISDIR(made.st_mode) or made.st_uid != os.getuid() or S_IMODE(made.st_mode) & 0o077:
        raise StoreError(
            f"Others may write or read {folder}; delete it, or name another folder in the variable"
            " TMPDIR."
        )
    return folder


def file_name(prefix: str, *of: object) -> str:
    """A name for what this version gathers of a store: a different one for each value of `of`."""
    digest = blake2b(
        repr((__version__, _FORM, prefix, *of)).encode(errors="surrogatepass"), digest_size=8
    )
    return f"{prefix[:_PREFIX_SHOWN]}-{digest.hexdigest()}.snapshot"
