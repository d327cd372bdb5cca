"""Tables of orders, and the program that reads them, for the tests of the page."""

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tallies.stores.dynamodb.store import DynamoStore
from tests.docs.reading.sales import ACCOUNT, LAYOUTS, TABLE, written_sales
from tests.engines import DynamoDBAccount
from tests.engines.errors import EngineError
from tests.engines.fetched import node
from tests.engines.fixtures import account_for_several, missing_engine_skips

ANSWER = Path(__file__).with_name("answer.mjs")
Answer = Callable[..., list[Any]]


@pytest.fixture(scope="module")
def program(dynamodb_endpoint: str) -> Iterator[Callable[[str], str]]:
    """The Node program."""
    account = DynamoDBAccount(dynamodb_endpoint, ACCOUNT)
    env = {**account.env, "AWS_ENDPOINT_URL_DYNAMODB": dynamodb_endpoint}
    with contextlib.ExitStack() as stack:
        with missing_engine_skips():
            answering = node.answering(node.READING, ANSWER.name, TABLE, files=[ANSWER], env=env)
            answer = stack.enter_context(answering)
        yield answer


@pytest.fixture
def answer(program: Callable[[str], str]) -> Answer:
    """Asks the Node program, of the account that this process uses; each question is a tally, what
    is asked of it, and with what."""

    def ask(*questions: Sequence[Any]) -> list[Any]:
        asked = {"accessKeyId": os.environ["AWS_ACCESS_KEY_ID"], "questions": questions}
        said = json.loads(program(json.dumps(asked)))
        if "refused" in said:
            raise EngineError(said["refused"])
        found: list[Any] = said["found"]
        return found

    return ask


@pytest.fixture(scope="module", params=LAYOUTS)
def sales(dynamodb_endpoint: str, request: pytest.FixtureRequest) -> Iterator[DynamoStore]:
    """Orders that were written, moved and removed, and their tallies, for tests that read."""
    with (
        account_for_several(dynamodb_endpoint, ACCOUNT) as account,
        written_sales(account, *LAYOUTS[request.param]) as store,
    ):
        yield store


@pytest.fixture(params=LAYOUTS)
def own_sales(
    aws_environment: DynamoDBAccount, request: pytest.FixtureRequest
) -> Iterator[DynamoStore]:
    """The same for a test that changes them."""
    with written_sales(aws_environment, *LAYOUTS[request.param]) as store:
        yield store
