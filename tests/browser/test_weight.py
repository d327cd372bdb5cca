"""The page stays light, and keeps to what its policy allows."""

import re
from pathlib import Path

import pytest

import tallies.favorites
import tallies.http

FAVORITES = Path(tallies.favorites.__file__).parent / "page"
SHARED = Path(tallies.http.__file__).parent / "page"
MAX_BYTES = 60_000
"""Of what comes at first."""
MAX_BYTES_IN_ALL = 75_000
"""With the parts that come when they are wanted."""


def files(ending: str = "") -> list[Path]:
    folders = (FAVORITES, SHARED)
    return sorted(path for at in folders for path in at.iterdir() if path.name.endswith(ending))


def reached(folder: Path, pattern: str) -> set[Path]:
    """The page and all that it names, and what that names, by a pattern for the names."""
    found: set[Path] = set()
    ahead = [folder / "index.html"]
    while ahead:
        path = ahead.pop()
        found.add(path)
        for name in re.findall(pattern, path.read_text()):
            near = next(at / name for at in (folder, SHARED) if (at / name).is_file())
            ahead += {near} - found
    return found


@pytest.mark.parametrize("folder", [FAVORITES, SHARED], ids=["favorites", "any table"])
def test_the_whole_page_is_light(folder: Path) -> None:
    at_first = reached(folder, r'(?:from "\./|="static/)([^"]+)"')
    assert len(at_first) > 5
    assert sum(path.stat().st_size for path in at_first) < MAX_BYTES
    in_all = reached(folder, r'(?:from "\./|import\("\./|="static/)([^"]+)"')
    assert sum(path.stat().st_size for path in in_all) < MAX_BYTES_IN_ALL
    own = {path for path in folder.iterdir() if path.suffix == ".js"}
    assert own <= in_all, "no file is forgotten"


def test_nothing_is_parsed_as_markup() -> None:
    for path in files(".js"):
        text = path.read_text()
        for danger in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
            assert danger not in text, f"{path.name} uses {danger}"


def test_nothing_is_inline() -> None:
    for path in files(".html"):
        page = path.read_text()
        assert not re.search(r"\s(style|on\w+)=", page)
        assert "<style" not in page
        assert re.findall(r"<script[^>]*>(.*?)</script>", page) == [""]


def test_nothing_is_asked_of_anybody_else() -> None:
    for path in files():
        addresses = re.findall(r"https?://[^\s\"'`<>]+", path.read_text())
        assert all(address.startswith("http://www.w3.org/") for address in addresses), path.name


def test_every_module_is_there() -> None:
    for path in files(".js"):
        for name in re.findall(r'(?:from |import\()"\./([^"]+)"', path.read_text()):
            places = (path.parent / name, SHARED / name)
            assert any(place.is_file() for place in places), f"{path.name} imports {name}"
