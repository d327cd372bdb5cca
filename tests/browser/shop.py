"""A shop's orders, made up, in a database of its own: what the page of any table is shown with."""

import random
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tallies import Average, Count, Declaration, Sum, Tally, Window
from tallies.http.app import create_app
from tallies.stores.sqlite import SqliteStore
from tests.browser.service import Served

_BY_DAY = (Window.ALL, Window.MONTH, Window.DAY)
SALES = Tally(
    name="sales",
    group_by=("city", "shop"),
    measures={"revenue": Sum("total"), "orders": Count(), "average": Average("total")},
    windows=_BY_DAY,
    time="at",
    ranked=_BY_DAY,
    ranked_by="revenue",
    nonnegative=True,
)
CITIES = Tally(
    name="cities", group_by=("city",), measures={"orders": Count()}, ranked=(Window.ALL,)
)
TOTAL = Tally(name="total", group_by=(), measures={"orders": Count()})
SHOPS = [
    ("Lisbon", "Fig & Fennel"),
    ("Lisbon", "Blue Crate"),
    ("Oslo", "Nord Provisions"),
    ("Oslo", "Tiny Larder"),
    ("Naples", "Forno 9"),
    ("Naples", "Sale e Pepe"),
    ("Kyoto", "Saba Kaidō"),
]


class Shop(Served[SqliteStore]):
    """The service over tallies of a table `orders`, which is empty at first."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "shop.db"
        with closing(sqlite3.connect(self.path)) as connection:
            connection.execute(
                "CREATE TABLE orders (number INTEGER PRIMARY KEY, city TEXT, shop TEXT, total TEXT,"
                " at TEXT)"
            )
        store = SqliteStore(self.path, Declaration([SALES, CITIES, TOTAL], "orders"))
        store.init()
        super().__init__(store, create_app(store))

    def order(self, *orders: tuple[str, str, str, datetime]) -> None:
        """Write orders as the shop's own program does."""
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.executemany(
                "INSERT INTO orders (city, shop, total, at) VALUES (?, ?, ?, ?)",
                ((city, shop, total, at.isoformat()) for city, shop, total, at in orders),
            )

    def a_busy_month(self, orders: int = 4_000) -> None:
        """Orders of the last thirty days."""
        dice = random.Random(7)
        now = datetime.now(UTC)

        def one() -> tuple[str, str, str, datetime]:
            city, shop = SHOPS[min(int(dice.expovariate(0.5)), len(SHOPS) - 1)]
            total = f"{dice.uniform(4, 60):.2f}"
            return city, shop, total, now - timedelta(days=30 * dice.random() ** 1.5)

        self.order(*(one() for _ in range(orders)))
