"""All Python of these pages runs, in its order, and prints what they say."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command import environment

DOCS = Path(__file__).resolve().parents[2] / "docs"
BLOCK = re.compile(r"^```(python|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(
    ("page", "more"),
    [
        (
            "library.md",
            """
import time

from fastapi.testclient import TestClient

with TestClient(app) as client:
    answer = client.get("/counts/tallies/sales/leaderboards/all")
    assert answer.json()["items"][0]["revenue"] == 13, answer.text
    refused = client.get("/counts/tallies/nope/tally")
    assert refused.headers["content-type"] == "application/problem+json", refused.text
    orders.execute("DELETE FROM orders WHERE id = 1")
    while shop.status().lag_records:
        time.sleep(0.05)
    assert client.get("/counts/tallies/sales/tally?group=Rome").json()["windows"]["all"] == {
        "orders": 0,
        "revenue": 0,
    }
""",
        ),
        ("django.md", ""),
        ("architecture.md", ""),
    ],
)
def test_the_code_of_a_page_runs(page: str, more: str, tmp_path: Path) -> None:
    blocks = BLOCK.findall((DOCS / page).read_text())
    code = "\n".join(text for kind, text in blocks if kind == "python")
    printed = "".join(text for kind, text in blocks if kind == "text")
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{more}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=environment(PYTHONWARNINGS="default"),
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == printed
