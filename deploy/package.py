"""Gather what the two functions need into build/function, without a container.

    python deploy/package.py [--declaration FILE]

With a declaration there is build/template.yaml beside it: the template, whose function is called
for those change records only that the declared tallies may count.

Wheels for arm64 are chosen by pip itself, whatever machine this runs on. botocore is left out: the
runtime brings it, and it would be most of the size.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tallies.core.declaration import read_declaration
from tallies.core.errors import InvalidTally
from tallies.stores.dynamodb.event_filter import event_patterns

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "build" / "function"
TEMPLATE = ROOT / "deploy" / "template.yaml"
NEEDED = ("fastapi", "mangum", "prometheus-client", "simplejson", "sse-starlette", "tenacity")
"""What the functions import of tallies' dependencies; no command line and no server."""
PYTHON = "3.13"
FILTERS, AFTER_FILTERS = "              Filters:\n", "            DestinationConfig:\n"
"""The lines of the template between which the patterns stand."""
ROWS_CHANGE = r"(?m)^  (RowsChange:\n(    .*\n)+|InPlace: .*\n)"
"""The parameter that the filter of the template hangs on, and its condition."""
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


def filtered(template: str, declaration: Path) -> str:
    """The template with the event filter that a declaration comes to.

    Raises:
        InvalidTally: the declaration has no meaning.
        ValueError: the template has no place for the filter.
    """
    patterns = event_patterns(read_declaration(declaration.read_text()).tallies)
    first, rest = template.split(FILTERS)
    _, after = rest.split(AFTER_FILTERS, 1)
    # The declaration says what a parameter says otherwise.
    first, found = re.subn(ROWS_CHANGE, "", first)
    if found != 2:
        raise ValueError("The template has no parameter RowsChange with its condition.")
    # A JSON text in double quotes is YAML, too.
    lines = [f"                - Pattern: {json.dumps(pattern)}\n" for pattern in patterns]
    return "".join((first, FILTERS, *lines, AFTER_FILTERS, after))


if __name__ == "__main__":
    options = argparse.ArgumentParser(description="Gather what the functions need.")
    options.add_argument("--declaration", type=Path, metavar="FILE")
    declared: Path | None = options.parse_args().declaration
    made = ""
    if declared is not None:
        try:
            made = filtered(TEMPLATE.read_text(), declared)
        except (InvalidTally, OSError, UnicodeDecodeError) as error:
            sys.exit(f"{declared}: {error}")
    gather(OUT, declared)
    if made:
        # A neighbour of the other build: the paths in it stay the same.
        (OUT.parent / TEMPLATE.name).write_text(made)
