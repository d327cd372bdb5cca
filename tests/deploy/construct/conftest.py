"""What the construct packs."""

from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Something to pack: what is in it is tested where it runs."""
    folder = tmp_path_factory.mktemp("code")
    (folder / "tallies").mkdir()
    return folder
