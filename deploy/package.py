"""Gather what the two functions need into build/function, without a container.

    python deploy/package.py [--declaration FILE]

With a declaration there is build/template.yaml beside it: the template, whose function is called
for those change records only that the declared tallies may count.

What they are, and how it is gathered, is in src/tallies/cdk/functions.py, which the construct uses
as well.
"""

import argparse
import json
import re
import shutil
import sys
import tempfile
from pathlib import Path

from tallies.cdk.functions import gather
from tallies.core.declaration.declaration import read_declaration
from tallies.core.errors import InvalidTally
from tallies.stores.dynamodb.stream.event_filter import event_patterns

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "build" / "function"
TEMPLATE = ROOT / "deploy" / "template.yaml"
FILTERS, AFTER_FILTERS = "              Filters:\n", "            DestinationConfig:\n"
"""The lines of the template between which the patterns stand."""
ROWS_CHANGE = r"(?m)^  (RowsChange:\n(    .*\n)+|InPlace: .*\n)"
"""The parameter that the filter of the template hangs on, and its condition."""


def gather_anew(out: Path, declaration: Path | None = None) -> None:
    """Fill a folder that replaces what was there.

    The declaration is that of the tallies of one's own table.

    Raises:
        CalledProcessError: pip could not fetch something, and has said what.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    # Beside the final place, because a rename is atomic only within one file system.
    with tempfile.TemporaryDirectory(dir=out.parent) as temporary:
        made = Path(temporary) / "function"
        gather(made, None if declaration is None else declaration.read_text(encoding="utf-8"))
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
        except OSError as error:
            sys.exit(f"Cannot read {declared}: {(error.strerror or str(error)).lower()}.")
        except (InvalidTally, UnicodeDecodeError) as error:
            sys.exit(f"{declared}: {error}")
    gather_anew(OUT, declared)
    if made:
        # A neighbour of the other build: the paths in it stay the same.
        (OUT.parent / TEMPLATE.name).write_text(made)
