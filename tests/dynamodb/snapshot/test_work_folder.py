"""Where a snapshot is gathered: nobody else's, on a disk, and what is said when that fails."""

import os
import stat
from pathlib import Path

import pytest

from tallies.core.errors import StoreError
from tallies.stores.dynamodb.snapshot.spill.combine import Combiner
from tallies.stores.dynamodb.snapshot.spill.spill import Spill
from tallies.stores.dynamodb.snapshot.spill.work_folder import file_name, own_folder


def test_it_is_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    folder = own_folder()
    assert folder.parent == tmp_path
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert own_folder() == folder


def test_without_a_word_it_is_where_sqlite_keeps_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TMPDIR", raising=False)
    assert own_folder().parent == Path("/var/tmp")  # only looked at


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o702])
def test_one_that_others_can_look_into_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    own_folder().chmod(mode)
    with pytest.raises(StoreError, match="delete it, or name another folder"):
        own_folder()


def test_one_that_is_a_link_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    aim = tmp_path / "aim"
    aim.mkdir(mode=0o700)
    (tmp_path / f"tallies-{os.getuid()}").symlink_to(aim)
    with pytest.raises(StoreError, match="delete it, or name another folder"):
        own_folder()


def test_where_none_can_be_made_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    (tmp_path / f"tallies-{os.getuid()}").touch()
    with pytest.raises(StoreError, match=f"can be made in {tmp_path}: File exists; name another"):
        own_folder()


def test_names_fit_and_differ() -> None:
    assert len(file_name("p" * 200, "one")) < 200
    assert file_name("app", "one") != file_name("app", "other")
    assert file_name("app", "one") == file_name("app", "one")


def test_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "spill"

    def fill() -> None:
        with Spill(file, 1) as spill:
            spill._connection.execute("PRAGMA max_page_count = 20")
            spill.put((f"key {number}", None, "1\tall\tnoodles") for number in range(10_000))

    with pytest.raises(StoreError, match=f"disk is full of what is gathered in {file}"):
        fill()
    with Spill(file, 1) as spill:  # and what was there before is there still
        assert spill.fact("scanned") is None


def test_a_damaged_file_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "spill"
    file.write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreError, match=f"{file} is damaged; delete it"):
        Spill(file, 1)


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="unable to open database file; name another folder"):
        Spill(tmp_path / "nowhere" / "spill", 1)


def test_one_without_a_name_works_the_same() -> None:
    combiner = Combiner()
    combiner.add([("key", "1\tall\tnoodles")])
    with Spill(None, 1) as spill:
        spill.add({"segment 0": "done"}, combiner.take())
        spill.group()
        assert [(cell.group, cell.expected) for cell in spill.cells()] == [("noodles", (1,))]
