"""Gather what the two functions need into build/function, without a container.

    python deploy/package.py [--declaration FILE]

Wheels for arm64 are chosen by pip itself, whatever machine this runs on. botocore is left out: the
runtime brings it, and it would be most of the size.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "build" / "function"
NEEDED = ("fastapi", "mangum", "prometheus-client", "sse-starlette", "tenacity")
"""What the functions import of tallies' dependencies; no command line and no server."""
PYTHON = "3.13"
# The runtime is Amazon Linux 2023, whose glibc is 2.34.
PLATFORMS = ("manylinux2014_aarch64", "manylinux_2_28_aarch64", "manylinux_2_34_aarch64")


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", *arguments, "--quiet"]
    subprocess.run(command, check=True)  # noqa: S603 - all arguments are constants


def gather(out: Path, declaration: Path | None = None) -> None:
    """Fill a folder that replaces what was there.

    The declaration is that of the tallies of one's own table; in the package it is tallies.toml.

    Raises:
        CalledProcessError: pip could not fetch or build something, and has said what.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    # Beside the final place, because a rename is atomic only within one file system.
    with tempfile.TemporaryDirectory(dir=out.parent) as temporary:
        made = Path(temporary) / "function"
        wheels = [argument for each in PLATFORMS for argument in ("--platform", each)]
        _pip(
            *("install", *NEEDED, "--target", str(made), "--only-binary=:all:", "--no-compile"),
            *("--python-version", PYTHON, "--implementation", "cp", *wheels),
        )
        _pip("install", str(ROOT), "--target", str(made), "--no-deps", "--no-compile")
        shutil.rmtree(made / "bin", ignore_errors=True)
        if declaration is not None:
            shutil.copyfile(declaration, made / "tallies.toml")
        shutil.rmtree(out, ignore_errors=True)
        made.rename(out)


if __name__ == "__main__":
    options = argparse.ArgumentParser(description="Gather what the functions need.")
    options.add_argument("--declaration", type=Path, metavar="FILE")
    gather(OUT, options.parse_args().declaration)
