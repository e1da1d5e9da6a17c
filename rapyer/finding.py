"""What the arguments of `afind` and `adelete_many` ask for: keys, filters or everything."""

from __future__ import annotations

import logging
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING, Any, TypeVar

from rapyer.errors import (
    BadFilterError,
    KeyNotFound,
    MissingParameterError,
    UnsupportedArgumentTypeError,
    UnsupportedArgumentValueError,
)
from rapyer.model import load
from rapyer.model.delete import check_no_inner
from rapyer.model.keys import resolve, resolve_many
from rapyer.model.registry import registry
from rapyer.model.state import StoredModel
from rapyer.search.expression import Expression, FieldOperand, ModelOperand
from rapyer.search.find import find, find_keys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rapyer.session.clients import ClientSource

M = TypeVar("M", bound="StoredModel")

logger = logging.getLogger("rapyer")


async def find_models(
    cls: type[M], args: Sequence[Any], max_results: int | None, on_corrupt: str = "skip"
) -> list[M]:
    """Return the instances that the arguments of `afind` ask for."""
    limit, corrupt = checked_limit(max_results), load.checked_on_corrupt(on_corrupt)
    given, filters = _sorted_out(cls, args, "afind")
    if given:
        if filters:
            logger.warning("%s.afind was given keys and filters: the filters are ignored", cls.__name__)
        keys = resolve_many(cls, given)[:limit]
        loaded = await load_by_keys(cls, registry.source_for(cls), keys)
        load.report_skipped(f"{cls.__name__}.afind", loaded, corrupt)
        return loaded.models
    result = await find(cls, reduce(and_, filters) if filters else None, limit, corrupt)
    return result.models


async def load_by_keys(
    cls: type[M], source: ClientSource, keys: Sequence[str], *, skip_missing: bool = False
) -> load.Loaded:
    """Return the instances under keys (JSON.MGET).

    Raises:
        KeyNotFound: Nothing is stored under one of them.
        WrongTypeError: One holds another Redis type than a JSON document.
    """
    loaded = await load.load_many(cls, source, keys)
    if loaded.missing and not skip_missing:
        key = loaded.missing[0]
        await load.load_one(cls, source, key)  # tells what is there instead
        raise KeyNotFound(f"no {cls.__name__} is stored under {key}", key=key, model=cls.__name__)
    return loaded


async def keys_to_delete(cls: type[StoredModel], args: Sequence[Any]) -> Sequence[str]:
    """Return the full keys of what the arguments of `adelete_many` name or describe.

    Raises:
        MissingParameterError: There are none.
        UnsupportedArgumentTypeError: Filters are mixed with keys, or something is neither.
        BadDeleteActionError: An instance lives inside another model.
    """
    name = f"{cls.__name__}.adelete_many"
    if not args:
        raise MissingParameterError(
            f"{name} requires at least one argument",
            model=cls.__name__,
            hint="give instances, keys or filters; to delete all, give it what afind_keys returns",
        )
    given, filters = _sorted_out(cls, args, "adelete_many")
    if given and filters:
        raise UnsupportedArgumentTypeError(
            f"{name} was given keys and filters", model=cls.__name__, hint="give it one or the other"
        )
    if filters:
        return await find_keys(cls, reduce(and_, filters))
    check_no_inner(argument for argument in given if isinstance(argument, StoredModel))
    return resolve_many(cls, given)


def checked_limit(max_results: int | None) -> int | None:
    """Return the limit.

    Raises:
        UnsupportedArgumentTypeError: It is no whole number.
        UnsupportedArgumentValueError: It is negative.
    """
    if max_results is not None and (isinstance(max_results, bool) or not isinstance(max_results, int)):
        raise UnsupportedArgumentTypeError(
            f"max_results is {max_results!r}", hint="give a whole number, or None for all"
        )
    if max_results is not None and max_results < 0:
        raise UnsupportedArgumentValueError(
            f"max_results is {max_results}", hint="give 0 or more, or None for all"
        )
    return max_results


def _sorted_out(
    cls: type[StoredModel], args: Sequence[Any], operation: str
) -> tuple[list[Any], list[Expression]]:
    given: list[Any] = []
    filters: list[Expression] = []
    for argument in args:
        if isinstance(argument, Expression):
            filters.append(argument)
        elif _is_key(cls, argument):
            given.append(argument)
        elif isinstance(argument, FieldOperand | ModelOperand):
            raise BadFilterError(
                "a field alone is no filter", hint="compare it with a value, such as User.age >= 18"
            )
        else:
            raise UnsupportedArgumentTypeError(
                f"{cls.__name__}.{operation} cannot use {argument!r}",
                model=cls.__name__,
                hint="give keys or filters",
            )
    return given, filters


def _is_key(cls: type[StoredModel], argument: Any) -> bool:
    if isinstance(argument, str | StoredModel):
        return True
    if argument is None or isinstance(argument, FieldOperand | ModelOperand):
        return False
    try:
        resolve(cls, argument)
    except UnsupportedArgumentTypeError:
        return False
    return True
