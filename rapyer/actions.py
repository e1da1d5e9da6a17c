"""What kind of operation each public method is, and which one is running: time to live goes by it."""

from __future__ import annotations

import enum
import inspect
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import reduce, wraps
from operator import or_
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

F = TypeVar("F", bound="Callable[..., Any]")


class ActionGroup(enum.Flag):
    """The kinds of operations, for `Meta.refresh_ttl`; they combine with `|`. An operation may be of many.

    `docs/actions.md` lists the operations of each.
    """

    READ = 1
    """Reading from Redis."""
    FETCH = 2
    """Loading a whole model; all of these are READ, too."""
    CREATE = 4
    """Storing a model."""
    UPDATE = 8
    """Changing what is stored: almost every write."""
    APPEND = 16
    """Adding to a text or a collection."""
    DELETE = 32
    """Removing a whole model; not for `Meta.refresh_ttl`, as nothing is left that could live longer."""
    ERASE = 64
    """Taking something out of a collection."""
    ARITHMETIC = 128
    """Computing with a stored number or time."""

    @classmethod
    def all(cls, *, for_ttl: bool = False) -> ActionGroup:
        """Return all groups in one.

        Args:
            for_ttl: Leave out DELETE, so that `Meta.refresh_ttl` takes the result.
        """
        return reduce(or_, (group for group in cls if not (for_ttl and group is cls.DELETE)))


@dataclass(frozen=True, slots=True)
class Action:
    """What `action` says of an operation.

    Attributes:
        groups: What kind it is.
        refreshes: Whether it may start a time to live anew; False for those that are only classified.
    """

    groups: ActionGroup
    refreshes: bool = True


_running: ContextVar[int | None] = ContextVar("rapyer_action", default=None)
"""The groups of the running operation, as the value of the flags."""


def action(*groups: ActionGroup, refreshes: bool = True) -> Callable[[F], F]:
    """Say what kind of operation a method or function is.

    An async one is the running operation while it runs; what it calls is a part of it. A sync one is not
    wrapped, and so costs nothing; where it queues a command, it names its groups there.

    Args:
        groups: The kinds.
        refreshes: Whether it may start a time to live anew.
    """
    stated = Action(reduce(or_, groups), refreshes)
    running = stated.groups.value if refreshes else 0

    def decorate(function: F) -> F:
        function.__rapyer_action__ = stated  # type: ignore[attr-defined]  # functions take any attribute
        if not inspect.iscoroutinefunction(function):
            return function

        @wraps(function)
        async def operation(*args: Any, **kwargs: Any) -> Any:
            if _running.get() is not None:
                return await function(*args, **kwargs)
            token = _running.set(running)
            try:
                return await function(*args, **kwargs)
            finally:
                _leave(token)

        return operation  # type: ignore[return-value]  # the same to whoever calls it

    return decorate


@contextmanager
def acting(*groups: ActionGroup) -> Iterator[None]:
    """Make what a block does one operation of these groups; of none, it starts no time to live anew."""
    token = _running.set(sum(group.value for group in groups))
    try:
        yield
    finally:
        _leave(token)


def running_groups() -> int | None:
    """Return the groups of the running operation, as the value of the flags, or None outside of one."""
    return _running.get()


def action_of(member: Any) -> Action | None:
    """Return what `action` said of a method, class method or function."""
    found: Action | None = getattr(getattr(member, "__func__", member), "__rapyer_action__", None)
    return found


def _leave(token: Any) -> None:
    try:  # noqa: SIM105 - `suppress` takes longer than all the rest
        _running.reset(token)
    except ValueError:
        pass  # the coroutine is not ended by its task, but thrown away with it, in whatever context
