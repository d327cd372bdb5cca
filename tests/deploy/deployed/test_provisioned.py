"""A deployed stack counts with provisioned capacity, too, and goes from one billing to the other.

ministack has no Application Auto Scaling: what scales is held against the template's words, and
cfn-lint's schemas of them, in the tests of the template and of the construct.
"""

import re
from pathlib import Path
from typing import Any

import pytest

from tallies.favorites.on_dynamodb import DynamoFavorites
from tests.engines.fixtures import missing_engine_skips
from tests.engines.ministack import Cloud

from .members import Member
from .patience import until
from .stack import IN_TRANSACTIONS, OPERATIONS, billed_anew, deployed


def _billing(cloud: Cloud, table: str) -> tuple[str, list[dict[str, Any]]]:
    """The mode, and the capacity of the table and of its index if any."""
    found = cloud.client("dynamodb").describe_table(TableName=table)["Table"]
    (index,) = found["GlobalSecondaryIndexes"]
    mode = found["BillingModeSummary"]["BillingMode"]
    if mode == "PAY_PER_REQUEST":
        return mode, []
    capacity = [each["ProvisionedThroughput"] for each in (found, index)]
    names = ("WriteCapacityUnits", "ReadCapacityUnits")
    # ministack hands a parameter's text on; the service makes a number of it.
    return mode, [{name: int(each[name]) for name in names} for each in capacity]


def _of_page() -> str:
    """The parameters of the operations page."""
    (found,) = re.findall(r"^BillingMode=PROVISIONED .*$", OPERATIONS.read_text(), re.MULTILINE)
    return str(found)


@pytest.mark.slow
def test_a_stack_counts_in_both_modes_and_changes_over_with_its_counts(
    cloud: Cloud, package: Path, ann: Member
) -> None:
    who = {"issuer": ann.issuer, "audience": ann.audience}
    parameters = f"{_of_page()} {IN_TRANSACTIONS}"
    with (
        missing_engine_skips(),
        deployed(
            cloud, package, "fixed", **who, parameters=parameters, deleted_by_sam=False
        ) as stack,
        DynamoFavorites.from_url(f"{stack.outputs['Store']}&endpoint={cloud.endpoint}") as store,
    ):
        assert _billing(cloud, "fixed-tallies") == (
            "PROVISIONED",
            [
                {"WriteCapacityUnits": 20, "ReadCapacityUnits": 24},
                {"WriteCapacityUnits": 5, "ReadCapacityUnits": 1},
            ],
        )
        favorites = cloud.client("dynamodb").describe_table(TableName="fixed-favorites")["Table"]
        assert favorites["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
        store.init()  # finds the tables as they should be, and the settings to make
        assert _counted(cloud, store, "ann") == 1

        billed_anew(cloud, package, "fixed", **who, billing="BillingMode=PAY_PER_REQUEST")
        assert _billing(cloud, "fixed-tallies") == ("PAY_PER_REQUEST", [])
        assert _counted(cloud, store, "bob") == 2

        billed_anew(cloud, package, "fixed", **who, billing="BillingMode=PROVISIONED WriteUnits=3")
        mode, (table, _) = _billing(cloud, "fixed-tallies")
        # What is left out of a later deployment stays as it is.
        assert (mode, table) == ("PROVISIONED", {"WriteCapacityUnits": 3, "ReadCapacityUnits": 24})
        assert _counted(cloud, store, "cyd") == 3
        assert store.verify().drifted == []


def _counted(cloud: Cloud, store: DynamoFavorites, user: str) -> float:
    """Somebody marks, and it is in the count and in the leaderboard."""
    wanted = float(store.tally("noodles", ["all"]).get("all", 0)) + 1
    store.mark(user, "noodles")

    def is_there() -> bool:
        return [float(line.amount) for line in store.leaderboard("all", 1)] == [wanted]

    until(is_there, cloud, "the mark was not counted")
    return float(store.tally("noodles", ["all"])["all"])
