"""`afind`: keys, filters or everything."""

from __future__ import annotations

import logging
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING, Any, TypeVar

from rapyer.errors import (
    BadFilterError,
    KeyNotFound,
    UnsupportedArgumentTypeError,
    UnsupportedArgumentValueError,
)
from rapyer.model import load
from rapyer.model.keys import resolve
from rapyer.model.registry import registry
from rapyer.search.expression import Expression, FieldOperand, ModelOperand
from rapyer.search.find import find

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rapyer.model.state import StoredModel

M = TypeVar("M", bound="StoredModel")

logger = logging.getLogger("rapyer")


async def find_models(cls: type[M], args: Sequence[Any], max_results: int | None) -> list[M]:
    """Return the instances that the arguments of `afind` ask for."""
    limit = checked_limit(max_results)
    keys = [argument for argument in args if isinstance(argument, str)]
    filters = [_checked(cls, argument) for argument in args if not isinstance(argument, str)]
    if keys:
        if filters:
            logger.warning("%s.afind was given keys and filters: the filters are ignored", cls.__name__)
        return await _by_keys(cls, keys[:limit])
    result = await find(cls, reduce(and_, filters) if filters else None, limit)
    return result.models


def checked_limit(max_results: int | None) -> int | None:
    """Return the limit.

    Raises:
        UnsupportedArgumentValueError: It is negative.
    """
    if max_results is not None and max_results < 0:
        raise UnsupportedArgumentValueError(
            f"max_results is {max_results}", hint="give 0 or more, or None for all"
        )
    return max_results


async def _by_keys(cls: type[M], given: Sequence[str]) -> list[M]:
    keys = [resolve(cls, key) for key in given]
    loaded = await load.load_many(cls, registry.source_for(cls), keys)
    if loaded.missing:
        key = loaded.missing[0]
        raise KeyNotFound(f"no {cls.__name__} is stored under {key}", key=key, model=cls.__name__)
    load.report_skipped(cls, loaded)
    return loaded.models


def _checked(cls: type[StoredModel], argument: Any) -> Expression:
    if isinstance(argument, Expression):
        return argument
    if isinstance(argument, FieldOperand | ModelOperand):
        raise BadFilterError(
            "a field alone is no filter", hint="compare it with a value, such as User.age >= 18"
        )
    raise UnsupportedArgumentTypeError(
        f"{cls.__name__}.afind cannot use {argument!r}", model=cls.__name__, hint="give keys or filters"
    )
