"""Operations that a model follows, so that it remembers what is stored of it (`Meta.remember_loaded`)."""

from __future__ import annotations

import functools
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

F = TypeVar("F", bound="Callable[..., Any]")

_NOTHING = nullcontext()


def followed(value: Any, *, whole: bool = False) -> AbstractContextManager[None]:
    """Return what is to surround an operation that changes a value, both in Redis and here.

    With `Meta.remember_loaded` the model then knows that what has changed is stored.

    Args:
        value: A field's value or an inner model.
        whole: Whether the operation writes or reads all of it.
    """
    root, name, direct = place_of(value)
    if root is None or not root.Meta.remember_loaded:
        return _NOTHING
    surrounding: AbstractContextManager[None] = root._rapyer_following(name, whole=whole and direct)
    return surrounding


def place_of(value: Any) -> tuple[Any, Any, bool]:
    """Return the model that a value lives in, the field of it, and whether the value is all of that field.

    Args:
        value: A field's value or an inner model; for what lives in no model there is none.
    """
    owner, name = getattr(value, "_rapyer_owner", None), getattr(value, "_rapyer_name", None)
    if owner is None:
        return None, None, False
    root = owner._rapyer_root()
    direct = owner is root
    while owner is not root:
        owner, name = owner._rapyer_owner, owner._rapyer_name
    return root, name, direct


def following(*, whole: bool = False) -> Callable[[F], F]:
    """Let an asynchronous method be followed, as `followed` says."""

    def decorate(method: F) -> F:
        @functools.wraps(method)
        async def surrounded(self: Any, *args: Any, **kwargs: Any) -> Any:
            with followed(self, whole=whole):
                return await method(self, *args, **kwargs)

        return cast("F", surrounded)

    return decorate
