"""DynamoDB's expressions, as far as the product writes them, compiled once each."""

import re
from collections.abc import Callable, Mapping
from decimal import Context, Decimal, Inexact
from functools import lru_cache
from typing import Any

Item = dict[str, Any]
"""Attribute name to typed value, as on the wire."""
Test = Callable[[Item, Mapping[str, str], Mapping[str, Any]], bool]
Edit = Callable[[Item, Mapping[str, str], Mapping[str, Any]], None]
_Term = Callable[[Item, Item, Mapping[str, str], Mapping[str, Any]], None]

_TOKEN = re.compile(r"\s*([(),]|<|=|[:#\w]+)")
_CLAUSE = re.compile(r"\s*\b(SET|REMOVE|ADD)\b\s*")
_COMMA = re.compile(r",(?![^(]*\))")
"""One that is not between parentheses."""
_ELSE = re.compile(r"if_not_exists\((\S+), (\S+)\)")
_EXACT = Context(prec=38, traps=[Inexact])


class Invalid(Exception):
    """What the service would call a ValidationException."""


@lru_cache
def condition(text: str) -> Test:
    """A condition, or a condition on keys."""
    tokens = _TOKEN.findall(text)
    test = _either(tokens)
    if tokens:
        raise Invalid(f"{tokens} is too much in {text!r}")
    return test


def _either(tokens: list[str]) -> Test:
    left = _both(tokens)
    while tokens[:1] == ["OR"]:
        tokens.pop(0)
        left = _joined(any, left, _both(tokens))
    return left


def _both(tokens: list[str]) -> Test:
    left = _single(tokens)
    while tokens[:1] == ["AND"]:
        tokens.pop(0)
        left = _joined(all, left, _single(tokens))
    return left


def _joined(of: Callable[[list[bool]], bool], a: Test, b: Test) -> Test:
    return lambda *row: of([a(*row), b(*row)])


def _single(tokens: list[str]) -> Test:
    word = tokens.pop(0)
    if word == "(":
        inner = _either(tokens)
        _take(tokens, ")")
        return inner
    if word in ("attribute_exists", "attribute_not_exists"):
        _take(tokens, "(")
        name, wanted = tokens.pop(0), word == "attribute_exists"
        _take(tokens, ")")
        return lambda item, names, _: (names.get(name, name) in item) is wanted
    if word == "begins_with":
        _take(tokens, "(")
        name = tokens.pop(0)
        _take(tokens, ",")
        value = tokens.pop(0)
        _take(tokens, ")")
        return lambda item, names, values: item[names.get(name, name)]["S"].startswith(
            values[value]["S"]
        )
    sign, value = tokens.pop(0), tokens.pop(0)
    if sign not in ("<", "="):
        raise Invalid(f"unknown comparison {sign!r}")

    def compare(item: Item, names: Mapping[str, str], values: Mapping[str, Any]) -> bool:
        found, wanted = item.get(names.get(word, word)), values[value]
        if found is None or found.keys() != wanted.keys():
            return False
        if sign == "=":
            return bool(found == wanted)
        (one,), (other,) = found.values(), wanted.values()
        if "S" in found:
            return bool(one.encode() < other.encode())
        if "B" in found:
            return bool(one < other)
        raise Invalid(f"{found} and {wanted} are not compared here")

    return compare


def _take(tokens: list[str], wanted: str) -> None:
    if tokens.pop(0) != wanted:
        raise Invalid(f"no {wanted!r} where it should be")


@lru_cache
def update(text: str) -> Edit:
    """An update expression; it edits the item that it is given."""
    _, *parts = _CLAUSE.split(text)
    edits: list[_Term] = []
    for clause, body in zip(parts[::2], parts[1::2], strict=True):
        for term in _COMMA.split(body):
            match clause:
                case "SET":
                    name, _, value = (part.strip() for part in term.partition("="))
                    edits.append(_set(name, value))
                case "REMOVE":
                    edits.append(_remove(term.strip()))
                case _:
                    name, value = term.split()
                    edits.append(_add(name, value))

    # What is set is read of the item as it was before.
    def edit(item: Item, names: Mapping[str, str], values: Mapping[str, Any]) -> None:
        before = dict(item)
        for each in edits:
            each(item, before, names, values)

    return edit


def _set(name: str, value: str) -> _Term:
    unless = _ELSE.fullmatch(value)

    def edit(item: Item, before: Item, names: Mapping[str, str], values: Mapping[str, Any]) -> None:
        there, given = unless.groups() if unless else (None, value)
        if there is not None and names.get(there, there) in before:
            found = before[names.get(there, there)]
        elif given in values:
            found = values[given]
        else:
            found = before[names.get(given, given)]
        item[names.get(name, name)] = found

    return edit


def _remove(name: str) -> _Term:
    def edit(item: Item, before: Item, names: Mapping[str, str], values: Mapping[str, Any]) -> None:
        item.pop(names.get(name, name), None)

    return edit


def _add(name: str, value: str) -> _Term:
    def edit(item: Item, before: Item, names: Mapping[str, str], values: Mapping[str, Any]) -> None:
        there = item.get(names.get(name, name), {"N": "0"})
        if "N" not in there:
            raise Invalid(f"{name} is no number")
        try:
            total = _EXACT.add(Decimal(there["N"]), Decimal(values[value]["N"]))
        except Inexact:
            raise Invalid("a number has more than 38 digits") from None
        item[names.get(name, name)] = {"N": number(total)}

    return edit


def number(value: Decimal) -> str:
    """As the service writes numbers: no exponent, no zeros at the end."""
    text = f"{value:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("", "-0") else text
