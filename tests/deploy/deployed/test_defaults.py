"""A stack as the template has it by itself, deployed.

ministack calls the function without a tumbling window, where rows that hold their own positions
need one: that it counts is tested in the real runtime (tests/runtimes/aws_lambda).
"""

from pathlib import Path

import pytest

from tallies.favorites.on_dynamodb import DynamoFavorites
from tallies.stores.layout import NEWEST
from tests.engines.fixtures import missing_engine_skips
from tests.engines.ministack import Cloud

from .members import Member
from .stack import deployed


@pytest.mark.slow
def test_its_tables_are_those_of_the_store_that_it_names(
    cloud: Cloud, package: Path, ann: Member
) -> None:
    who = {"issuer": ann.issuer, "audience": ann.audience}
    with (
        missing_engine_skips(),
        deployed(cloud, package, "rows", **who, parameters="", deleted_by_sam=False) as stack,
    ):
        url = stack.outputs["Store"]
        assert url.endswith("/rows?ranking=buckets&guard=rows")
        with DynamoFavorites.from_url(f"{url}&endpoint={cloud.endpoint}") as store:
            store.init()  # finds the tables as they should be
            (kept,) = store.settings.read().live
            assert kept.layout == NEWEST
            assert store.leaderboard("all", 10) == []
