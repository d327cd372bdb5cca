"""The template of the stack. The construct is made from it, so the two cannot differ.

Conditions, rules, and allowed values of parameters are decided when a stack is synthesised, as far
as they are known then. SAM's own translator makes plain CloudFormation of the rest, as it would
when the template is deployed.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

from tallies.core.errors import InvalidInput, shown

Template = dict[str, Any]

_PLACES = (
    Path(__file__).with_name("template.yaml"),
    Path(__file__).parents[3] / "deploy" / "template.yaml",
)
"""In a wheel, and in a clone."""

_NOTHING = {"Ref": "AWS::NoValue"}
_LEFT_OUT: Any = object()


def read() -> Template:
    """The template as data, with CloudFormation's short forms spelt out."""
    file = next(place for place in _PLACES if place.exists())
    found: Template = yaml_parse(file.read_text(encoding="utf-8"))
    return found


def defaults(template: Template) -> dict[str, Any]:
    """The default of each parameter."""
    return {name: each["Default"] for name, each in template["Parameters"].items()}


def check(template: Template, values: Mapping[str, Any], is_known: Callable[[Any], bool]) -> None:
    """Check that CloudFormation would accept the values. Those not known yet pass.

    What the template splits may be given as a list.

    Raises:
        InvalidInput: one of them is not.
    """
    for name, value in values.items():
        parameter = template["Parameters"][name]
        if is_known(value) and not _may_be(parameter, value):
            described = parameter["Description"].rstrip(".")
            raise InvalidInput(f"{_in_python(name)} cannot be {shown(value)}: {described}.")


def _may_be(parameter: Mapping[str, Any], value: Any) -> bool:
    if parameter["Type"] == "Number":
        if not isinstance(value, int | float) or isinstance(value, bool):
            return False
        low, high = parameter.get("MinValue", value), parameter.get("MaxValue", value)
        if not low <= value <= high:
            return False
    elif parameter["Type"] == "String" and not isinstance(value, list):
        pattern = parameter.get("AllowedPattern", ".*")
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            return False
    return value in parameter.get("AllowedValues", [value])


def _in_python(name: str) -> str:
    """JwtIssuer -> jwt_issuer."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def decided(
    template: Template, values: Mapping[str, Any], patterns: Sequence[str] | None
) -> Template:
    """The template without conditions: with what these values make, and nothing else.

    `patterns` are the event filter; without them it is that of the template.

    Raises:
        InvalidInput: the values break a rule of the template.
    """
    choices = _Choices(template["Conditions"], values)
    for rule in template["Rules"].values():
        if choices.holds(rule["RuleCondition"]):
            for assertion in rule["Assertions"]:
                if not choices.holds(assertion["Assert"]):
                    raise InvalidInput(assertion["AssertDescription"])
    kept = {
        key: choices.made(content)
        for key, content in template.items()
        if key not in ("Conditions", "Rules")
    }
    if patterns is not None:
        changes = kept["Resources"]["Aggregator"]["Properties"]["Events"]["Changes"]["Properties"]
        changes["FilterCriteria"] = {"Filters": [{"Pattern": each} for each in patterns]}
    for parameter in kept["Parameters"].values():
        # SAM would insert defaults where a value is still to come.
        parameter.pop("Default")
    return kept


class _Choices:
    """Conditions, for values of the parameters."""

    def __init__(self, conditions: Mapping[str, Any], values: Mapping[str, Any]) -> None:
        self._conditions = conditions
        self._values = values

    def holds(self, condition: Any) -> bool:
        ((function, of),) = condition.items()
        match function:
            case "Condition":
                return self.holds(self._conditions[of])
            case "Fn::Not":
                return not self.holds(of[0])
            case "Fn::Or":
                return any(self.holds(each) for each in of)
            case "Fn::And":
                return all(self.holds(each) for each in of)
            case "Fn::Equals":
                one, other = (self._value(each) for each in of)
                return bool(one == other)
            case "Fn::Contains":
                some, one = (self._value(each) for each in of)
                return one in (some.split(",") if isinstance(some, str) else some)
        raise NotImplementedError(f"a condition of the template by {function}")

    def _value(self, content: Any) -> Any:
        return self._values[content["Ref"]] if isinstance(content, dict) else content

    def made(self, content: Any) -> Any:
        """Content without what its conditions rule out."""
        if isinstance(content, list):
            items = [self.made(each) for each in content]
            return [each for each in items if each is not _LEFT_OUT]
        if not isinstance(content, dict):
            return content
        if content == _NOTHING:
            return _LEFT_OUT
        if "Fn::If" in content:
            name, then, otherwise = content["Fn::If"]
            return self.made(then if self.holds({"Condition": name}) else otherwise)
        if "Fn::Split" in content:
            # Split here: SAM's translator takes no function within a list of origins.
            _, of = content["Fn::Split"]
            value = self._value(of)
            return value if isinstance(value, list) else content
        if isinstance(name := content.get("Condition"), str):
            if not self.holds({"Condition": name}):
                return _LEFT_OUT
            content = {key: each for key, each in content.items() if key != "Condition"}
        members = {key: self.made(each) for key, each in content.items()}
        return {key: each for key, each in members.items() if each is not _LEFT_OUT}


def as_json(template: Template) -> str:
    """The template from its file."""
    return json.dumps(template, ensure_ascii=False)


def plain(template: Template, *, named: str) -> Template:
    """Plain CloudFormation, in which `named` begins names that must differ from others'.

    The code of the functions is still to be put in.
    """
    template["Globals"]["Function"]["CodeUri"] = {"Bucket": "-", "Key": "-"}
    # A partition is what the translator wants to know, for what this template does not use.
    session = boto3.Session(region_name="us-east-1")
    translator = Translator({}, Parser(), boto_session=session)
    found: Template = _named(translator.translate(template, {}), named)
    translator.metrics.publish()  # to nobody; it complains of what is not published
    for key in ("AWSTemplateFormatVersion", "Description"):  # of the stack, which is another's
        found.pop(key)
    for resource in found["Resources"].values():
        if resource["Type"] == "AWS::Lambda::Function":
            resource["Properties"].pop("Tags")  # that it was made by SAM
    return found


def _named(content: Any, named: str) -> Any:
    """One stack may hold several constructs, so its own name is none of theirs."""
    if isinstance(content, dict):
        return {key: _named(each, named) for key, each in content.items()}
    if isinstance(content, list):
        return [_named(each, named) for each in content]
    return content.replace("${AWS::StackName}", named) if isinstance(content, str) else content
