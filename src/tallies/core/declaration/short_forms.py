"""Fields of a declaration that are given in a short form and read in a full one."""

from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar, overload

from tallies.core.errors import InvalidTally

Short = TypeVar("Short")
Full = TypeVar("Full")

_NONE: Final[Any] = object()


class Given(Generic[Short, Full]):
    """A field of a dataclass: a given value goes through `convert`, and the field has the result.

    Declared as `name: Given[Short, Full] = Given(convert)`, with a `default` where it has one.
    """

    def __init__(self, convert: Callable[[Any], Full], default: Short = _NONE) -> None:
        self._convert = convert
        self._default = default
        self._name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Short: ...
    @overload
    def __get__(self, instance: object, owner: type) -> Full: ...
    def __get__(self, instance: object | None, owner: type) -> Any:
        if instance is not None:
            return vars(instance)[self._name]
        # A dataclass asks for the default in this way; this error means that there is none.
        if self._default is _NONE:
            raise AttributeError(self._name)
        return self._default

    def __set__(self, instance: object, value: Short) -> None:
        try:
            vars(instance)[self._name] = self._convert(value)
        except InvalidTally as error:
            name = vars(instance).get("name")  # a tally has one, and it comes first
            if name is None:
                raise
            raise InvalidTally(f"Tally {name!r}: {self._name}: {error}") from None
