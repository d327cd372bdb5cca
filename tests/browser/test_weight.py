"""The page stays light, and keeps to what its policy allows."""

import re
from pathlib import Path

import tallies.favorites

FOLDER = Path(tallies.favorites.__file__).parent / "page"
MAX_BYTES = 60_000


def files(ending: str = "") -> list[Path]:
    return sorted(path for path in FOLDER.iterdir() if path.name.endswith(ending))


def test_the_whole_page_is_light() -> None:
    assert sum(path.stat().st_size for path in files()) < MAX_BYTES


def test_nothing_is_parsed_as_markup() -> None:
    for path in files(".js"):
        text = path.read_text()
        for danger in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
            assert danger not in text, f"{path.name} uses {danger}"


def test_nothing_is_inline() -> None:
    page = (FOLDER / "index.html").read_text()
    assert not re.search(r"\s(style|on\w+)=", page)
    assert "<style" not in page
    assert re.findall(r"<script[^>]*>(.*?)</script>", page) == [""]


def test_nothing_is_asked_of_anybody_else() -> None:
    for path in files():
        addresses = re.findall(r"https?://[^\s\"'`<>]+", path.read_text())
        assert all(address.startswith("http://www.w3.org/") for address in addresses), path.name


def test_every_module_is_there() -> None:
    for path in files(".js"):
        for name in re.findall(r'from "\./([^"]+)"', path.read_text()):
            assert (FOLDER / name).is_file(), f"{path.name} imports {name}"
