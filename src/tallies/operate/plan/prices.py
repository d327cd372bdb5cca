"""Prices: one dated file, for several regions, or a file of the user's own in its shape."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from importlib.resources import files
from pathlib import Path
from typing import Any

from tallies.core.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Free:
    """What costs nothing, each month."""

    lambda_requests: float = 0
    lambda_gb_seconds: float = 0
    storage_gb: float = 0
    stream_reads: float = 0
    traces: float = 0
    write_units: float = 0
    """A second, of provisioned capacity."""
    read_units: float = 0


@dataclass(frozen=True, slots=True)
class Prices:
    """The prices of one region, in USD."""

    write_million: float
    read_million: float
    storage_gb: float
    backup_gb: float
    lambda_million: float
    lambda_gb_second_arm64: float
    lambda_gb_second_x86_64: float
    stream_read_million: float
    trace_million: float
    fargate_vcpu_hour: float
    fargate_gb_hour: float
    write_unit_hour: float
    """Of provisioned capacity, as is the next."""
    read_unit_hour: float
    alarm_month: float


@dataclass(frozen=True, slots=True)
class PriceList:
    """A region's prices, what is free, and how old and certain they are."""

    region: str
    collected: str
    source: str
    prices: Prices
    free: Free
    recalled: Sequence[str]
    """The prices that were not looked up in a price list on that day."""


def read_prices(region: str, file: Path | None = None) -> PriceList:
    """The prices of a region.

    Raises:
        InvalidInput: the file is not a price file, or does not have the region.
    """
    name = str(file) if file else "the price list"
    try:
        text = (
            file.read_text(encoding="utf-8")
            if file
            else files(__package__).joinpath("prices.toml").read_text(encoding="utf-8")
        )
        data = tomllib.loads(text)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InvalidInput(f"The prices {name} cannot be read: {reason}.") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidInput(f"The prices {name} are no TOML: {error}.") from None
    regions = data.get("regions")
    if not isinstance(regions, dict) or not all(isinstance(r, dict) for r in regions.values()):
        raise InvalidInput(f"The prices {name} have no [regions.NAME]; look at prices.toml.")
    if region not in regions:
        raise InvalidInput(f"No prices for {region!r}; there are: {', '.join(sorted(regions))}.")
    found = dict(regions[region])
    read = found.pop("read", [])
    if not isinstance(read, list):
        raise InvalidInput(f"The prices {name}: read of {region} is a list of prices' names.")
    free = data.get("free", {})
    numbers = _numbers(found, Prices, f"{name}, {region}", every=True)
    return PriceList(
        region,
        str(data.get("collected", "unknown")),
        str(data.get("source", "unknown")),
        Prices(**numbers),
        Free(**_numbers(free, Free, f"{name}, free", every=False)),
        [key for key in numbers if key not in read],
    )


def _numbers(found: Any, of: type, name: str, *, every: bool) -> dict[str, float]:
    known = [field.name for field in fields(of)]
    if not isinstance(found, Mapping):
        raise InvalidInput(f"The prices {name}: this is a table of numbers.")
    if unknown := sorted(found.keys() - set(known)):
        raise InvalidInput(f"The prices {name}: unknown price {unknown[0]!r}.")
    if every and (missing := [key for key in known if key not in found]):
        raise InvalidInput(f"The prices {name}: {missing[0]} is missing.")
    for key, value in found.items():
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 1e12:
            raise InvalidInput(f"The prices {name}: {key} is a number, not negative.")
    return {key: float(value) for key, value in found.items()}
