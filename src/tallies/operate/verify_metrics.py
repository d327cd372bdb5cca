"""What a verify has found, as a file that Prometheus' node exporter reads from a folder."""

from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

from tallies.core.errors import InvalidInput
from tallies.stores.verified import Verified


def write_metrics(
    found: Verified, path: Path, *, store: str, started: float, ended: float, whole: bool = True
) -> None:
    """Write the file, whole or not at all. Times are in seconds since 1970.

    A sample is not `whole`: rows that cannot be counted are mostly in none.

    Raises:
        InvalidInput: it cannot be written.
    """
    registry = CollectorRegistry()
    for name, help_, value in (
        ("checked_rows", "Rows of the tallies that were compared", found.checked),
        ("drifted_rows", "Numbers that differed", len(found.drifted)),
        *(
            [("uncounted_rows", "Rows of the source that cannot be counted", found.uncounted)]
            if whole
            else []
        ),
        ("checked_groups", "Groups that were compared", found.groups),
        ("drifted_groups", "Groups with a number that differed", found.drifted_groups),
        ("duration_seconds", "How long it took", ended - started),
        ("completed_timestamp_seconds", "When it was done", ended),
    ):
        gauge = Gauge(f"tallies_verify_{name}", help_, ["store"], registry=registry)
        gauge.labels(store).set(value)
    try:
        write_to_textfile(str(path), registry)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InvalidInput(f"The metrics cannot be written to {path}: {reason}.") from None
