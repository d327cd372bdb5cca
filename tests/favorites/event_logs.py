"""Logs of events, written and read."""

from datetime import UTC, datetime
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tallies.core.times import canonical_time, parse_time
from tallies.favorites.favorite import Event
from tallies.favorites.logs.events import BadLine, EventLog
from tests.core import histories as make

NOW = datetime(2100, 1, 2, tzinfo=UTC)
TIME = "2026-11-23T12:00:00Z"
HEADER = "user_id,restaurant_id,created_at,op\n"

ids = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)
events = st.lists(
    st.builds(Event, ids, ids, make.time_texts(), st.sampled_from(["mark", "unmark"])), max_size=8
)
reuse = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def read(path: Path, content: bytes | str) -> list[Event | BadLine]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with EventLog(path, NOW) as log:
        found = list(log)
        assert log.bytes_read == log.size == path.stat().st_size
    return found


def canonical(written: list[Event]) -> list[Event]:
    return [e._replace(created_at=canonical_time(parse_time(e.created_at))) for e in written]
