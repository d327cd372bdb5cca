"""The pages about the project, its site and its hooks agree with what is there."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from tests.scripts import script
from tests.slow import WITHOUT, holds

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def site() -> ModuleType:
    """docs/gather.py, as a module."""
    return script(ROOT / "docs" / "gather.py")


def entries(nav: list[Any]) -> Iterator[tuple[str, list[str]]]:
    """Each heading of the navigation, and where its entries lead."""
    for section in nav:
        for heading, pages in section.items():
            yield heading, [target for page in pages for target in page.values()]


def in_the_index(target: str) -> str:
    """How the index of the pages links to what the site has there."""
    target = re.sub(r"^index\.html", "README.md", target).replace(".html#", ".md#")
    return target.removeprefix("docs/") if target.startswith("docs/") else f"../{target}"


def test_the_index_of_the_pages_has_the_order_of_the_site(site: ModuleType) -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    sections = re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", index, re.MULTILINE | re.DOTALL)
    found = [(heading, re.findall(r"\]\(([^)]+)\)", text)) for heading, text in sections]
    beside = ("docs/README.md", "api/index.html")  # the index itself, and what `make docs` makes
    expected = [
        (heading, [in_the_index(target) for target in targets if target not in beside])
        for heading, targets in entries(site.navigation())
    ]
    assert found == expected


def test_every_page_is_in_the_navigation(site: ModuleType) -> None:
    named = {target for _, targets in entries(site.navigation()) for target in targets}
    assert {str(page.relative_to(ROOT)) for page in site.pages()} - named == set()


def test_the_hooks_are_what_make_check_runs() -> None:
    rules = (ROOT / "Makefile").read_text()
    (recipe,) = re.findall(r"^check: .*\n((?:\t.*\n)+)", rules, re.MULTILINE)
    checks = [line.strip().replace("$(BIN)", ".venv/bin") for line in recipe.splitlines()]
    configured = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert [hook["entry"] for repo in configured["repos"] for hook in repo["hooks"]] == checks


def test_the_workflow_runs_what_runs_everywhere() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    steps = [step.get("run") for job in workflow["jobs"].values() for step in job["steps"]]
    assert ".ci/run" in steps


def test_what_contributors_are_told_to_run_is_there() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text()
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    told = re.findall(r"\bmake ((?:[a-z]+ ?)+)(?=[`\n#]| {2})", page)
    assert told
    assert {each for some in told for each in some.split()} <= set(targets)
    for folder in re.findall(r"-m pytest ([\w/]+)", page):
        assert (ROOT / folder).is_dir()


@pytest.mark.parametrize("variable", ["CI", "TALLIES_FULL"])
def test_slow_cases_wait_for_ci_only(variable: str) -> None:
    env = {name: value for name, value in os.environ.items() if name not in ("CI", "TALLIES_FULL")}
    assert WITHOUT in recipe(env)
    assert WITHOUT not in recipe({**env, variable: "true"})


def recipe(env: dict[str, str]) -> str:
    """What `make test` would run."""
    command = ["make", "--dry-run", "test"]
    return subprocess.run(command, cwd=ROOT, env=env, text=True, capture_output=True).stdout


@pytest.mark.parametrize(
    ("marked", "waits"),
    [
        ({}, ["", "sqlite", "dynamodb-2"]),
        ({"only": "dynamodb"}, ["dynamodb-2"]),
        ({"but": "dynamodb"}, ["", "sqlite"]),
    ],
)
def test_a_mark_says_which_cases_are_slow(marked: dict[str, str], waits: list[str]) -> None:
    assert [case for case in ("", "sqlite", "dynamodb-2") if holds(case, **marked)] == waits
