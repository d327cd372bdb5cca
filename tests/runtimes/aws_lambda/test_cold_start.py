"""What the functions do not load while they start, since each cold start would pay for it."""

import subprocess
import sys
from functools import cache

import pytest

FUNCTIONS = ["tallies.favorites.aws_api", "tallies.favorites.aws_aggregator"]
NEVER = {"aws_cdk", "boto3", "click", "jsii", "jwt", "rich", "sqlite3", "uvicorn"}
"""`click` and `uvicorn` come with the live events, which a gateway cannot pass on."""
OF_THE_API = {"fastapi", "opentelemetry", "prometheus_client", "pydantic", "starlette"}
"""FastAPI itself loads the interface of OpenTelemetry; nothing of ours does."""

_LOADED = """
import gc
import sys
import {function}
print(gc.isenabled())
import tallies.favorites.on_dynamodb
print(*{{name.partition(".")[0] for name in sys.modules}})
"""


@cache
def _started(function: str) -> tuple[str, frozenset[str]]:
    """Whether the collector runs when a function has loaded, and which packages are there."""
    program = _LOADED.format(function=function)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    collects, names = done.stdout.splitlines()
    return collects, frozenset(names.split())


def loaded(function: str) -> frozenset[str]:
    return _started(function)[1]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_loads_no_server_command_line_or_cdk(function: str) -> None:
    found = loaded(function)
    assert "tallies" in found
    assert not found & NEVER


def test_the_aggregator_loads_nothing_of_the_api() -> None:
    assert not loaded("tallies.favorites.aws_aggregator") & OF_THE_API


def test_the_collector_runs_again_when_the_api_has_loaded() -> None:
    assert _started("tallies.favorites.aws_api")[0] == "True"
