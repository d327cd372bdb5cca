"""The group that the words of a command name."""

from collections.abc import Sequence

from tallies.core.errors import InvalidInput, Unfoldable
from tallies.core.groups import group_text
from tallies.core.ids import check_characters
from tallies.core.tally import Tally


def group_of(tally: Tally, values: Sequence[str]) -> str:
    """The group that these values make; an error names the attribute whose value is wrong.

    Raises:
        InvalidInput: there are too few or too many, or one can be no value of a group.
    """
    if len(values) != len(tally.labels):
        raise InvalidInput(_how_many(tally))
    for label, value in zip(tally.labels, values, strict=True):
        if not value:
            raise InvalidInput(f"The {in_words(label)} is empty; give one.")
        check_characters(value, in_words(label))
    try:
        return group_text(values)
    except Unfoldable as error:
        raise InvalidInput(str(error)) from None


def in_words(label: str) -> str:
    """An attribute's name as a sentence has it: `restaurant_id` is a restaurant id."""
    name = label.removesuffix("_id")
    return f"{name} id" if name and name != label else label


def _how_many(tally: Tally) -> str:
    if not tally.labels:
        return "Give no value: the tally is the total of its table."
    values = "1 value" if len(tally.labels) == 1 else f"{len(tally.labels)} values"
    return f"Give {values}: {', '.join(tally.labels)}."
