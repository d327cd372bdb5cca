"""A store under fire: processes that write, aggregate and rebuild, killed at any moment."""

import subprocess
import sys
from collections import Counter
from pathlib import Path
from random import Random
from time import sleep

from tests.cli.command import environment
from tests.conformance.backend import Backend
from tests.operate.rebuild.actors import DAYS, RESTAURANTS

WRITERS = 3
MOST_SECONDS = 0.8
"""After so long at most the next ones are killed."""
REBUILD_SECONDS = 120
_WINDOWS = ("all", "2082-11", "2082-10", "2081", "no window", *DAYS)


class Fire:
    """Use as a context manager: at its end nobody runs any more."""

    def __init__(self, backend: Backend, seed: int, folder: Path) -> None:
        self.met: Counter[str] = Counter()
        self._backend = backend
        self._url = backend.store.url
        self._dice = Random(seed)
        # What a rebuild on DynamoDB gathers goes where temporary files do.
        self._environment = environment(TMPDIR=str(folder))
        self._running: dict[str, subprocess.Popen[str]] = {}

    def __enter__(self) -> "Fire":
        self._start_missing()
        return self

    def __exit__(self, *_: object) -> None:
        self._kill(list(self._running))

    def round(self) -> None:
        """Drift is planted, some are killed at some moment, and at the end all is exact again.

        Raises:
            AssertionError: it is not.
        """
        dice = self._dice
        for _ in range(dice.randrange(1, 12)):
            group = dice.choice([f"r{dice.randrange(RESTAURANTS)}", f"ghost{dice.randrange(200)}"])
            self._backend.plant(group, dice.choice(_WINDOWS), dice.randrange(0, 50))
            self.met["planted"] += 1
        self._start("rebuild", "-m", "tallies", "rebuild", "--store", self._url)
        sleep(dice.random() * MOST_SECONDS)  # the moment of the kill is the point of this
        self._kill([name for name in self._running if dice.random() < 0.5])
        self._start_missing()
        self._kill(["rebuild"])
        self._start("rebuild", "-m", "tallies", "rebuild", "--store", self._url)
        rebuild = self._running.pop("rebuild")
        out, err = rebuild.communicate(timeout=REBUILD_SECONDS)
        assert rebuild.returncode == 0, (out, err)
        # Everybody else is still at work.
        assert list(self._backend.store.verify().drifted) == []
        self.met["round"] += 1

    def _start_missing(self) -> None:
        """Start who is not there, and wait until they are at work."""
        actors = "tests.operate.rebuild.actors"
        wanted = {"aggregator": ["aggregate", self._url]} | {
            f"writer {number}": ["write", self._url, str(self._dice.randrange(10**9))]
            for number in range(WRITERS)
        }
        missing = [name for name in wanted if name not in self._running]
        for name in missing:
            self._start(name, "-m", actors, *wanted[name])
        for name in missing:
            out = self._running[name].stdout
            assert out is not None
            assert out.readline() == "ready\n", self._running[name].communicate()

    def _start(self, name: str, *arguments: str) -> None:
        self._running[name] = subprocess.Popen(
            [sys.executable, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self._environment,
        )

    def _kill(self, names: list[str]) -> None:
        for name in names:
            process = self._running.pop(name, None)
            if process is not None:
                if process.poll() is None:
                    self.met[f"killed {name.split()[0]}"] += 1
                process.kill()
                process.communicate()
