"""The template as data, with CloudFormation's short forms spelt out."""

from pathlib import Path
from typing import Any

import yaml

TEMPLATE = Path(__file__).resolve().parents[2] / "deploy" / "template.yaml"


class _Loader(yaml.SafeLoader):
    """YAML with the tags of CloudFormation."""


def _intrinsic(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> dict[str, Any]:
    if not isinstance(node, yaml.ScalarNode):
        raise TypeError(f"!{tag} of the template is written with a single value")
    name = tag if tag == "Ref" else f"Fn::{tag}"
    return {name: loader.construct_scalar(node)}


_Loader.add_multi_constructor("!", _intrinsic)


def resources() -> dict[str, Any]:
    """Logical name -> resource."""
    found: dict[str, Any] = yaml.load(TEMPLATE.read_text(), _Loader)["Resources"]
    return found


def properties(name: str) -> dict[str, Any]:
    """The properties of one resource."""
    found: dict[str, Any] = resources()[name]["Properties"]
    return found


def change_source() -> dict[str, Any]:
    """The properties of the event source mapping."""
    found: dict[str, Any] = properties("Aggregator")["Events"]["Changes"]["Properties"]
    return found
