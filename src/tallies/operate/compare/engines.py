"""The engines that designs are compared on."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tallies.core.errors import InvalidInput
from tallies.operate.compare.designs import Design
from tallies.operate.compare.on_sqlite import on_sqlite


@dataclass(frozen=True)
class Engine:
    """Where designs keep their rows."""

    name: str
    unit: str
    """What `write_units` are."""
    open: Callable[[str, str, Path], Design]
    """(design, place, folder) to the design, made if it is not there."""
    fresh: Callable[[str], AbstractContextManager[str]]
    """An empty place for a design; cleared at the end."""
    lives_seconds: tuple[float, float]
    """How long a process that is to be killed lives."""


def engine_named(name: str) -> Engine:
    """SQLite, or the DynamoDB that a store URL names.

    Raises:
        InvalidStoreUrl: it is neither.
    """
    if name == "sqlite":
        return Engine("sqlite", "row writes", _open_on_sqlite, _nowhere, (0.01, 0.2))
    if not name.startswith("dynamodb://"):
        raise InvalidInput(
            f"{name!r} is no engine to compare on; use sqlite, or dynamodb://REGION/PREFIX."
        )
    # Imported only now, since it needs packages that the embedded store does not.
    from tallies.operate.compare.on_dynamodb import fresh_tables, on_dynamodb

    return Engine(
        name,
        "write units",
        lambda design, place, _: on_dynamodb(design, place),
        lambda design: fresh_tables(name, design),
        (0.05, 0.8),
    )


def _open_on_sqlite(design: str, _: str, folder: Path) -> Design:
    return on_sqlite(design, folder)


@contextmanager
def _nowhere(_: str) -> Iterator[str]:
    yield "-"
