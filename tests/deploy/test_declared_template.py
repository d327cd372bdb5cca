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

from .template import TEMPLATE, _Loader, whole

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "docs" / "examples").glob("*.toml"))


@pytest.fixture(scope="module")
def package() -> ModuleType:
    return script(ROOT / "deploy" / "package.py")


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_only_the_filter_differs(package: ModuleType, file: Path, tmp_path: Path) -> None:
    text = package.filtered(TEMPLATE.read_text(), file)
    found: dict[str, Any] = yaml.load(text, _Loader)
    source = found["Resources"]["Aggregator"]["Properties"]["Events"]["Changes"]["Properties"]
    patterns = [each["Pattern"] for each in source.pop("FilterCriteria")["Filters"]]
    assert patterns == event_patterns(read_declaration(file.read_text()).tallies)
    assert len(patterns) <= 5
    assert all("MODIFY" in json.loads(pattern)["eventName"] for pattern in patterns)

    expected = whole()
    del expected["Parameters"]["RowsChange"], expected["Conditions"]["InPlace"]
    events = expected["Resources"]["Aggregator"]["Properties"]["Events"]
    del events["Changes"]["Properties"]["FilterCriteria"]
    assert found == expected

    (tmp_path / "template.yaml").write_text(text)
    done = subprocess.run(
        [Path(sys.executable).with_name("cfn-lint"), tmp_path / "template.yaml"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


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
