"""`tallies worker` used wrongly: one sentence, exit code 2."""

import subprocess
import sys

import pytest

from tallies.favorites.on_dynamodb import DynamoFavorites
from tests.cli.command import tallies
from tests.engines import DynamoDBAccount
from tests.layouts import in_transactions


def test_a_file_that_is_not_there() -> None:
    ran = tallies("worker", store="sqlite:///none.db")
    assert ran.code == 2
    assert "tallies init" in ran.err
    assert ran.err.count("\n") == 1


def test_missing_tables(aws_environment: DynamoDBAccount) -> None:
    ran = tallies("worker", store=aws_environment.store_url("none"))
    assert ran.code == 2
    assert "tallies init" in ran.err.splitlines()[-1]
    assert len(ran.err.splitlines()) == 2, ran.err  # who reads what, and why not


@in_transactions
def test_a_store_whose_records_have_markers(store: DynamoFavorites) -> None:
    store.settings.claim("markers")
    ran = tallies("worker", store=store.url)
    assert ran.code == 2
    assert "event source mapping" in ran.err


@pytest.mark.parametrize("port", ["x", "70000", "-1"])
def test_a_port_that_is_none(port: str) -> None:
    ran = tallies("worker", "--metrics-port", port, store="dynamodb://us-east-1/none")
    assert ran.code == 2
    assert "--metrics-port" in ran.err
    assert ran.err.count("\n") == 1


def test_it_loads_no_web_framework_that_a_start_would_pay_for() -> None:
    program = "import sys, tallies.cli.commands.worker; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert loaded.returncode == 0, loaded.stderr
    assert not {"fastapi", "pydantic", "starlette", "uvicorn"} & set(loaded.stdout.split())
