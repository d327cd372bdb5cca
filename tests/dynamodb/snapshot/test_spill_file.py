"""The file in which a rebuild gathers: one process has it, and nothing waits for the disk."""

import subprocess
import sys
from pathlib import Path

import pytest

from tallies.core.errors import StoreUnavailable
from tallies.stores.dynamodb.snapshot.spill.file import SpillFile

TABLES = {"rows": "CREATE TABLE IF NOT EXISTS rows (key TEXT PRIMARY KEY)"}

DIES = f"""
import os, sys
from pathlib import Path
from tallies.stores.dynamodb.snapshot.spill.file import SpillFile
SpillFile(Path(sys.argv[1]), {TABLES}).begin({{"shards": []}})
os._exit(0)
"""


def test_a_file_that_a_killed_run_left_is_one_process_s_too(tmp_path: Path) -> None:
    path = tmp_path / "gathered"
    subprocess.run([sys.executable, "-c", DIES, str(path)], check=True)
    with SpillFile(path, TABLES) as first:
        assert first.fact("shards") == []
        with pytest.raises(StoreUnavailable, match="Another rebuild on this machine gathers in"):
            SpillFile(path, TABLES)
        first.begin({"shards": [1]})
        assert not Path(f"{path}-shm").exists()  # no memory is shared: there is nobody to share it


@pytest.mark.parametrize("is_there", [False, True])
def test_nothing_waits_for_the_disk(tmp_path: Path, is_there: bool) -> None:
    path = tmp_path / "gathered"
    if is_there:
        file = SpillFile(path, TABLES)
        file.begin({})
        file._connection.close()
    with SpillFile(path, TABLES) as file:
        assert file._connection.execute("PRAGMA synchronous").fetchone() == (0,)
        assert file._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
