"""Cold starts of the API's function, in Lambda's own runtime client, beside bare functions.

A cold start is what whoever asks first waits for: process, imports, the handler's module, and the
first answer. Work that is put off from the one to the other is seen in both.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

from benchmarks.dynamodb.worker import environment
from benchmarks.harness.measure import compare
from benchmarks.harness.result import Bound, Result, Run
from tallies.favorites.on_dynamodb import DynamoFavorites
from tallies.runtimes.catch_up import catch_up
from tests.engines import DynamoDBAccount, EngineMissingError, dynamodb_local
from tests.engines.lambda_rie import lambda_runtime

OURS = "tallies.favorites.aws_api.handler"
READING = "benchmarks.functions.bare_api_reading.handler"
ANSWERING = "benchmarks.functions.bare_api.handler"
STARLETTE = "benchmarks.functions.bare_starlette_reading.handler"
PATH = "/restaurants/noodles/tally"
REQUEST: dict[str, Any] = {
    "version": "2.0",
    "routeKey": "$default",
    "rawPath": PATH,
    "rawQueryString": "",
    "headers": {"host": "api.example"},
    "requestContext": {"http": {"method": "GET", "path": PATH, "sourceIp": "192.0.2.1"}},
    "isBase64Encoded": False,
}


def run(run: Run) -> Iterator[Result]:
    """Cold starts of the API's function, and of FastAPI and Starlette without anything of ours."""
    with ExitStack() as stack:
        try:
            endpoint = stack.enter_context(dynamodb_local())
            account = DynamoDBAccount(endpoint, "benchmarkcold")
            stack.enter_context(environment(account))
            yield from _measured(run, account)
        except EngineMissingError as missing:
            run.note(f"cold-start: {missing}")


def _measured(run: Run, account: DynamoDBAccount) -> Iterator[Result]:
    with DynamoFavorites.from_url(account.store_url("cold")) as store:
        store.init()
        store.mark("ann", "noodles")
        for _ in catch_up(store):
            pass
        settings = {
            "TALLIES_STORE": store.url,
            "ENDPOINT": account.endpoint,
            "TABLE": store.names.tallies,
            **account.env,
        }
    functions = [OURS, READING, ANSWERING, STARLETTE]
    taken: dict[str, list[list[float]]] = {name: [] for name in functions}
    for number in range(run.pick(15, 5, usual=9)):
        for name in reversed(functions) if number % 2 else functions:
            taken[name].append([_cold(name, settings)])
    peers = {
        READING: ("a bare FastAPI function that reads a row by boto3", Bound("<=", 1.3)),
        ANSWERING: ("a bare FastAPI function without a store", None),
        STARLETTE: ("a bare Starlette function that reads a row by boto3", None),
    }
    for name, (words, bound) in peers.items():
        (found,) = compare(taken[OURS], taken[name])
        yield Result(
            what="API's function, cold start with its first answer",
            unit="ms",
            ours=found.ours,
            peer_name=words,
            peer=found.peer,
            ratio=found.ratio,
            bound=bound,
        )


def _cold(name: str, settings: dict[str, str]) -> float:
    """Milliseconds from nothing to the first answer, as the emulator tells them."""
    with lambda_runtime(name, settings) as function:
        answer = function(REQUEST)
        assert answer["statusCode"] == 200, answer
        assert "noodles" in answer["body"], answer
        return function.init_milliseconds[0] + function.invoke_milliseconds[0]
