"""Which cases wait for `.ci/run`, so that `make test` takes four minutes.

`make test` meets every part of the product, on every engine. Marked are the cases that go deeper
and take long: more kills, layouts, ids and sizes; stacks and pages of commands from end to end.

    @pytest.mark.slow                      the whole test
    @pytest.mark.slow(only="dynamodb")     its cases with this in their id (a regular expression)
    @pytest.mark.slow(but="dynamodb")      its other cases
"""

import re

import pytest

WITHOUT = "--without-slow"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(WITHOUT, action="store_true", help="leave out the cases that are marked slow")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow(only=None, but=None): these cases wait for .ci/run")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption(WITHOUT):
        slow = [item for item in items if is_slow(item)]
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if not is_slow(item)]


def is_slow(item: pytest.Item) -> bool:
    """Whether one of the item's marks is about its case."""
    case = item.callspec.id if hasattr(item, "callspec") else ""
    return any(holds(case, **mark.kwargs) for mark in item.iter_markers("slow"))


def holds(case: str, only: str = "", but: str | None = None) -> bool:
    """Whether a mark with these arguments is about the case with this id."""
    return bool(re.search(only, case)) and not (but is not None and re.search(but, case))
