"""The template as data, with CloudFormation's short forms spelt out."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

TEMPLATE = Path(__file__).resolve().parents[2] / "deploy" / "template.yaml"


class _Loader(yaml.SafeLoader):
    """YAML with the tags of CloudFormation."""


def _intrinsic(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> dict[str, Any]:
    name = tag if tag in ("Ref", "Condition") else f"Fn::{tag}"
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    if isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_scalar(node)}
    raise TypeError(f"!{tag} of the template holds neither a value nor a list")


_Loader.add_multi_constructor("!", _intrinsic)


def lint(template: Path) -> tuple[int, str]:
    """The exit code of cfn-lint, and what it says of a template."""
    done = subprocess.run(
        [Path(sys.executable).with_name("cfn-lint"), template],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def whole() -> dict[str, Any]:
    """All of it."""
    found: dict[str, Any] = yaml.load(TEMPLATE.read_text(), _Loader)
    return found


def resources() -> dict[str, Any]:
    """Logical name -> resource."""
    found: dict[str, Any] = whole()["Resources"]
    return found


def properties(name: str) -> dict[str, Any]:
    """The properties of one resource."""
    found: dict[str, Any] = resources()[name]["Properties"]
    return found


def change_source() -> dict[str, Any]:
    """The properties of the event source mapping."""
    found: dict[str, Any] = properties("Aggregator")["Events"]["Changes"]["Properties"]
    return found
