"""The fold: a batch of changes becomes the smallest set of deltas. The heart of tallies.

Two steps. `contributions` reduces the images to a multiset of what they contribute (group values,
time, amounts): new images count plus one, old images minus one, so a rewrite that changes nothing
cancels out by itself, and a row that moves is taken out of one place and put into another.
`deltas` then places each distinct contribution that is left: its group, its windows, its amounts.
Both steps are plain sums, so batches may be cut anywhere and folded in any order.
"""

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Context, Decimal, Inexact, Overflow
from operator import itemgetter
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from tallies.core.change import Change, Image
from tallies.core.errors import InvalidTime, Unfoldable
from tallies.core.ids import join_ids
from tallies.core.tally import Number, Tally
from tallies.core.times import canonical_time, parse_time
from tallies.core.windows import parse_window, window_end, window_name

MAX_WHOLE_DIGITS = 20
MAX_DECIMALS = 9
"""Digits of one amount before and after the point. A DynamoDB number holds 38, so the sum of a
billion of the largest rows is still exact; no total can meet a row that it cannot take in."""
MAX_GROUP_BYTES = 2000
"""UTF-8 bytes of a group: a DynamoDB partition key has 2,048, some of which stores keep."""
_MAX_REMEMBERED_TIMES = 100_000

_HOUR = len("2026-11-23T14")
_MINUTE = len("2026-11-23T14:05")
_WHOLE_MINUTE_OFFSETS = "1973"
"""Since 1972 (Monrovia was the last) every zone is whole minutes from UTC, so the minute decides
the window; before, offsets had seconds. Source: the IANA time zone database, file `africa`."""

_EXACT = Context(prec=38, traps=[Inexact, Overflow])

Contribution = tuple[Any, ...]
"""What one row contributes: group values, then its time if the tally has one, cut to the hour (or
finer, where a zone needs it) in UTC, then amounts."""

Deltas = dict[tuple[str, str], tuple[Number, ...]]
"""(group, window name) -> what to add to each component of the tally. Never all zero."""


class Parked(NamedTuple):
    """A change that a tally could not fold, and why, as one sentence."""

    change: Change
    tally: str
    reason: str


@dataclass(frozen=True, slots=True)
class Folded:
    """What a batch comes to: for each tally its deltas, and the changes that were set aside."""

    deltas: Mapping[str, Deltas]
    parked: Sequence[Parked]


class Folder:
    """A tally made ready to fold. Remembers recent times; not for use by two threads at once."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self._attributes = (*tally.group_by, *filter(None, [tally.time]), *tally.summed)
        self._groups = len(tally.group_by)
        self._zone = UTC if tally.zone == "UTC" else ZoneInfo(tally.zone)
        self._windows_of_time: dict[Any, tuple[str, ...]] = {}

    def contributions(self, changes: Iterable[Change]) -> Counter[Contribution]:
        """The net multiset of what the changes contribute.

        Raises:
            Unfoldable: an image lacks an attribute that the tally reads, or its time is none.
        """
        changes = list(changes)
        net = self._count([new for _, new, _ in changes if new is not None])
        gone = self._count([old for old, _, _ in changes if old is not None])
        for contribution, n in gone.items():
            net[contribution] -= n
        return net

    def _count(self, images: list[Image]) -> Counter[Contribution]:
        if self.tally.where:
            images = [image for image in images if self.tally.admits(image)]
        if not images:
            return Counter()
        try:
            columns = [list(map(itemgetter(name), images)) for name in self._attributes]
            if self.tally.time is not None:
                columns[self._groups] = self._cut(columns[self._groups])
            return Counter(zip(*columns, strict=True))
        except KeyError as missing:
            raise Unfoldable(f"The row has no attribute {missing.args[0]!r}.") from None
        except TypeError:  # a list or a map cannot be counted
            raise Unfoldable(
                "An attribute that the tally reads is neither text nor number."
            ) from None

    def _cut(self, times: list[Any]) -> list[str]:
        """Cut times to what decides their windows, so that most of them become equal."""
        try:
            # Whole-column calls into C: this is the part of the fold that sees every record.
            deque(map(datetime.fromisoformat, times), maxlen=0)
            if set(map(itemgetter(-1), times)) == {"Z"} and set(map(itemgetter(10), times)) == {
                "T"
            }:
                if self._zone is UTC:
                    return [time[:_HOUR] for time in times]
                if min(times) >= _WHOLE_MINUTE_OFFSETS:
                    return [time[:_MINUTE] for time in times]
        except (ValueError, TypeError, IndexError):
            pass  # the careful way says which one, and why
        return [self._cut_carefully(time) for time in times]

    def _cut_carefully(self, time: Any) -> str:
        if not isinstance(time, str):
            raise Unfoldable(f"The time {_shown(time)} is no text in RFC 3339 form.")
        try:
            text = canonical_time(parse_time(time))
        except InvalidTime as error:
            raise Unfoldable(str(error)) from None
        if self._zone is UTC:
            return text[:_HOUR]
        return text[:_MINUTE] if text >= _WHOLE_MINUTE_OFFSETS else text[:-1]

    def deltas(
        self, contributions: Mapping[Contribution, int], now: datetime | None = None
    ) -> Deltas:
        """Place the contributions. With `now`, windows whose retention is over get no delta.

        Raises:
            Unfoldable: a group, a time or an amount cannot be used.
        """
        groups, summed = self._groups, self.tally.summed
        timed = self.tally.time is not None
        one_group = groups == 1
        windows_of = self._windows_of_time
        places: dict[tuple[str, tuple[str, ...]], Any] = {}
        for contribution, n in contributions.items():
            if not n:
                continue
            group = contribution[0]
            if type(group) is not str or not one_group or not 0 < len(group) <= 500:
                group = _group_text(contribution[:groups])
            windows = windows_of.get(contribution[groups]) if timed else ("all",)
            if windows is None:
                windows = self._place_time(contribution[groups])
            place = (group, windows)
            if not summed:
                places[place] = places.get(place, 0) + n
            else:
                amounts = (n, *(_times(n, value) for value in contribution[groups + timed :]))
                places[place] = _plus(places[place], amounts) if place in places else amounts
        return self._spread(places, now)

    def _spread(
        self, places: Mapping[tuple[str, tuple[str, ...]], Any], now: datetime | None
    ) -> Deltas:
        deltas: dict[tuple[str, str], Any] = {}
        if not self.tally.summed:
            for (group, windows), n in places.items():
                for window in windows:
                    deltas[group, window] = deltas.get((group, window), 0) + n
            found: Deltas = {key: (n,) for key, n in deltas.items() if n}
        else:
            for (group, windows), amounts in places.items():
                for window in windows:
                    key = (group, window)
                    deltas[key] = _plus(deltas[key], amounts) if key in deltas else amounts
            found = {key: amounts for key, amounts in deltas.items() if any(amounts)}
        if now is None or not self.tally.retention:
            return found
        live = {
            w: expiry is None or expiry > now
            for w in {w for _, w in found}
            for expiry in [self.expiry(w)]
        }
        return {key: amounts for key, amounts in found.items() if live[key[1]]}

    def expiry(self, window: str) -> datetime | None:
        """When the rows of a window are no longer kept; None for ever."""
        named = parse_window(window)
        kept = self.tally.retention.get(named.kind)
        end = window_end(named, self._zone) if kept is not None else None
        return None if kept is None or end is None else end + kept

    def _place_time(self, time: str) -> tuple[str, ...]:
        try:
            local = datetime.fromisoformat(time).replace(tzinfo=UTC).astimezone(self._zone)
        except (ValueError, TypeError, OverflowError):
            raise Unfoldable(f"The time {_shown(time)} lies in no window.") from None
        if len(self._windows_of_time) >= _MAX_REMEMBERED_TIMES:
            self._windows_of_time.clear()
        windows = tuple(window_name(kind, local) for kind in self.tally.windows)
        self._windows_of_time[time] = windows
        return windows


def fold(
    folders: Sequence[Folder], changes: Sequence[Change], now: datetime | None = None
) -> Folded:
    """Fold a batch for all tallies of one source. A change that cannot be folded is set aside."""
    deltas: dict[str, Deltas] = {}
    parked: list[Parked] = []
    for folder in folders:
        try:
            found = folder.deltas(folder.contributions(changes), now)
        except Unfoldable:
            good, bad = _sift(folder, changes)
            parked += bad
            found = folder.deltas(folder.contributions(good), now)
        deltas[folder.tally.name] = found
    return Folded(deltas, parked)


def _sift(folder: Folder, changes: Sequence[Change]) -> tuple[list[Change], list[Parked]]:
    good: list[Change] = []
    bad: list[Parked] = []
    for change in changes:
        try:
            # Each image by itself: in one change, two that are equally bad would cancel out.
            for image in (change.old, change.new):
                if image is not None:
                    folder.deltas(folder.contributions([Change(None, image)]))
        except Unfoldable as reason:
            bad.append(Parked(change, folder.tally.name, str(reason)))
        else:
            good.append(change)
    return good, bad


def _group_text(values: Sequence[Any]) -> str:
    texts = []
    for value in values:
        if isinstance(value, str) and value:
            texts.append(value)
        elif isinstance(value, int | Decimal):  # numbers that are equal are one group
            texts.append(f"{Decimal(value).normalize():f}")
        else:
            raise Unfoldable(f"The group value {_shown(value)} is neither text nor number.")
    group = texts[0] if len(texts) == 1 else join_ids(*texts)
    if len(group.encode(errors="replace")) > MAX_GROUP_BYTES:
        raise Unfoldable(f"The group has more than {MAX_GROUP_BYTES} bytes.")
    return group


def _times(n: int, value: Any) -> Number:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise Unfoldable(f"The amount {_shown(value)} is no exact number.")
    amount = Decimal(value)
    if not amount.is_finite() or (
        amount and (amount.adjusted() >= MAX_WHOLE_DIGITS or _decimals(amount) > MAX_DECIMALS)
    ):
        raise Unfoldable(
            f"The amount {_shown(value)} has more than {MAX_WHOLE_DIGITS} digits before the"
            f" point or {MAX_DECIMALS} after it."
        )
    return n * value if isinstance(value, int) else _EXACT.multiply(n, value)


def _decimals(amount: Decimal) -> int:
    _, digits, exponent = amount.as_tuple()
    trailing = len(digits) - len("".join(map(str, digits)).rstrip("0"))
    return -(int(exponent) + trailing)


def _plus(left: Sequence[Number], right: Sequence[Number]) -> tuple[Number, ...]:
    return tuple(
        a + b if isinstance(a, int) and isinstance(b, int) else _EXACT.add(a, b)
        for a, b in zip(left, right, strict=True)
    )


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
