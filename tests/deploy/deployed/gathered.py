"""What the functions run, as `gather` makes it, out of the packages that are installed here.

pip would read an index of thousands of wheels, most for other machines, which takes seconds.
"""

import shutil
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement

from tallies.cdk.functions import NEEDED, PACKAGE


def gather_installed(out: Path) -> None:
    """Fill a folder with tallies and what it needs, of this Python's own versions."""
    seen: set[str] = set()
    to_see = [*NEEDED]
    while to_see:
        name = to_see.pop()
        if name in seen:
            continue
        seen.add(name)
        found = distribution(name)
        for file in found.files or ():
            if ".." not in file.parts and "__pycache__" not in file.parts:
                copy = out / file
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(str(file.locate()), copy)
        needs = [Requirement(each) for each in found.requires or ()]
        wanted = (each for each in needs if not each.marker or each.marker.evaluate({"extra": ""}))
        to_see += [each.name.lower() for each in wanted]
    shutil.copytree(PACKAGE, out / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
