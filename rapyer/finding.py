"""What the arguments of `afind` and `adelete_many` ask for: keys, filters or everything."""

from __future__ import annotations

import logging
from contextlib import aclosing
from dataclasses import replace
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING, Any, TypeVar

from rapyer.actions import ActionGroup, acting
from rapyer.errors import (
    BadFilterError,
    KeyNotFound,
    MissingParameterError,
    UnsupportedArgumentTypeError,
    UnsupportedArgumentValueError,
)
from rapyer.fields.key import RapyerKey
from rapyer.model import load
from rapyer.model.delete import check_no_inner
from rapyer.model.keys import resolve, resolve_many
from rapyer.model.portions import chunks_of, overlapped, scanned
from rapyer.model.registry import registry
from rapyer.model.state import StoredModel
from rapyer.search.belonging import about
from rapyer.search.compile import compiled
from rapyer.search.expression import Expression, FieldOperand, ModelOperand
from rapyer.search.find import FindResult, find, find_keys, matching
from rapyer.search.leading import leading
from rapyer.search.listing import Ordering, count, entries_at, ordering_of
from rapyer.search.pages import entries_among, load_window, page_of
from rapyer.search.projection import projection_of, read_rows
from rapyer.search.window import Wanted as Wanted
from rapyer.search.window import rows_of, window

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from rapyer.model.portions import Portions
    from rapyer.result import Page
    from rapyer.session.clients import ClientSource

M = TypeVar("M", bound="StoredModel")

logger = logging.getLogger("rapyer")

_KEYS = frozenset({str, RapyerKey})
"""What keys are, as a rule."""


async def find_models(cls: type[StoredModel], args: Sequence[Any], wanted: Wanted) -> FindResult:
    """Return the instances that the arguments of `afind` ask for, as they are found."""
    limit, corrupt = checked_limit(wanted.max_results), load.checked_on_corrupt(wanted.on_corrupt)
    given, filters = _sorted_out(cls, args, "afind")
    if given:
        if filters:
            logger.warning("%s.afind was given keys and filters: the filters are ignored", cls.__name__)
        keys = resolve_many(cls, given)[:limit]
        loaded = await load_by_keys(cls, registry.source_for(cls), keys)
        load.report_skipped(f"{cls.__name__}.afind", loaded, corrupt)
        return FindResult(loaded.models, len(given), loaded.skipped)
    return await find(cls, reduce(and_, filters) if filters else None, limit, corrupt)


async def find_wanted(cls: type[M], args: Sequence[Any], wanted: Wanted) -> list[Any]:
    """Return what the arguments of `afind` ask for, sorted, from an offset on, or some fields of it."""
    return (await find_part(cls, args, wanted)).models


async def find_part(cls: type[StoredModel], args: Sequence[Any], wanted: Wanted) -> FindResult:
    """Return what `find_wanted` returns, with what is known of the rest."""
    if checked_number("offset", wanted.offset) == 0 and wanted.plain:
        return await find_models(cls, args, wanted)
    checked_limit(wanted.max_results)
    corrupt, ordering = load.checked_on_corrupt(wanted.on_corrupt), ordering_of(cls, wanted.sort_by)
    selection = None if wanted.only is None else projection_of(cls, wanted.only)
    given, expression = _asked(cls, args, "afind")
    if selection is None and not given:
        loaded = await window(cls, expression, ordering, wanted)
    else:
        in_order = bool(ordering.terms) or not wanted.everything
        keys = wanted.part(
            await _keys_of(cls, given, expression, ordering, in_order=in_order, most=wanted.stop)
        )
        if selection is None:
            loaded = await load_window(cls, keys, ordering)
        else:
            loaded = await rows_of(cls, keys, selection)
    gone_is_wrong = loaded.missing if given else ()
    if gone_is_wrong:
        await load_by_keys(cls, registry.source_for(cls), gone_is_wrong)  # raises, and says what is there
    load.report_skipped(f"{cls.__name__}.afind", loaded, corrupt)
    total = len(loaded.models) + len(loaded.skipped) if wanted.everything else None
    return FindResult(loaded.models, total, loaded.skipped)


async def list_found(cls: type[StoredModel], args: Sequence[Any], wanted: Wanted) -> Sequence[str]:
    """Return the keys that the arguments of `afind_keys` ask for."""
    checked_number("offset", wanted.offset)
    limit, ordering = checked_limit(wanted.max_results), ordering_of(cls, wanted.sort_by)
    expression = filter_of(cls, args, "afind_keys")
    if wanted.plain:
        return await find_keys(cls, expression, limit)
    return wanted.part(await _keys_of(cls, (), expression, ordering, in_order=True, most=wanted.stop))


async def count_found(cls: type[StoredModel], args: Sequence[Any]) -> int:
    """Return how many documents the arguments of `acount` describe."""
    return await count(cls, filter_of(cls, args, "acount"))


async def page_found(
    cls: type[M], args: Sequence[Any], size: int, after: str | None, wanted: Wanted
) -> Page[M]:
    """Return the page that the arguments of `apage` ask for."""
    checked_number("size", size, least=1)
    corrupt, ordering = load.checked_on_corrupt(wanted.on_corrupt), ordering_of(cls, wanted.sort_by)
    return await page_of(cls, filter_of(cls, args, "apage"), ordering, size, after, corrupt)


async def stream_found(
    cls: type[M], args: Sequence[Any], batch: int, wanted: Wanted
) -> AsyncGenerator[Any, None]:
    """Yield what the arguments of `aiter_find` ask for, read in portions."""
    checked_number("batch", batch, least=1)
    corrupt, ordering = load.checked_on_corrupt(wanted.on_corrupt), ordering_of(cls, wanted.sort_by)
    selection = None if wanted.only is None else projection_of(cls, wanted.only)
    expression, source = filter_of(cls, args, "aiter_find"), registry.source_for(cls)
    keys = await _portions(cls, source, expression, ordering, batch)

    async def read(chunk: Sequence[str]) -> load.Loaded:
        with acting(ActionGroup.READ, ActionGroup.FETCH):
            if selection is not None:
                return await read_rows(cls, source, chunk, selection)
            return await load.load_many(cls, source, chunk)

    left_out = load.Loaded([], (), ())
    async with aclosing(overlapped(keys, read)) as portions:
        async for _, loaded in portions:
            if corrupt == "raise":
                load.report_skipped(f"{cls.__name__}.aiter_find", replace(loaded, missing=()), corrupt)
            missing, unread = (*left_out.missing, *loaded.missing), (*left_out.corrupt, *loaded.corrupt)
            left_out = load.Loaded([], missing, unread)
            for found in loaded.models:
                yield found if selection is None else found[1]
    load.report_skipped(f"{cls.__name__}.aiter_find", left_out)


async def _portions(
    cls: type[StoredModel], source: ClientSource, expression: Expression | None, ordering: Ordering, size: int
) -> Portions:
    """Return all keys in portions of such a size; where SCAN gives them, as they come."""
    if ordering.terms:
        return chunks_of(await _keys_of(cls, (), expression, ordering, in_order=True), size)
    found = await matching(cls, expression, whole=False)
    if found is None:
        return scanned(cls, source, size=size)
    keys = found.keys if found.loaded is None else [model._rapyer_key() for model in found.loaded.models]
    return chunks_of(keys, size)


async def _keys_of(
    cls: type[StoredModel],
    given: Sequence[Any],
    expression: Expression | None,
    ordering: Ordering,
    *,
    in_order: bool,
    most: int | None = None,
) -> Sequence[str]:
    """Return all keys that are asked for.

    Args:
        cls: The class.
        given: Keys; where there are none, the filter counts.
        expression: The filter.
        ordering: What they are sorted by.
        in_order: Whether they are to come in the same order each time, if they are sorted by nothing.
        most: How many of the first are needed at the most; None for all.
    """
    if given:
        keys = resolve_many(cls, given)
        if not ordering.terms:
            return keys
        entries = await entries_at(cls, keys, ordering)
        doubtful = [entry.key for entry in entries if set(entry.values) == {None}]
        await load_by_keys(cls, registry.source_for(cls), doubtful)  # raises where nothing is stored
        return [entry.key for entry in entries]
    first = await leading(cls, expression, ordering, most, whole=False) if most is not None else None
    if first is not None:
        return [entry.key for entry in first.entries]
    if ordering.terms or (in_order and compiled(expression).nearest is None):
        return [entry.key for entry in (await entries_among(cls, expression, ordering))[0]]
    return await find_keys(cls, expression)


def _asked(
    cls: type[StoredModel], args: Sequence[Any], operation: str
) -> tuple[list[Any], Expression | None]:
    given, filters = _sorted_out(cls, args, operation)
    if given and filters:
        logger.warning("%s.%s was given keys and filters: the filters are ignored", cls.__name__, operation)
    return given, reduce(and_, filters) if filters else None


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


def to_delete(cls: type[StoredModel], args: Sequence[Any]) -> Sequence[str] | Expression:
    """Return the full keys that the arguments of `adelete_many` name, or the filter that they are.

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
            hint=f"give instances, keys or filters; all keys there are: *await {cls.__name__}.afind_keys()",
        )
    given, filters = _sorted_out(cls, args, "adelete_many")
    if given and filters:
        raise UnsupportedArgumentTypeError(
            f"{name} was given keys and filters", model=cls.__name__, hint="give it one or the other"
        )
    if filters:
        return reduce(and_, filters)
    check_no_inner(argument for argument in given if isinstance(argument, StoredModel))
    return resolve_many(cls, given)


def filter_of(cls: type[StoredModel], args: Sequence[Any], operation: str) -> Expression | None:
    """Return the one filter that several are; None for none.

    Raises:
        UnsupportedArgumentTypeError: An argument is no filter.
    """
    given, filters = _sorted_out(cls, args, operation)
    if given:
        raise UnsupportedArgumentTypeError(
            f"{cls.__name__}.{operation} cannot use {given[0]!r}",
            model=cls.__name__,
            hint="give filters, such as User.age >= 18",
        )
    return reduce(and_, filters) if filters else None


def to_update(cls: type[StoredModel], args: Sequence[Any]) -> Expression:
    """Return the filter that the arguments of `aupdate_many` are.

    Raises:
        MissingParameterError: There are none.
        UnsupportedArgumentTypeError: One is no filter.
    """
    expression = filter_of(cls, args, "aupdate_many")
    if expression is None:
        raise MissingParameterError(
            f"{cls.__name__}.aupdate_many requires at least one filter",
            model=cls.__name__,
            hint="to change all, give one that all fit, such as (User.age >= 18) | ~(User.age >= 18)",
        )
    return expression


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


def checked_number(name: str, value: Any, least: int = 0) -> int:
    """Return a number that is given as an argument.

    Args:
        name: The argument.
        value: Its value.
        least: The least that makes sense.

    Raises:
        UnsupportedArgumentTypeError: It is no whole number.
        UnsupportedArgumentValueError: It is less than that.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise UnsupportedArgumentTypeError(f"{name} is {value!r}", hint="give a whole number")
    if value < least:
        raise UnsupportedArgumentValueError(f"{name} is {value}", hint=f"give {least} or more")
    return value


def is_filter(argument: Any) -> bool:
    """Tell whether an argument is a filter, or a field that is to be one."""
    return isinstance(argument, Expression | FieldOperand | ModelOperand)


def _sorted_out(
    cls: type[StoredModel], args: Sequence[Any], operation: str
) -> tuple[list[Any], list[Expression]]:
    if _KEYS.issuperset(map(type, args)):  # which may be many
        return list(args), []
    given: list[Any] = []
    filters: list[Expression] = []
    for argument in args:
        if isinstance(argument, Expression):
            filters.append(about(cls, argument))
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
