"""The page of real tables, as data: for each table its declaration, rows, commands and output."""

import json
import re
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "real-tables.md"
KEYS = {
    "shop": ("PK", "SK"),
    "sensors": ("sensor", "taken_at"),
    "posts": ("id",),
    "documents": ("id",),
    "payments": ("id",),
}
"""The examples in the order of the page, and the keys of their tables."""

_BLOCK = re.compile(
    r"```toml\n(.*?)```\n\n```json\n(.*?)```\n\n```sh\n(.*?)```\n\n```text\n(.*?)```", re.DOTALL
)


@dataclass(frozen=True)
class Example:
    """One section of the page."""

    name: str
    declaration: str
    rows: list[dict[str, Any]]
    commands: list[list[str]]
    output: str

    @property
    def file(self) -> Path:
        """The declaration as the repository has it."""
        return ROOT / "docs" / "examples" / f"{self.name}.toml"


def examples() -> list[Example]:
    """All sections of the page."""
    found = []
    for name, (toml, rows, commands, output) in zip(
        KEYS, _BLOCK.findall(PAGE.read_text()), strict=True
    ):
        found.append(
            Example(
                name,
                toml,
                [json.loads(row, parse_float=Decimal) for row in rows.splitlines()],
                [line.split()[1:] for line in commands.splitlines()],
                output,
            )
        )
    return found
