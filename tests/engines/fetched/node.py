"""Node programs of the documentation, with their packages from npm.

The packages are those of a lock file, with its digests, in a folder named after it, so that another
lock file never meets them. What `archives.py` says of folders holds here too.
"""

import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
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
    node = _node()
    modules = ensure(packages) / "node_modules"
    with tempfile.TemporaryDirectory(prefix="tallies-node-") as temporary:
        for file in (*packages.source.iterdir(), *files):
            if file.is_file():
                shutil.copy2(file, temporary)
        (Path(temporary) / "node_modules").symlink_to(modules)
        done = subprocess.run(
            [node, program, *arguments],
            cwd=temporary,
            env={"PATH": str(Path(node).parent), **(env or {})},
            input=given,
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
        )
    if done.returncode != 0:
        raise EngineError(f"{program} failed: {done.stderr}{done.stdout}")
    return done.stdout


def _node() -> str:
    node = shutil.which("node")
    if node is None:
        raise EngineMissingError("node is not installed; it runs the programs of docs/examples")
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    if int(said.strip().removeprefix("v").partition(".")[0]) < OLDEST:
        raise EngineMissingError(f"node is {said.strip()}; the AWS SDK needs version {OLDEST}")
    return node
