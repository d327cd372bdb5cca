"""The template of a declared table calls its function for the records that may count."""

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from tallies.core.declaration.declaration import read_declaration
from tallies.stores.dynamodb.stream.event_filter import event_patterns
from tests.scripts import script

from .template import TEMPLATE, _Loader, lint, whole

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "docs" / "examples").glob("*.toml"))


@pytest.fixture(scope="module")
def package() -> ModuleType:
    return script(ROOT / "deploy" / "package.py")


def _of(package: ModuleType, file: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The template of a declaration, and the properties of its mapping."""
    found: dict[str, Any] = yaml.load(package.filtered(TEMPLATE.read_text(), file), _Loader)
    source = found["Resources"]["Aggregator"]["Properties"]["Events"]["Changes"]["Properties"]
    return found, source


@pytest.fixture(scope="module")
def linted(package: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, str]:
    """What cfn-lint says of one template with the mappings of all the declarations.

    Only these differ, and each template takes seconds.
    """
    events = {f"Changes{file.stem.title()}": _of(package, file)[1] for file in EXAMPLES}
    found, _ = _of(package, EXAMPLES[0])
    found["Resources"]["Aggregator"]["Properties"]["Events"] = {
        name: {"Type": "DynamoDB", "Properties": source} for name, source in events.items()
    }
    template = tmp_path_factory.mktemp("linted") / "template.json"
    template.write_text(json.dumps(found, indent=1))
    return lint(template)


@pytest.mark.slow
@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_only_the_filter_differs(package: ModuleType, file: Path, linted: tuple[int, str]) -> None:
    found, source = _of(package, file)
    patterns = [each["Pattern"] for each in source.pop("FilterCriteria")["Filters"]]
    assert patterns == event_patterns(read_declaration(file.read_text()).tallies)
    assert len(patterns) <= 5
    assert all("MODIFY" in json.loads(pattern)["eventName"] for pattern in patterns)

    expected = whole()
    del expected["Parameters"]["RowsChange"], expected["Conditions"]["InPlace"]
    events = expected["Resources"]["Aggregator"]["Properties"]["Events"]
    del events["Changes"]["Properties"]["FilterCriteria"]
    assert found == expected
    assert linted == (0, "")


def test_a_declaration_without_meaning_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "odd.toml").write_text("[[tally]]\nname = 'n'\n")
    for file in (tmp_path / "odd.toml", tmp_path / "none.toml"):
        done = subprocess.run(
            [sys.executable, ROOT / "deploy" / "package.py", "--declaration", file],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 1
        assert len(done.stderr.splitlines()) == 1
        assert str(file) in done.stderr
