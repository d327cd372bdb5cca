"""What people write SQLite with: SQLAlchemy's ORM, sqlite-utils, the sqlite3 shell of Python.

(Django writes in the test of its page in docs.)
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlite_utils
from sqlalchemy import String, create_engine, delete, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from tallies.core.declaration.declaration import Declaration
from tallies.core.tally import Count, Sum, Tally
from tallies.stores.sqlite import SqliteStore

VISITS = Tally(
    name="visits", group_by="page", measures={"visits": Count(), "seconds": Sum("seconds")}
)


class Base(DeclarativeBase):
    pass


class Visit(Base):
    __tablename__ = "visits"
    id: Mapped[int] = mapped_column(primary_key=True)
    page: Mapped[str] = mapped_column(String(100))
    visitor: Mapped[str] = mapped_column(String(100), unique=True)
    seconds: Mapped[float]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "site.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    engine = create_engine(f"sqlite:///{path}")
    Base.metadata.create_all(engine)
    engine.dispose()
    with SqliteStore(path, Declaration([VISITS], "visits")) as store:
        store.init()
        yield store
        aggregator = store.aggregator()
        while aggregator.step().records:
            pass
        assert store.parked.count() == 0
        assert list(store.verify().drifted) == []


def test_sqlalchemy(store: SqliteStore, path: Path) -> None:
    engine = create_engine(f"sqlite:///{path}")
    with Session(engine) as session:
        session.add_all(
            Visit(page=page, visitor=f"v{n}", seconds=n / 10) for n, page in enumerate("aabbc")
        )
        session.commit()
        session.execute(update(Visit).where(Visit.page == "b").values(page="a"))
        visit = session.scalars(select(Visit).where(Visit.visitor == "v0")).one()
        visit.seconds = 2.5
        session.flush()
        with session.begin_nested() as savepoint:
            session.execute(delete(Visit))
            savepoint.rollback()
        session.commit()
        session.execute(insert(Visit).prefix_with("OR REPLACE"), [
            {"page": "d", "visitor": "v1", "seconds": 1},
        ])  # fmt: skip
        again = upsert(Visit).values(page="e", visitor="v2", seconds=7)
        session.execute(again.on_conflict_do_update(index_elements=["visitor"], set_={"page": "e"}))
        session.commit()
        session.add(Visit(page="lost", visitor="v9", seconds=1))
        session.flush()
        session.rollback()
    engine.dispose()


def test_sqlite_utils(store: SqliteStore, path: Path) -> None:
    database = sqlite_utils.Database(path)
    visits = database.table("visits")
    visits.insert_all(
        {"id": n, "page": "abc"[n % 3], "visitor": f"v{n}", "seconds": 0.1} for n in range(30)
    )
    visits.upsert({"id": 3, "page": "z", "visitor": "v3", "seconds": 1}, pk="id")
    visits.insert({"id": 99, "page": "y", "visitor": "v4", "seconds": 1}, replace=True)
    visits.insert({"id": 5, "page": "y", "visitor": "v5", "seconds": 1}, ignore=True)
    visits.update(7, {"page": "z"})
    visits.delete(8)
    visits.delete_where("page = ?", ["a"])
    database.close()


def test_sqlite3(store: SqliteStore, path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        rows = [(n, "ab"[n % 2], f"v{n}", 1) for n in range(10)]
        connection.executemany("INSERT INTO visits VALUES (?, ?, ?, ?)", rows)
        connection.commit()
        connection.execute("REPLACE INTO visits VALUES (1, 'c', 'v2', 1)")
        connection.rollback()
        connection.execute("REPLACE INTO visits VALUES (1, 'c', 'v2', 1)")
        connection.commit()
        connection.execute("DELETE FROM visits WHERE page = 'a'")
        connection.commit()
