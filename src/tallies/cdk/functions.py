"""What the functions run: tallies, what it needs, and the declaration, gathered in one folder.

pip itself chooses wheels for arm64, whatever machine this runs on, without a container. botocore is
left out: the runtime brings it, and it would be most of the size.
"""

import hashlib
import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import tallies
from tallies.core.errors import InvalidInput

NEEDED = ("fastapi", "mangum", "prometheus-client", "simplejson", "sse-starlette", "tenacity")
"""What the functions import of tallies' dependencies; no command line and no server."""
PYTHON = "3.13"
# The runtime is Amazon Linux 2023, whose glibc is 2.34.
PLATFORMS = ("manylinux2014_aarch64", "manylinux_2_28_aarch64", "manylinux_2_34_aarch64")
DECLARATION = "tallies.toml"
"""The name that the declaration has in the folder."""
PACKAGE = Path(tallies.__file__).parent
_CACHES = "__pycache__"


def gather(
    out: Path,
    declaration: str | None = None,
    *,
    python: str = PYTHON,
    platforms: Sequence[str] = PLATFORMS,
) -> None:
    """Fill a folder, which is made if it is missing.

    Raises:
        InvalidInput: this Python has no pip.
        CalledProcessError: pip could not fetch something, and has said what.
    """
    if importlib.util.find_spec("pip") is None:
        raise InvalidInput(
            f"Packing the functions takes pip, which {sys.executable} lacks; install it there."
        )
    wheels = [argument for each in platforms for argument in ("--platform", each)]
    command = [
        *(sys.executable, "-m", "pip", "install", *NEEDED, "--target", str(out), "--quiet"),
        *("--only-binary=:all:", "--no-compile", "--no-warn-conflicts"),
        *("--python-version", python, "--implementation", "cp", *wheels),
    ]
    # pip's output is not part of what the caller prints.
    subprocess.run(command, check=True, stdout=sys.stderr)  # noqa: S603 - all of it is from here
    shutil.rmtree(out / "bin", ignore_errors=True)
    shutil.copytree(PACKAGE, out / PACKAGE.name, ignore=shutil.ignore_patterns(_CACHES))
    add_declaration(out, declaration)


def add_declaration(out: Path, declaration: str | None) -> None:
    """Add the declaration to the folder."""
    if declaration is not None:
        (out / DECLARATION).write_text(declaration, encoding="utf-8")


def digest(folder: Path | None, declaration: str | None) -> str:
    """A fingerprint of the functions: those in a folder, or as `gather` would make them."""
    found = hashlib.sha256(repr((NEEDED, PYTHON, PLATFORMS, declaration)).encode())
    root = folder or PACKAGE
    for file in _files(root):
        content = file.read_bytes()
        found.update(f"{file.relative_to(root).as_posix()} {len(content)} ".encode())
        found.update(content)
    return found.hexdigest()


def _files(root: Path) -> Iterator[Path]:
    yield from sorted(
        each for each in root.rglob("*") if each.is_file() and _CACHES not in each.parts
    )
