"""What all tests share: the engines that stand in for the cloud, and what keeps a long run fast."""

import gc
import os
import sys

import pytest
from hypothesis import HealthCheck, settings

from tests.engines.fetched.archives import cache_root
from tests.models import finds_out_once

pytest_plugins = ["tests.engines.fixtures", "tests.slow"]

# How long an example takes says something of the machine, not of the code.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", settings.get_profile("patient"), max_examples=15)  # `make quick`
if "TALLIES_QUICK" in os.environ:
    settings.load_profile("quick")
elif "CI" not in os.environ:  # hypothesis has a profile of its own for it, as patient
    settings.load_profile("patient")

# The Node that runs the CDK unpacks its libraries into a folder that two of them must not share.
_PROCESS = os.environ.get("PYTEST_XDIST_WORKER", "alone")
os.environ.setdefault("JSII_RUNTIME_PACKAGE_CACHE_ROOT", str(cache_root() / f"jsii-{_PROCESS}"))

# Hundreds of processes run this project here. Where Python may write no bytecode, each compiles all
# of it anew, which is half of the time that a short command takes.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

finds_out_once()
gc.set_threshold(100_000, 50, 100)  # of hundreds of megabytes that stay, each walk takes long


@pytest.fixture
def layout_options(request: pytest.FixtureRequest) -> str:
    """Options of a DynamoDB store's URL; see `tests.layouts`."""
    return getattr(request, "param", "")


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown() -> None:
    """Let go of the applications that FastAPI's caches hold, each with a store and its clients.

    With some megabytes for each test, every walk of the garbage collector takes longer.
    """
    models = sys.modules.get("fastapi.dependencies.models")
    for each in vars(models).values() if models else ():
        if hasattr(each, "cache_clear"):
            each.cache_clear()
