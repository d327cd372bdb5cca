"""The ways in which a store on DynamoDB keeps its rows, for tests that hang on one or try each."""

import pytest

OLDER = "&guard=transactions&ranking=measure"
"""Options of a store's URL: as stores were before rows held their own positions."""

in_transactions = pytest.mark.parametrize(
    "layout_options", [OLDER], ids=["transactions"], indirect=True
)
"""For tests of what only transactions do, or do otherwise."""
each_way = pytest.mark.parametrize(
    "layout_options",
    [
        pytest.param("", id="rows"),
        pytest.param(OLDER, id="transactions", marks=pytest.mark.slow),
    ],
    indirect=True,
)
"""For tests that are to hold whichever way it is."""
