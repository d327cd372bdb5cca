"""Every command of the pages runs, in its order, in a fresh copy of the repository."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest

from tests.engines.fetched import archives
from tests.engines.fixtures import in_ci, missing_engine_skips
from tests.engines.process import free_port
from tests.length import in_full

from .shell import Shell, shell

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("tutorial.md", "own-table.md")
BLOCK = re.compile(r"^```(sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCK_SECONDS = 300.0
MOMENT_SECONDS = 120.0
LOOKS = ("tallies top", "tallies show")
"""Blocks of these alone may be a moment behind, and are looked at again."""


def steps(page: str) -> list[tuple[str, str]]:
    """Each block of commands, and what the page says that it prints."""
    found: list[tuple[str, str]] = []
    for kind, text in BLOCK.findall(page):
        if kind == "sh":
            found.append((text, ""))
        else:
            commands, before = found.pop()
            assert not before, f"two outputs of\n{commands}"
            found.append((commands, text))
    return found


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that git knows, as they are now: a clone of what may be committed next.

    One for all pages: a reader who has installed once does so no more.
    """
    folder = tmp_path_factory.mktemp("clone")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():  # git still knows a file that somebody is removing
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


NOT_LENT = {"_distutils_hack", "pip", "pkg_resources", "setuptools", "tallies"}
"""What the pages install, or `python -m venv` does, to have a command of it."""


def _lend_packages(folder: Path) -> None:
    """Give a clone's environment the packages that are installed here.

    To look for them, unpack and compile them again takes half a minute of the processor.
    """
    here, there = (
        Path(sysconfig.get_path("purelib", scheme, {"base": str(base), "platbase": str(base)}))
        for scheme, base in (("venv", sys.prefix), ("venv", folder / ".venv"))
    )
    there.mkdir(parents=True)
    for each in here.iterdir():
        if each.suffix == ".pth" or each.name.partition("-")[0] in NOT_LENT:
            continue
        # Folders of its own: what is installed over one of them must not be written here.
        if each.is_dir():
            shutil.copytree(each, there / each.name, copy_function=_link)
        else:
            _link(each, there / each.name)


def _link(here: str | Path, there: str | Path) -> None:
    try:
        os.link(here, there)
    except OSError:  # another disk
        shutil.copy2(here, there)


def _needed(*programs: str) -> None:
    missing = [each for each in programs if shutil.which(each) is None]
    if missing and in_ci():
        pytest.fail(f"not installed: {', '.join(missing)}", pytrace=False)
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")


def _do(reader: Shell, commands: str, expected: str) -> None:
    looks = all(line.startswith(LOOKS) for line in commands.splitlines())
    deadline = time.monotonic() + MOMENT_SECONDS
    while True:
        code, printed = reader.run(commands, BLOCK_SECONDS)
        assert code == 0, f"{commands}\nended with {code}:\n{printed}"
        if expected.strip() in printed:
            return
        assert looks, f"{commands}\nprinted\n{printed}"
        assert time.monotonic() < deadline, f"{commands}\nstill prints\n{printed}"
        time.sleep(0.2)


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_every_command_prints_what_the_page_says(clone: Path, name: str) -> None:
    _needed("bash", "make", "curl", "java", "npm", "git")
    with missing_engine_skips():
        archives.ensure(archives.DYNAMODB_LOCAL)
    page = (ROOT / "docs" / name).read_text()
    assert "8001" in page
    for port in ("8000", "8001"):
        page = page.replace(port, str(free_port()))
    env = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "TALLIES_", "VIRTUAL_ENV"))
    }
    env["TALLIES_ENGINES"] = str(archives.cache_root())
    if not in_full() and not (clone / ".venv").exists():
        _lend_packages(clone)
        env["PYTHON"] = sys.executable  # of the version that the packages are of
    found = steps(page)
    assert len(found) > 5
    with shell(clone, env) as reader:
        for commands, expected in found:
            _do(reader, commands, expected)
