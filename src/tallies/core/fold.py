"""The fold: a batch of changes becomes the smallest set of deltas. The heart of tallies.

Two steps. `contributions` reduces the images to a multiset of what they contribute (group values,
time, amounts): new images count plus one, old images minus one, so a rewrite that changes nothing
cancels out by itself, and a row that moves is taken out of one place and put into another. `deltas`
then finds the place of each distinct contribution that is left: its group, its windows, its
amounts. Both steps are plain sums, so batches may be cut anywhere and folded in any order.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from operator import add, itemgetter
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from tallies.core.amounts import check_signs, exact, plus, times
from tallies.core.change import Change, Image
from tallies.core.cuts import cut_times, local_time
from tallies.core.errors import Unfoldable
from tallies.core.groups import PLAIN_LENGTH, group_column, group_text, value_text
from tallies.core.retention import expiry
from tallies.core.source.values import Value, told_apart
from tallies.core.tally import Number, Tally
from tallies.core.windows import Window, window_name

_MAX_REMEMBERED_TIMES = 100_000
_EACH = 16
"""So few changes are looked at one by one, to find those that do not fold."""
_OLD, _NEW = itemgetter(0), itemgetter(1)

Contribution = tuple[Any, ...]
"""What one row contributes: group values, then its time if the tally has one, cut to the hour (or
finer, where a zone needs it) in UTC, then amounts."""

Deltas = dict[tuple[str, str], tuple[Number, ...]]
"""(group, window name) -> what to add to each component of the tally. All zero only where asked."""


class Parked(NamedTuple):
    """The part of a change that a tally could not fold, and why, as one sentence."""

    change: Change
    """The change without the image that did fold: folding this later adds just what is missing."""
    tally: str
    reason: str


@dataclass(frozen=True, slots=True)
class Folded:
    """The result of a batch: for each tally its deltas, and the changes that were set aside."""

    deltas: Mapping[str, Deltas]
    parked: Sequence[Parked]


class Folder:
    """A tally made ready to fold. Remembers recent times; not for use by two threads at once."""

    is_plain: bool
    """Whether it reads whole attributes only: no parts of keys, no paths, no elements."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self.is_plain = all(value.is_plain for value in tally.reads)
        timed = () if tally.time is None else (tally.time.value,)
        self._values = (*tally.group_by, *timed, *tally.summed)
        self._takes_all = not tally.where and all(value.after is None for value in tally.reads)
        self._each = next((i for i, value in enumerate(tally.group_by) if value.each), None)
        self._groups = len(tally.group_by)
        self._amounts_from = self._groups + (tally.time is not None)
        self._zone = _zone(tally.zone)
        self._naive_zone = UTC if tally.time is None else _zone(tally.time.naive_zone)
        self._windows_of_time: dict[str, tuple[str, ...]] = {}

    def contributions(self, changes: Iterable[Change]) -> Counter[Contribution]:
        """The net multiset of what the changes contribute.

        Raises:
            Unfoldable: an image lacks an attribute that the tally reads, or its time is not a time.
        """
        changes = list(changes)
        net = self._count([new for new in map(_NEW, changes) if new is not None])
        gone = self._count([old for old in map(_OLD, changes) if old is not None])
        for contribution, n in gone.items():
            net[contribution] -= n
        return net

    def _count(self, images: list[Image]) -> Counter[Contribution]:
        if not self._takes_all:
            images = [image for image in images if self.tally.admits(image)]
        each, elements = self._each, []
        if each is not None:
            found = [_distinct(self._values[each].elements(image)) for image in images]
            images = [image for image, texts in zip(images, found, strict=True) if texts]
            elements = list(filter(None, found))
        if not images:
            return Counter()
        columns = [
            elements if number == each else self._column(number, images)
            for number in range(len(self._values))
        ]
        if not columns:
            return Counter({(): len(images)})
        rows = zip(*columns, strict=True)
        try:
            return Counter(rows if each is None else _spread_out(rows, each))
        except TypeError:  # a list or a map cannot be counted
            raise Unfoldable(
                "An attribute that the tally reads is neither text nor number."
            ) from None

    def _column(self, number: int, images: list[Image]) -> Sequence[Any]:
        """One value of the contributions, as a column over the images."""
        value = self._values[number]
        if value.is_plain:
            try:
                column = list(map(itemgetter(value.attribute), images))
            except KeyError:
                raise Unfoldable(f"The row has no attribute {value.label!r}.") from None
        elif type(value) is Value and value.after is not None:
            # Every image that was admitted has the prefix.
            attribute, start = value.attribute, len(value.after)
            column = [image[attribute][start:] for image in images]
        else:
            column = list(map(value.read, images))
        if number < self._groups:
            return group_column(column)
        if number < self._amounts_from:
            form = self.tally.time.as_ if self.tally.time else ""
            return cut_times(column, self._zone, form, self._naive_zone)
        amounts = exact(column)
        if self.tally.nonnegative:
            check_signs(amounts)
        return amounts

    def deltas(
        self,
        contributions: Mapping[Contribution, int],
        now: datetime | None = None,
        *,
        zeros: bool = False,
    ) -> Deltas:
        """Place the contributions. With `now`, windows whose retention is over get no delta.

        With `zeros`, there is a delta even where contributions cancel out.

        Raises:
            Unfoldable: a group, a time or an amount cannot be used.
        """
        groups, amounts_from, summed = self._groups, self._amounts_from, bool(self.tally.summed)
        timed, one_group = groups < amounts_from, groups == 1
        places: dict[tuple[str, ...], dict[str, Any]] = {}  # windows -> group -> amounts
        place_of: dict[str, dict[str, Any]] = {}  # cut time -> one of the places
        # What cancels out is checked like the rest: otherwise, whether an image is set aside would
        # depend on what shares its batch.
        for contribution, n in contributions.items():
            group = contribution[0] if one_group else None
            if not (type(group) is str and 0 < len(group) <= PLAIN_LENGTH and group.isprintable()):
                group = group_text(contribution[:groups])
            cut = contribution[groups] if timed else ""
            place = place_of.get(cut)
            if place is None:
                windows = self._windows(cut) if timed else (Window.ALL.value,)
                place = place_of[cut] = places.setdefault(windows, {})
            if not summed:
                place[group] = place.get(group, 0) + n
            else:
                amounts = (n, *(times(n, value) for value in contribution[amounts_from:]))
                place[group] = plus(place[group], amounts) if group in place else amounts
        return self._spread(places, now, zeros)

    def _spread(
        self,
        places: Mapping[tuple[str, ...], Mapping[str, Any]],
        now: datetime | None,
        zeros: bool,
    ) -> Deltas:
        """Turns places, each in all of its windows, into what each window gets."""
        parts: dict[str, list[Mapping[str, Any]]] = {}
        for windows, place in places.items():
            for window in windows:
                parts.setdefault(window, []).append(place)
        found: Deltas = {}
        for window, shares in parts.items():
            if now is not None and (end := self.expiry(window)) is not None and end <= now:
                continue
            if not self.tally.summed:
                found |= {(g, window): (n,) for g, n in _total(shares, add).items() if n or zeros}
            else:
                total = _total(shares, plus)
                found |= {(g, window): a for g, a in total.items() if any(a) or zeros}
        return found

    def expiry(self, window: str) -> datetime | None:
        """When the rows of a window are no longer kept; None for ever."""
        return expiry(self.tally, window)

    def _windows(self, cut: str) -> tuple[str, ...]:
        windows = self._windows_of_time.get(cut)
        if windows is None:
            local = local_time(cut, self._zone)
            windows = tuple(window_name(kind, local) for kind in self.tally.windows)
            if len(self._windows_of_time) >= _MAX_REMEMBERED_TIMES:
                self._windows_of_time.clear()
            self._windows_of_time[cut] = windows
        return windows

    def why_not(self, image: Image | None) -> str | None:
        """Why the image cannot be folded, as one sentence; None when it can."""
        try:
            if image is not None:
                self.deltas(self.contributions([Change(None, image)]))
        except Unfoldable as reason:
            return str(reason)
        return None

    def sees_difference(self, old: Image | None, new: Image | None) -> bool:
        """Whether the images differ in anything that the tally reads."""
        before, after = (
            [told_apart(value.find(image or {})) for value in self.tally.reads]
            for image in (old, new)
        )
        return before != after


def fold(
    folders: Sequence[Folder],
    changes: Sequence[Change],
    now: datetime | None = None,
    *,
    zeros: bool = False,
) -> Folded:
    """Fold a batch for all tallies of one source. A change that cannot be folded is set aside.

    With `zeros`, every row that a change touches gets a delta, even a zero one.
    """
    deltas: dict[str, Deltas] = {}
    parked: list[Parked] = []
    for folder in folders:
        try:
            found = folder.deltas(folder.contributions(changes), now, zeros=zeros)
        except Unfoldable:
            good, bad = _sift(folder, changes)
            parked += bad
            found = folder.deltas(folder.contributions(good), now, zeros=zeros)
        deltas[folder.tally.name] = found
    return Folded(deltas, parked)


def _zone(name: str) -> tzinfo:
    return UTC if name == "UTC" else ZoneInfo(name)


def _distinct(elements: Iterable[Any]) -> tuple[str, ...]:
    """The groups of a set or list, each once."""
    return tuple(dict.fromkeys(map(value_text, elements)))


def _spread_out(rows: Iterable[tuple[Any, ...]], each: int) -> Iterator[Contribution]:
    """One row for each of the groups that are at one position in the row."""
    for row in rows:
        before, after = row[:each], row[each + 1 :]
        for text in row[each]:
            yield (*before, text, *after)


def _sift(folder: Folder, changes: Sequence[Change]) -> tuple[list[Change], list[Parked]]:
    """Separate the images that fold from those that do not.

    By image, not by change: if a good image were set aside with a bad one, its row would later be
    taken out without ever having been put in, or stay in for ever, and the result would depend on
    how the batches are cut.
    """
    if len(changes) > _EACH:
        middle = len(changes) // 2
        halves = [_sifted(folder, half) for half in (changes[:middle], changes[middle:])]
        return [*halves[0][0], *halves[1][0]], [*halves[0][1], *halves[1][1]]
    good: list[Change] = []
    bad: list[Parked] = []
    for change in changes:
        old, new, position = change
        old_reason, new_reason = folder.why_not(old), folder.why_not(new)
        reason = new_reason or old_reason
        if reason is None:
            good.append(change)
        elif not (old_reason and new_reason) or folder.sees_difference(old, new):
            fit = Change(None if old_reason else old, None if new_reason else new, position)
            unfit = Change(old if old_reason else None, new if new_reason else None, position)
            good.append(fit)
            bad.append(Parked(unfit, folder.tally.name, reason))
    return good, bad


def _sifted(folder: Folder, changes: Sequence[Change]) -> tuple[Sequence[Change], list[Parked]]:
    try:
        folder.deltas(folder.contributions(changes))
    except Unfoldable:
        return _sift(folder, changes)
    return changes, []


def _total(
    shares: Sequence[Mapping[str, Any]], add: Callable[[Any, Any], Any]
) -> Mapping[str, Any]:
    if len(shares) == 1:
        return shares[0]
    total = dict(shares[0])
    for share in shares[1:]:
        for group, amounts in share.items():
            total[group] = add(total[group], amounts) if group in total else amounts
    return total
