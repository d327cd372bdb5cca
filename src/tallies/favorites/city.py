"""A made-up city for `tallies demo`: restaurants, people, and some months of favorites.

All of it comes from one seed, so the same city can be made again.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import accumulate, pairwise
from math import cos, exp, pi
from random import Random

from tallies.core.times import canonical_time
from tallies.favorites.catalogue import Restaurant
from tallies.favorites.favorite import Event

NOTICE = "A made-up city: these restaurants and their visitors do not exist."
DAYS = 120
"""Length of the history."""
PEOPLE = 5_000
MARKS_A_DAY = 420
MARKS_A_SECOND = 4.0
"""Pace of the live part."""
CHANGE_OF_MIND = 0.12
"""Share of the events that take a favorite back."""
SECOND_THOUGHTS = 0.03
"""Share of the events that mark again what was taken back."""
SEASON_DAYS = 150
"""After this many days a restaurant is in season again."""
IN_FASHION = 3
"""Restaurants that are talked about at a time, while the city is live."""
NEAR_THE_TOP = 25
"""The number of restaurants that a person sees without a search."""

Liking = tuple[str, str]
"""A user id and the id of a restaurant which that user likes."""

_RESTAURANTS = """
The Paper Lantern|Chinese; Saffron & Smoke|Middle Eastern; Casa Luciérnaga|Latin American;
Oma Hilda's Kitchen|Pub and grill; The Crooked Fork|French; Blue Heron Noodle House|Japanese;
Tandoor Tramway|Indian; Little Fjord|Nordic; Pépin le Bref|French; Moonrice|Japanese;
The Velvet Radish|Vegetarian; Zeytin Bahçesi|Middle Eastern; Nine Dumplings|Chinese;
Harbour Bell|Seafood; La Nonna Volante|Italian; Kimchi Parade|Snacks;
Old Observatory Grill|Pub and grill; Bánh Mì Balloon|Southeast Asian; The Honest Pickle|Snacks;
Addis Evening|African; Wok Around the Clock|Chinese; Pierogi Planet|Eastern European;
Salt & Sundial|Seafood; The Green Umbrella|Vegetarian; Taverna Anemone|Mediterranean;
Curry Cartographer|Indian; Burger Belvedere|Pub and grill; Sopa de Letras|Mediterranean;
Two Foxes Pizza|Italian; The Sleepy Samovar|Eastern European; Café Nebula|Café;
Marrakesh Line 7|African; Thousand Layer Bakery|Café; Ramen Lighthouse|Japanese;
Beanstalk Diner|Snacks; Ceviche Comet|Latin American; The Copper Ladle|Vegetarian;
Falafel Funicular|Middle Eastern; Waffle Zeppelin|Café; Bao & Arrow|Chinese;
The Midnight Toastie|Snacks; Gnocchi by Gaslight|Italian; Pho the Win|Southeast Asian;
Paprika Express|Eastern European; Lotus Cable Car|Southeast Asian; Queen of Tarts|Café;
The Juniper Room|Nordic; Taco Meridian|Latin American; Smørrebrød Social|Nordic;
Hummus Among Us|Middle Eastern; Clockwork Crêpes|French; The Iron Teapot|Café;
Jollof Junction|African; Sushi Semaphore|Japanese; Bramble & Barley|Pub and grill;
Mango Monsoon|Southeast Asian; The Ninth Oyster|Seafood; Feijoada Fandango|Latin American;
Arepa Almanac|Latin American; The Last Samosa|Indian
"""


def _slug(name: str) -> str:
    words = "".join(c if c.isalnum() else " " for c in name.replace("'", "").casefold()).split()
    return "-".join(words)


def restaurants() -> dict[str, Restaurant]:
    """The restaurants of the city, by id."""
    entries = (entry.strip().split("|") for entry in _RESTAURANTS.split(";"))
    return {_slug(name): Restaurant(_slug(name), name, cuisine) for name, cuisine in entries}


class City:
    """The people of the city, who like and stop liking restaurants."""

    def __init__(self, seed: int = 7) -> None:
        self._random = Random(seed)  # noqa: S311 - a toy city, no secret
        self._ids = list(restaurants())
        self._random.shuffle(self._ids)
        self._phases = [self._random.random() for _ in self._ids]
        self._liked: dict[Liking, int] = {}
        """What is liked now, each with its place in `_order`."""
        self._order: list[Liking] = []
        self._given_up: list[Liking] = []

    def history(self, now: datetime) -> Iterator[Event]:
        """The events of the last `DAYS` days, oldest first."""
        start = now - timedelta(days=DAYS)
        rates = list(accumulate(_appetite(at / 60) for at in range(24 * 60)))
        for day in range(DAYS + 1):
            midnight = (start + timedelta(days=day)).replace(
                hour=0, minute=0, second=0, microsecond=0
            )
            busy = MARKS_A_DAY * (1.4 if midnight.weekday() >= 4 else 0.8)
            count = round(self._random.gauss(busy * (0.6 + 0.8 * day / DAYS), busy / 20))
            minutes = self._random.choices(range(24 * 60), cum_weights=rates, k=max(count, 0))
            seconds = sorted(60 * at + 60 * self._random.random() for at in minutes)
            draw = list(accumulate(self._draw(day)))
            for moment in (midnight + timedelta(seconds=at) for at in seconds):
                if start <= moment < now:
                    yield self._next(canonical_time(moment), draw)

    def live(self) -> Iterator[tuple[float, Event]]:
        """What goes on now: seconds to wait, then who does what. The event's time is not set.

        Every minute or so other restaurants are in fashion: some that are about to overtake, so
        that ranks change where people look.
        """
        while True:
            draw = self._draw(DAYS)
            share = sum(draw) / 4
            for restaurant in self._random.sample(self._rising(), IN_FASHION):
                draw[self._ids.index(restaurant)] += share
            draw = list(accumulate(draw))
            for _ in range(round(60 * MARKS_A_SECOND)):
                yield self._random.expovariate(MARKS_A_SECOND), self._next("", draw)

    def _rising(self) -> list[str]:
        """Of the restaurants near the top, those closest behind the next better liked one."""
        counts = Counter(restaurant for _, restaurant in self._liked)
        ranked = sorted(self._ids, key=lambda id_: (-counts[id_], id_))[:NEAR_THE_TOP]
        ahead = {one: counts[next_] - counts[one] for next_, one in pairwise(ranked)}
        return sorted(ahead, key=lambda id_: (ahead[id_], id_))[: 2 * IN_FASHION]

    def _draw(self, day: int) -> list[float]:
        """How much each restaurant draws people on a day: Zipf's law, and seasons that differ."""
        turn = day / SEASON_DAYS
        return [
            (1 + 0.7 * cos(2 * pi * (turn + phase))) / rank**0.9
            for rank, phase in enumerate(self._phases, start=1)
        ]

    def _next(self, time: str, draw: list[float]) -> Event:
        """The next event; `draw` is the running sum of what draws people."""
        chance = self._random.random()
        if self._order and chance < CHANGE_OF_MIND:
            liking = self._order[self._random.randrange(len(self._order))]
            self._forget(liking)
            self._given_up.append(liking)
            return Event(*liking, time, "unmark")
        if self._given_up and chance > 1 - SECOND_THOUGHTS:
            liking = self._given_up.pop(self._random.randrange(len(self._given_up)))
        else:
            liking = self._someone(), self._random.choices(self._ids, cum_weights=draw)[0]
            if liking in self._liked:  # few ask twice for what they have, but some do
                liking = self._someone(), liking[1]
        if liking not in self._liked:
            self._liked[liking] = len(self._order)
            self._order.append(liking)
        return Event(*liking, time, "mark")

    def _someone(self) -> str:
        return f"guest-{self._random.randrange(PEOPLE):04}"

    def _forget(self, liking: Liking) -> None:
        # The last one takes the place of the removed one: removal from the middle stays cheap.
        place = self._liked.pop(liking)
        last = self._order.pop()
        if last != liking:
            self._order[place] = last
            self._liked[last] = place


def _appetite(hour: float) -> float:
    """How keen people are at an hour of the day: lunch, dinner, hardly at night."""
    lunch = exp(-(((hour - 12.5) / 1.3) ** 2))
    dinner = 1.6 * exp(-(((hour - 19.5) / 1.8) ** 2))
    return 0.05 + 0.1 * (1 - cos(2 * pi * hour / 24)) + lunch + dinner
