"""What the pages link to inside the repository is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*ROOT.glob("*.md"), ROOT / "benchmarks" / "README.md", *(ROOT / "docs").glob("*.md")]
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
ELSEWHERE = ("http://", "https://", "mailto:")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_within_the_repository_lead_somewhere(page: Path) -> None:
    targets = [each for each in LINK.findall(page.read_text()) if not each.startswith(ELSEWHERE)]
    assert [each for each in targets if not (page.parent / each).exists()] == []


def test_every_page_can_be_found_from_the_first() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    for page in ("tutorial.md", "own-table.md", "operations.md", "architecture.svg"):
        assert f"]({page})" in index
