"""Gather what the site is built of in build: its configuration, and its pages in build/pages.

The pages are laid out as in the repository, so a link from one to another holds on the site as it
does there. Links to modules lead to the reference that `make docs` has made of them; other files
that a page links to, like the template of the stack, are copied as they are.
"""

import re
import shutil
import tomllib
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
CONFIGURATION = ROOT / "docs" / "zensical.toml"
BUILD = ROOT / "build"
PAGES = BUILD / "pages"
REFERENCE = BUILD / "api"
MODULES = ROOT / "src"

_LINK = re.compile(r"(\]\()([^)#\s]+)((?:#[^)]*)?\))")


def pages() -> list[Path]:
    """Every page: those of `docs`, and those elsewhere that the navigation names."""
    named = [ROOT / name for name in _names(navigation()) if name.endswith(".md")]
    return sorted({*named, *(ROOT / "docs").glob("*.md")})


def navigation() -> list[Any]:
    """The navigation of the site, as its configuration says it."""
    with CONFIGURATION.open("rb") as file:
        found: list[Any] = tomllib.load(file)["project"]["nav"]
    return found


def _names(entry: Any) -> list[str]:
    """All files in a part of the navigation."""
    if isinstance(entry, str):
        return [entry]
    parts = entry.values() if isinstance(entry, dict) else entry
    return [name for part in parts for name in _names(part)]


def gather() -> None:
    """Make it anew."""
    for made in (PAGES, BUILD / "site", BUILD / ".cache"):
        shutil.rmtree(made, ignore_errors=True)
    shutil.copytree(REFERENCE, PAGES / "api")
    shutil.copyfile(CONFIGURATION, BUILD / CONFIGURATION.name)
    for page in pages():
        target = PAGES / page.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_LINK.sub(partial(_led, page), page.read_text()))


def _led(page: Path, link: re.Match[str]) -> str:
    """A link as the site has it; what it leads to is put there."""
    before, to, after = link.groups()
    target = (page.parent / to).resolve()
    if "://" in to or to.startswith("mailto:") or target.suffix == ".md":
        return link[0]
    if target.is_relative_to(MODULES) and (target.is_dir() or target.suffix == ".py"):
        module = target.parent if target.name == "__init__.py" else target.with_suffix("")
        up = "../" * len(page.parent.relative_to(ROOT).parts)
        return f"{before}{up}api/{module.relative_to(MODULES)}.html{after}"
    copy = PAGES / target.relative_to(ROOT)
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(target, copy)
    return link[0]


if __name__ == "__main__":
    gather()
