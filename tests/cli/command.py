"""Running the command as a user does, as a process."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from atexit import register
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tests.cli.forks import Forks

PATIENCE_SECONDS = 120


class Ran(NamedTuple):
    code: int
    out: str
    err: str


def environment(**variables: str) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("TALLIES_") and name not in ("COLUMNS", "LINES")
    }
    return {**kept, "PYTHONWARNINGS": "error", **variables}


@cache
def _forks() -> Forks:
    forks = Forks(environment())
    register(forks.close)
    return forks


def tallies(*arguments: str | Path, store: str | None = None, **variables: str) -> Ran:
    """Run `tallies`; no test of it may leave a traceback."""
    if store is not None:
        variables["TALLIES_STORE"] = store
    line, env = [*map(str, arguments)], environment(**variables)
    if any(name.startswith("PYTHON") for name in variables):
        done = _from_the_start(line, env)  # only so Python heeds them
    else:
        done = Ran(*_forks().run(line, env, PATIENCE_SECONDS))
    assert "Traceback" not in done.err, done.err
    return done


@cache
def told(*arguments: str) -> Ran:
    """What `tallies` says, where it needs no store: run once, however often asked."""
    return tallies(*arguments)


def _from_the_start(line: list[str], env: dict[str, str]) -> Ran:
    done = subprocess.run(
        [sys.executable, "-m", "tallies", *line],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=env,
        timeout=PATIENCE_SECONDS,
        stdin=subprocess.DEVNULL,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def on_terminal(columns: int, *arguments: str | Path, store: str) -> Ran:
    """Run `tallies` on a terminal of so many columns; what it shows, without colours."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    with subprocess.Popen(
        [sys.executable, "-m", "tallies", *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.PIPE,
        env=environment(TALLIES_STORE=store, TERM="xterm"),
    ) as process:
        os.close(theirs)
        shown = b""
        with suppress(OSError):  # it has closed its end
            while read := os.read(ours, 65_536):
                shown += read
        os.close(ours)
        assert process.stderr is not None
        err = process.stderr.read().decode()
    assert "Traceback" not in err, err
    text = re.sub("\x1b\\[[0-9;?]*[A-Za-z]", "", shown.decode()).replace("\r\n", "\n")
    return Ran(process.returncode, text, err)
