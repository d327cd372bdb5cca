"""Ids of users and restaurants: what is allowed, and how two are joined into one key."""

import unicodedata

from tallies.core.errors import InvalidId

MAX_ID_BYTES = 1024
"""UTF-8 bytes. DynamoDB allows 2,048 for a partition key and 1,024 for a sort key; an id is
used as either."""

_SEPARATOR = "#"

# Cc: control characters, which the stores reserve for their own keys. Cs: lone surrogates, which
# are not text and cannot be encoded. Everything else may be somebody's name for something.
_REFUSED_CATEGORIES = frozenset({"Cc", "Cs"})


def check_id(value: str, what: str = "id") -> str:
    """Return `value` if it is a valid id; `what` names it in the error.

    Raises:
        InvalidId: it is empty, longer than `MAX_ID_BYTES`, or holds a control character.
    """
    if not value:
        raise InvalidId(f"The {what} is empty; give one of 1 to {MAX_ID_BYTES} bytes.")
    check_characters(value, what)
    if len(value) * 4 > MAX_ID_BYTES and (size := len(value.encode())) > MAX_ID_BYTES:
        raise InvalidId(f"The {what} has {size} bytes; at most {MAX_ID_BYTES} are allowed.")
    return value


def check_characters(value: str, what: str) -> str:
    """Return `value` if it holds no forbidden character; `what` names it in the error.

    Raises:
        InvalidId: it holds a control character or a lone surrogate.
    """
    # Printable text has neither, and most ids are printable.
    if not value.isprintable():
        for character in value:
            if (category := unicodedata.category(character)) in _REFUSED_CATEGORIES:
                kind = "control character" if category == "Cc" else "half character"
                raise InvalidId(f"The {what} holds the {kind} U+{ord(character):04X}; remove it.")
    return value


def join_ids(*parts: str) -> str:
    """Join ids into one key, injectively: different parts never give the same key.

    >>> join_ids("fish#chips", "ann")
    'fish%23chips#ann'
    """
    return _SEPARATOR.join(part.replace("%", "%25").replace(_SEPARATOR, "%23") for part in parts)


def split_ids(key: str) -> tuple[str, ...]:
    """Undo `join_ids`.

    >>> split_ids("fish%23chips#ann")
    ('fish#chips', 'ann')
    """
    return tuple(
        part.replace("%23", _SEPARATOR).replace("%25", "%") for part in key.split(_SEPARATOR)
    )
