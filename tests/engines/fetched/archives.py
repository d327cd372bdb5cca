"""Fetch the engines once, through the ordinary package clients, into a folder that git ignores.

An engine's folder carries its version in its name and appears by one rename, so a folder that
exists is complete, two processes may fetch at once, and a new pin never meets an old file.

DynamoDB Local has a licence of its own (LICENSE.txt in its folder: for holders of an AWS account,
not to be passed on or taken apart), so it is fetched and never a part of this repository.
"""

import contextlib
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.engines.errors import EngineMissingError

REPOSITORY = Path(__file__).resolve().parents[3]
DOWNLOAD_SECONDS = 600

# Pinned with the digests of the archives: an upstream that changes under the same version is an
# error to look at, not a new engine to test on.
SIMULATOR_VERSION = "2.9.30"  # carries DynamoDB Local 1.25.1
SIMULATOR_SHA256 = "3503ffac19f183407909fecdacf4db51ab1fdad1da7b2f177016670b2d80e4b9"
SAM_VERSION = "1.170.0"
SAM_SHA256 = "24ebaf5ecba38dc1758089968cb89ab61e124b84e92a344fc7a2771a47f4d0bf"


@dataclass(frozen=True)
class Archive:
    """One package that carries an engine, and how to get the engine out of it."""

    folder: str
    package: str
    sha256: str
    download: Callable[[str, Path], None]
    unpack: Callable[[Path, Path], None]


def cache_root() -> Path:
    return Path(os.environ.get("TALLIES_ENGINES") or REPOSITORY / ".cache" / "engines").absolute()


def is_fetched(archive: Archive) -> bool:
    return (cache_root() / archive.folder).is_dir()


def ensure(archive: Archive) -> Path:
    """The folder of the engine; downloads it first if it is not there."""
    final = cache_root() / archive.folder
    if final.is_dir():
        return final
    with making(final, f"{archive.package} in {final}") as unpacked:
        unpacked.mkdir()
        _fetch(archive, unpacked)
    return final


@contextlib.contextmanager
def making(final: Path, what: str) -> Iterator[Path]:
    """Where to make a folder, which is in its final place when the block is over: whole, or not
    at all.

    Raises:
        EngineMissingError: it cannot be kept.
    """
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        # Beside the final place, because a rename is atomic only within one file system. Resolved,
        # since npm takes a folder behind a link for another project's package.
        with tempfile.TemporaryDirectory(dir=final.parent.resolve(), prefix=".making-") as folder:
            made = Path(folder) / "made"
            yield made
            try:
                made.rename(final)
            except OSError:
                # Another process was faster; its folder is as complete as ours.
                if not final.is_dir():
                    raise
    except OSError as error:
        raise EngineMissingError(f"cannot keep {what}: {error}") from error


def _fetch(archive: Archive, unpacked: Path) -> None:
    downloads = unpacked.parent / "downloads"
    downloads.mkdir()
    archive.download(archive.package, downloads)
    files = list(downloads.iterdir())
    if len(files) != 1:
        raise EngineMissingError(f"{archive.package}: the client left {len(files)} files, not one")
    with files[0].open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != archive.sha256:
        raise EngineMissingError(
            f"{archive.package} has SHA-256 {found}, not the pinned {archive.sha256}; "
            "it is not used"
        )
    archive.unpack(files[0], unpacked)


def run_client(tool: str, command: list[str]) -> None:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DOWNLOAD_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise EngineMissingError(
            f"{tool} did not finish within {DOWNLOAD_SECONDS} s; is the registry reachable?"
        ) from None
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()
        # The reason is the last line, but for npm's word about its own log file.
        reason = next((line for line in reversed(said) if "log of this run" not in line), said[-1])
        raise EngineMissingError(f"{tool} could not download the package: {reason}")


def _npm(package: str, into: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise EngineMissingError(f"npm is not installed; it fetches {package} (DynamoDB Local)")
    # Few retries: without a network the tests shall say so soon, not in minutes.
    options = ["--ignore-scripts", "--prefer-offline", "--fetch-retries=1"]
    run_client("npm", [npm, "pack", package, *options, "--pack-destination", str(into)])


def _pip(package: str, into: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    if subprocess.run([*pip, "--version"], capture_output=True, check=False).returncode != 0:
        raise EngineMissingError(
            f"pip is not installed for {sys.executable}; it fetches {package} (the emulator)"
        )
    options = ["--no-deps", "--only-binary=:all:", "--quiet", "--retries=1", "--dest", str(into)]
    run_client("pip", [*pip, "download", package, *options])


def _unpack_dynamodb(archive: Path, into: Path) -> None:
    prefix = "package/emulator/"
    with tarfile.open(archive) as tar:
        for member in tar.getmembers():
            if member.isfile() and member.name.startswith(prefix):
                member.name = member.name.removeprefix(prefix)
                tar.extract(member, into, filter="data")


def _rie_name() -> str:
    return "aws-lambda-rie-" + ("arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64")


def _unpack_rie(archive: Path, into: Path) -> None:
    program = into / "aws-lambda-rie"
    with zipfile.ZipFile(archive) as wheel:
        program.write_bytes(wheel.read(f"samcli/local/rapid/{_rie_name()}"))
    program.chmod(0o755)


DYNAMODB_LOCAL = Archive(
    folder=f"dynamodb-local-{SIMULATOR_VERSION}",
    package=f"amplify-dynamodb-simulator@{SIMULATOR_VERSION}",
    sha256=SIMULATOR_SHA256,
    download=_npm,
    unpack=_unpack_dynamodb,
)
LAMBDA_RIE = Archive(
    folder=f"{_rie_name()}-{SAM_VERSION}",
    package=f"aws-sam-cli=={SAM_VERSION}",
    sha256=SAM_SHA256,
    download=_pip,
    unpack=_unpack_rie,
)
ALL = (DYNAMODB_LOCAL, LAMBDA_RIE)
