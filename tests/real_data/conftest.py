"""Where the real logs lie: beside the project, never in it."""

import os
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2].parent / "shared" / "data"


@pytest.fixture(scope="session")
def data() -> Path:
    if not FOLDER.is_dir():
        if os.environ.get("CI"):
            pytest.fail("the real logs are missing: ../shared/data")
        pytest.skip("the real logs are not here: ../shared/data")
    return FOLDER
