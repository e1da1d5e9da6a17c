"""The root of the error tree."""

from __future__ import annotations

from typing import Any


class RapyerError(Exception):
    """Base of every error that the library raises on purpose.

    Args:
        message: What went wrong, naming the thing concerned.
        key: The Redis key concerned, if there is one.
        field: The field concerned, as a dotted path.
        model: The name of the model class concerned.
        command: The name of the Redis command that failed.
        hint: What to do about it; shown after the message.
    """

    def __init__(
        self,
        message: str = "",
        *,
        key: str | None = None,
        field: str | None = None,
        model: str | None = None,
        command: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.key = key
        self.field = field
        self.model = model
        self.command = command
        self.hint = hint

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions are pickled as a call with their positional arguments, which these are not all made with.
        return _restored, (type(self), self.args, self.__dict__)

    def __str__(self) -> str:
        if self.hint is None:
            return self.message
        return f"{self.message}; {self.hint}"


def _restored(cls: type[RapyerError], args: tuple[Any, ...], state: dict[str, Any]) -> RapyerError:
    error = cls.__new__(cls, *args)
    error.__dict__.update(state)
    return error
