"""A reader at a shell: blocks of commands typed into one bash, as they stand on a page."""

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

END = "--end-of-block--"


class Shell:
    """One bash, whose variables and background jobs outlive a block."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def run(self, block: str, timeout_seconds: float) -> tuple[int, str]:
        """The exit code of the first command that failed, or 0; and all that was printed."""
        typed, printed = self._process.stdin, self._process.stdout
        assert typed is not None
        assert printed is not None
        out_of_time = threading.Timer(timeout_seconds, self.end)
        out_of_time.start()
        try:
            # The first failure is kept, and what follows it still runs, as at a prompt.
            typed.write(
                f"code=0; trap 'code=$?' ERR\n{block}\ntrap - ERR; echo; echo {END} $code\n"
            )
            typed.flush()
            lines: list[str] = []
            for line in printed:
                if line.startswith(END):
                    return int(line.removeprefix(END)), "".join(lines)
                lines.append(line)
        finally:
            out_of_time.cancel()
        raise AssertionError(f"no end within {timeout_seconds:.0f} s of\n{block}\n{''.join(lines)}")

    def end(self) -> None:
        """End bash and every job that it has started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)


@contextlib.contextmanager
def shell(folder: Path, env: Mapping[str, str]) -> Iterator[Shell]:
    """A bash in that folder, in a group of its own, which ends with the block."""
    process = subprocess.Popen(
        ["bash", "--noprofile", "--norc"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        env=dict(env),
        start_new_session=True,
    )
    reader = Shell(process)
    try:
        yield reader
    finally:
        reader.end()
        process.communicate()
