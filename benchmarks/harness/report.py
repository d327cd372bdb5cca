"""The report: one table for people, one JSON document for programs."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmarks.harness.machine import machine_facts
from benchmarks.harness.result import Result, Size


@dataclass(frozen=True, slots=True)
class Part:
    """What one benchmark came to."""

    name: str
    results: Sequence[Result]
    notes: Sequence[str]
    seconds: float


def table_of(part: Part) -> Table:
    """Every result beside its peer."""
    table = Table(header_style="bold", caption="ratio: median over the rounds of ours / peer")
    table.add_column("measured")
    for name in ("ours", "peer", "ratio"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("unit", no_wrap=True)
    table.add_column("peer is")
    table.add_column("bound", no_wrap=True)
    table.add_column("", no_wrap=True)
    for result in part.results:
        table.add_row(
            result.what,
            number(result.ours),
            "" if result.peer is None else number(result.peer),
            "" if result.ratio is None else f"{result.ratio:.2f}",
            result.unit,
            result.peer_name,
            _bound(result),
            _verdict(result),
        )
    for note in part.notes:
        table.add_row(Text(note, style="italic"))
    return table


def show(part: Part, console: Console) -> None:
    """Print one benchmark's table; in full width where no terminal limits it."""
    console.print(Text(f"{part.name} ({part.seconds:.0f} s)", style="bold"))
    console.print(table_of(part))


def write_json(parts: Sequence[Part], size: Size, path: Path) -> None:
    """Write all that is in the table, and what it depends on."""
    document = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "size": size,
        "machine": machine_facts(),
        "benchmarks": [
            {
                "name": part.name,
                "seconds": round(part.seconds, 1),
                "notes": list(part.notes),
                "results": [
                    {**asdict(result), "judged": result.judged(), "passed": result.passed()}
                    for result in part.results
                ],
            }
            for part in parts
        ],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def number(value: float) -> str:
    """Four digits that count, thousands apart."""
    if value >= 1_000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 100 else f"{value:.3g}"


def _bound(result: Result) -> str:
    if result.bound is None:
        return ""
    sense, limit, of = result.bound
    what = {"ratio": "ratio", "ours": "ours", "difference": "ours - peer"}[of]
    return f"{what} {'≤' if sense == '<=' else '≥'} {limit:g}"


def _verdict(result: Result) -> Text:
    passed = result.passed()
    if passed is not None:
        return Text("kept", style="green") if passed else Text("missed", style="bold red")
    if result.ratio is None:
        return Text("")
    better = (result.ratio >= 1) == result.higher_is_better
    return Text("win" if better else "lose", style="dim")
