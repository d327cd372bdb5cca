"""Node programs of the documentation, with their packages from npm.

The packages are those of a lock file, with its digests, in a folder named after it, so that another
lock file never meets them. What `archives.py` says of folders holds here too.
"""

import contextlib
import hashlib
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.engines.errors import EngineError, EngineMissingError

from .archives import REPOSITORY, cache_root, making, run_client

RUN_SECONDS = 120
OLDEST = 20
"""Major version of Node that the AWS SDK for JavaScript takes."""


@dataclass(frozen=True)
class NodePackages:
    """What a package.json and its lock file name."""

    name: str
    source: Path
    """The folder that they are in."""

    @property
    def folder(self) -> str:
        lock = (self.source / "package-lock.json").read_bytes()
        return f"node-{self.name}-{hashlib.sha256(lock).hexdigest()[:12]}"


READING = NodePackages("reading", REPOSITORY / "docs" / "examples" / "reading")
APPSYNC_RULES = NodePackages("appsync-rules", REPOSITORY / "tests" / "docs" / "appsync")
ALL = (READING, APPSYNC_RULES)


def is_installed(packages: NodePackages) -> bool:
    return (cache_root() / packages.folder).is_dir()


def ensure(packages: NodePackages) -> Path:
    """The folder that holds node_modules; installs them first if they are not there."""
    final = cache_root() / packages.folder
    if final.is_dir():
        return final
    npm = shutil.which("npm")
    if npm is None:
        raise EngineMissingError(
            f"npm is not installed; it fetches the packages of {packages.name}"
        )
    with making(final, packages.folder) as made:
        made.mkdir()
        for name in ("package.json", "package-lock.json"):
            shutil.copy2(packages.source / name, made)
        options = ["--ignore-scripts", "--prefer-offline", "--fetch-retries=1"]
        options += ["--no-audit", "--no-fund"]
        run_client("npm", [npm, "ci", "--prefix", str(made), *options])
    return final


def run(
    packages: NodePackages,
    program: str,
    *arguments: str,
    files: Iterable[Path] = (),
    env: Mapping[str, str] | None = None,
    given: str = "",
) -> str:
    """What a program prints, in a folder with these files, those beside the packages' lock file,
    and the packages.

    Raises:
        EngineMissingError: there is no node, or no npm to fetch the packages.
        EngineError: the program failed; its words.
    """
    with _folder(packages, files) as (node, folder):
        done = subprocess.run(
            [node, program, *arguments],
            cwd=folder,
            env=_environment(node, env),
            input=given,
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
        )
    if done.returncode != 0:
        raise EngineError(f"{program} failed: {done.stderr}{done.stdout}")
    return done.stdout


@contextlib.contextmanager
def answering(
    packages: NodePackages,
    program: str,
    *arguments: str,
    files: Iterable[Path] = (),
    env: Mapping[str, str] | None = None,
) -> Iterator[Callable[[str], str]]:
    """A program that prints a line for each one that it is given, as long as the block lasts: to
    start one and its packages takes longer than most answers. Raises as `run` does."""
    with (
        _folder(packages, files) as (node, folder),
        (folder / "stderr").open("w+") as said,
        subprocess.Popen(
            [node, program, *arguments],
            cwd=folder,
            env=_environment(node, env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
        ) as process,
    ):
        given, printed = process.stdin, process.stdout
        assert given is not None
        assert printed is not None

        def answer(line: str) -> str:
            late = threading.Timer(RUN_SECONDS, process.kill)
            late.start()
            try:
                with contextlib.suppress(BrokenPipeError):  # it says why on its stderr
                    given.write(line + "\n")
                    given.flush()
                found = printed.readline()
            finally:
                late.cancel()
            if not found:
                raise EngineError(f"{program} failed: {(folder / 'stderr').read_text()}")
            return found

        try:
            yield answer
        finally:
            with contextlib.suppress(BrokenPipeError):
                given.close()  # so it ends
            try:
                process.wait(RUN_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


@contextlib.contextmanager
def _folder(packages: NodePackages, files: Iterable[Path]) -> Iterator[tuple[str, Path]]:
    """Node, and a folder with all that a program needs."""
    node = _node()
    modules = ensure(packages) / "node_modules"
    with tempfile.TemporaryDirectory(prefix="tallies-node-") as temporary:
        for file in (*packages.source.iterdir(), *files):
            if file.is_file():
                shutil.copy2(file, temporary)
        (Path(temporary) / "node_modules").symlink_to(modules)
        yield node, Path(temporary)


def _environment(node: str, env: Mapping[str, str] | None) -> dict[str, str]:
    return {"PATH": str(Path(node).parent), **(env or {})}


@cache
def _node() -> str:
    node = shutil.which("node")
    if node is None:
        raise EngineMissingError("node is not installed; it runs the programs of docs/examples")
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    if int(said.strip().removeprefix("v").partition(".")[0]) < OLDEST:
        raise EngineMissingError(f"node is {said.strip()}; the AWS SDK needs version {OLDEST}")
    return node
