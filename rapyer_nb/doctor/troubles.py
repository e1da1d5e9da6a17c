"""Errors as findings: what is wrong, without any password, and what to do about it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from redis.exceptions import AuthenticationError, NoPermissionError

from rapyer.errors import RapyerError
from rapyer_nb.doctor.finding import broken, unchecked
from rapyer_nb.errors import NotebookError
from rapyer_nb.views.brief import clipped

if TYPE_CHECKING:
    from rapyer_nb.doctor.finding import Finding

_LENGTH: Final = 300
_PYDANTIC: Final = "For further information visit"
_LOGIN: Final = (
    "check the user and the password in the URL, redis://user:password@host:port/db; "
    "in a password, write @ / ? # as %40 %2F %3F %23"
)
_ADDRESS: Final = (
    "start that server, or name another one: --redis URL, or REDIS_URL; "
    "rapyer-nb doctor --embedded looks at an embedded one"
)


def told(error: BaseException) -> str:
    """Return what an error says, in one short line."""
    said: str = error.message if isinstance(error, NotebookError | RapyerError) else str(error)
    said = " ".join(said.partition(_PYDANTIC)[0].split()).rstrip(".")
    return clipped(said, _LENGTH) or type(error).__name__


def unreachable(error: BaseException, address: str, url: str = "") -> Finding:
    """Return the finding for a server that cannot be asked.

    Args:
        error: Why.
        address: The server, without any password.
        url: Its URL, if it was given, whose password is taken out of what the error says.
    """
    if isinstance(error, NotebookError):
        return broken(told(error), error.hint or "")
    reason = without_password(told(error), url)
    if isinstance(error, AuthenticationError):
        return broken(f"{address} refuses the connection: {reason}", _LOGIN)
    if isinstance(error, ValueError | TypeError):
        return broken(
            f"{address} has an option in its URL that Redis does not know", "take it out of the URL"
        )
    return broken(f"{address} cannot be reached: {reason}", _ADDRESS)


def unexamined(error: BaseException) -> Finding:
    """Return the finding for a check that could not be done."""
    if isinstance(error, asyncio.TimeoutError | TimeoutError):
        return unchecked("this took too long, and was given up", "try again when the server is less busy")
    if isinstance(error, NoPermissionError):
        return unchecked(f"this user may not ask: {told(error)}", "use a user that may, for this check")
    hint = error.hint or "" if isinstance(error, NotebookError | RapyerError) else ""
    return unchecked(f"could not be checked: {type(error).__name__}: {told(error)}", hint)


def without_password(text: str, url: str) -> str:
    """Return a text without the password of a URL."""
    try:
        password = urlsplit(url).password
    except ValueError:
        return ""
    for form in {password, unquote(password)} if password else ():
        text = text.replace(form, "***")
    return text
