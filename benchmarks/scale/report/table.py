"""The study as Markdown tables, and the page that they stand on."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

BINDING = {
    "index": "a partition of the ranking index",
    "item": "the hottest restaurant's partition",
    "conflicts": "transactions that meet on the same rows",
    "processor": "the processor of a shard's one invocation",
    "shard": "one invocation at a time for each shard",
}
_SECONDS_OF_A_DAY = 86_400
_TINY = 10
_LONG = 120


def breaking_table(broken: Iterable[Mapping[str, Any]]) -> str:
    """Where each setting breaks and why."""
    lines = [
        "| setting | carries, writes a second | p50 and p99 staleness at half of it or less |"
        " breaks on |",
        "|---|---:|---:|---|",
    ]
    return "\n".join([*lines, *(_ladder_line(each) for each in broken)])


def _ladder_line(each: Mapping[str, Any]) -> str:
    rate = each["carries"]["writes_a_second"]
    calm = [point for point in each["points"] if point["writes_a_second"] <= rate / 2]
    point = calm[-1] if calm else each["carries"]
    staleness = f"{seconds(point['p50_seconds'])}, {seconds(point['p99_seconds'])}"
    return f"| {_name(each)} | {_carried(each)} | {staleness} | {_why(each)} |"


def lever_table(broken: Iterable[Mapping[str, Any]]) -> str:
    """Where each variant breaks, in three columns."""
    lines = ["| setting | carries, writes a second | breaks on |", "|---|---:|---|"]
    lines += [f"| {_name(each)} | {_carried(each)} | {_why(each)} |" for each in broken]
    return "\n".join(lines)


def fact_table(facts: Iterable[Mapping[str, Any]]) -> str:
    """The numbers with their sources."""
    lines = ["| number | value | known from | |", "|---|---:|---|---|"]
    lines += [
        f"| {fact['what']} | {_number(fact['value'])} {fact['unit']} | {fact['kind']} |"
        f" {fact['source']} |"
        for fact in facts
    ]
    return "\n".join(lines)


def curve_table(ladder: Iterable[Mapping[str, Any]]) -> str:
    """Every point of the plots."""
    lines = [
        "| setting | writes a second | shards | records a batch | p50 | p99 | fullest partition,"
        " row or processor | units a record | conflicts a transaction |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for each in ladder:
        lines += [
            f"| {each['settings']} | {rate(point['writes_a_second'])} | {point['shards']:,} |"
            f" {point['records_a_batch']:,.0f} | {seconds(point['p50_seconds'])} |"
            f" {seconds(point['p99_seconds'])} | {fullest(point):.0%} |"
            f" {point['units_a_record']:.1f} | {point['conflicts']:.2f} |"
            for point in each["points"]
        ]
    return "\n".join(lines)


def midnight_table(found: Iterable[Mapping[str, Any]]) -> str:
    """How far behind the tallies are while a day begins."""
    lines = [
        "| setting | writes a second | oldest record of a batch | behind until after midnight |",
        "|---|---:|---:|---:|",
    ]
    lines += [
        f"| {each['settings']} | {rate(each['writes_a_second'])} |"
        f" {_minutes(each['oldest_seconds'])} |"
        f" {_minutes(each['late_until_seconds']) if each['late_until_seconds'] else 'never'} |"
        for each in found
    ]
    return "\n".join(lines)


def fullest(point: Mapping[str, Any]) -> float:
    """Utilisation of the fullest partition or row, or of the functions' processors."""
    names = ("index", "item", "held", "processor")
    return float(max(point["utilisation"][name] for name in names))


def rate(writes_a_second: float) -> str:
    """A rate, in two digits, since the model is no better."""
    if writes_a_second < 1:
        return f"{writes_a_second:.2g}"
    digits = max(0, len(str(int(writes_a_second))) - 2)
    return f"{round(writes_a_second / 10**digits) * 10**digits:,}"


def seconds(value: float) -> str:
    """A duration, in two digits."""
    return f"{value:.1f} s" if value < _TINY else f"{value:.0f} s"


def _minutes(value: float) -> str:
    """A longer duration, in minutes."""
    return f"{value / 60:.0f} min" if value >= _LONG else seconds(value)


def _number(value: float) -> str:
    return f"{value:,f}".rstrip("0").rstrip(".")


def _name(each: Mapping[str, Any]) -> str:
    return str(each["settings"]) + (
        "" if each["in_product"] else " (simulated; not in the product)"
    )


def _carried(each: Mapping[str, Any]) -> str:
    carried = rate(each["carries"]["writes_a_second"])
    return carried if each["fails"] else f"{carried} and more"


def _why(each: Mapping[str, Any]) -> str:
    return BINDING[each["binding"]] if each["fails"] else "not within the range"


def fill(page: Path, study: Mapping[str, Any]) -> None:
    """Put the tables into the page, each between its marks."""
    text = page.read_text(encoding="utf-8")
    page.write_text(filled(text, study), encoding="utf-8")


def filled(text: str, study: Mapping[str, Any]) -> str:
    """The text of the page with these tables."""
    tables = {
        "ladder": breaking_table(study["ladder"]),
        "single": lever_table(study["single"]),
        "otherwise": lever_table(study["otherwise"]),
        "midnight": midnight_table(study["midnight"]),
        "points": curve_table(study["ladder"]),
        "facts": fact_table(study["facts"]),
    }
    for name, table in tables.items():
        between = re.compile(f"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        text = between.sub(lambda found, table=table: found[1] + table + "\n" + found[2], text)  # type: ignore[misc]
    return text
