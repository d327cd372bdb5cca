"""The artefact: small, for arm64, and with all that the functions import."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.engines.fixtures import in_ci

ROOT = Path(__file__).resolve().parents[2]
FUNCTION = ROOT / "build" / "function"
MAX_BYTES = 16_000_000
RUNTIME = {"botocore", "urllib3", "jmespath", "dateutil", "six"}
"""What Lambda's own Python has."""

_IMPORT = """
import sys
from importlib.abc import MetaPathFinder

class OnlyThese(MetaPathFinder):
    names = {*sys.argv[1:], *sys.stdlib_module_names}

    def find_spec(self, name, path, target=None):
        top = name.partition(".")[0]
        if top not in self.names and not top.startswith("_sysconfigdata"):  # the build's own
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, OnlyThese())
import tallies.favorites.aws_api, tallies.favorites.aws_aggregator
"""
"""Imports as if nothing else were installed: what is compiled for arm64 may not load here."""


@pytest.fixture(scope="module")
def function() -> Path:
    done = subprocess.run(
        [sys.executable, ROOT / "deploy" / "package.py"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode != 0 and not in_ci():
        pytest.skip(f"pip could not gather the package: {done.stderr.strip()[-300:]}")
    assert done.returncode == 0, done.stderr
    return FUNCTION


@pytest.mark.slow
def test_it_is_small(function: Path) -> None:
    size = sum(each.stat().st_size for each in function.rglob("*") if each.is_file())
    assert 1_000_000 < size < MAX_BYTES


def test_what_is_compiled_is_for_arm64(function: Path) -> None:
    compiled = [each.name for each in function.rglob("*.so")]
    assert compiled
    assert [name for name in compiled if "aarch64" not in name] == []


def test_nothing_that_the_functions_import_is_missing(function: Path) -> None:
    held = {each.name.removesuffix(".py") for each in function.iterdir()}
    done = subprocess.run(
        [sys.executable, "-c", _IMPORT, "tallies", *RUNTIME, *held],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
