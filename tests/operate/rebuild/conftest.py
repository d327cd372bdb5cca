"""Each store, fresh, and how to drive what runs beside it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.backend import Backend
from tests.conformance.test_dynamodb import DynamoBackend
from tests.conformance.test_sqlite import SqliteBackend


@pytest.fixture(params=["sqlite", "dynamodb"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    made: Backend
    if request.param == "sqlite":
        made = SqliteBackend(tmp_path)
    else:
        made = DynamoBackend(request.getfixturevalue("aws_environment"))
    yield made
    made.store.close()
