"""Short errors: one line that names the thing and the cure, instead of a traceback through our own code.

IPython asks an exception for `_render_traceback_` before it draws a traceback. `NotebookError` always has it;
`shorten` gives it to a single instance of any other exception, so that its type, which user code may catch,
stays what it is. The short form is shown once: `%tb` afterwards draws the whole traceback.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

Failure = TypeVar("Failure", bound=BaseException)

_RENDER = "_render_traceback_"


class NotebookError(Exception):
    """A mistake in the use of the toolkit, or a state that the user has to change.

    Args:
        message: What is wrong, in one line, naming the thing concerned.
        hint: What to do about it; shown after the message.
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        shorten(self)

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}; {self.hint}"


def one_line(error: BaseException) -> str:
    """Return the error as `Type: message` in one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def shorten(error: Failure, line: str | None = None) -> Failure:
    """Let IPython show this exception as one line, the next time that it shows it.

    Args:
        error: The exception; only this instance is changed.
        line: What to show instead of its type and message.

    Returns:
        The same exception.
    """

    def render() -> list[str]:
        lengthen(error)
        return [line or one_line(error)]

    setattr(error, _RENDER, render)
    return error


def is_short(error: BaseException) -> bool:
    """Tell whether IPython would show this exception in its short form."""
    return _RENDER in vars(error)


def lengthen(error: BaseException) -> None:
    """Let IPython show the whole traceback of this exception."""
    vars(error).pop(_RENDER, None)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word most like this one, or `None` where none is much like it."""
    candidates = sorted(known)
    for candidate in candidates:
        if candidate.lower() == word.lower():
            return candidate
    return next(iter(difflib.get_close_matches(word, candidates, n=1)), None)


def suggestion(word: str, known: Iterable[str], *, otherwise: str | None = None) -> str | None:
    """Return `did you mean 'x'?`, or another hint where no known word is like this one."""
    match = nearest(word, known)
    return otherwise if match is None else f"did you mean {match!r}?"
