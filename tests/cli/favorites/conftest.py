"""A store of favorites, empty or loaded from a log."""

from pathlib import Path

import pytest

from tests.cli.command import tallies
from tests.engines import DynamoDBAccount

LOG = """user_id,restaurant_id,created_at,op
ann,noodles,2026-11-22T12:00:00Z,mark
bob,noodles,2026-11-23T01:00:00+02:00,mark
ann,"fish #1, harbour",2026-10-01T00:00:00Z,mark
ann,pizza,2026-10-01T00:00:00Z,mark
ann,pizza,2026-10-02T00:00:00Z,unmark
zoe,never,2026-10-02T00:00:00Z,unmark
"""


embedded = pytest.mark.parametrize("store", ["sqlite"], indirect=True)


@pytest.fixture(params=["sqlite", "dynamodb"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/s.db"
    account: DynamoDBAccount = request.getfixturevalue("aws_environment")
    return account.store_url("cli")


@pytest.fixture
def loaded(tmp_path: Path, store: str) -> str:
    log = tmp_path / "log.csv"
    log.write_text(LOG, encoding="utf-8")
    assert tallies("load", log, store=store) == (0, "6 events loaded\n", "")
    return store
