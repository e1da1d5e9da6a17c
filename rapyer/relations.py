"""The functions of the package that work on references between models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from rapyer.actions import ActionGroup, action
from rapyer.base import AtomicRedisModel
from rapyer.errors import (
    MissingParameterError,
    UnsupportedArgumentTypeError,
    UnsupportedArgumentValueError,
)
from rapyer.model.edges import edges_of
from rapyer.model.integrity import Check
from rapyer.model.references import Fetch, Route
from rapyer.search.expression import FieldOperand, ModelOperand, place_of
from rapyer.types.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rapyer.result import FetchResult, ReferenceReport


@action(ActionGroup.READ, ActionGroup.FETCH)
async def afetch_all(
    objects: AtomicRedisModel | Reference[Any] | Iterable[AtomicRedisModel | Reference[Any]],
    *fields: Any,
    depth: int | None = None,
    on_dangling: Literal["report", "raise"] = "report",
) -> FetchResult:
    """Resolve many references at once: `await rapyer.afetch_all(users, User.company, Company.country)`.

    Each field is followed from every object of its class that is reached, also where it holds a list, a dict
    or a set of references, or models that hold some. All that is one step away is read in one transaction (a
    JSON.MGET per class, and what reads its sets), whatever the classes; then what is one step further. A key
    stands for one object in all places, and for a given one if there is one, so cycles end by themselves.
    References that have their target already keep it. It runs at once, in a pipeline too.

    Args:
        objects: Models, or references such as the members of a set, or one of either.
        fields: The fields to follow. With references alone there need not be any.
        depth: How many steps to go at most; None for no limit.
        on_dangling: What to do about references that lead to nothing: "report" them, or "raise" the error
            of the first; the others are resolved in either case.

    Returns:
        How many were resolved, and those that could not be.

    Raises:
        MissingParameterError: No field was given.
        UnsupportedArgumentTypeError: An object is no model and no reference, or a field holds none.
        UnsupportedArgumentValueError: `depth` is not positive, or `on_dangling` is something else.
        KeyNotFound: Nothing is stored under a key, and that was to raise.
        WrongClassError: A key belongs to a class that the reference cannot name, and that was to raise.
        CorruptedModelError: A document does not fit its class, and that was to raise.
    """
    if on_dangling not in {"report", "raise"}:
        raise UnsupportedArgumentValueError(
            f"on_dangling is {on_dangling!r}", hint='give "report" or "raise"'
        )
    if depth is not None and depth < 1:
        raise UnsupportedArgumentValueError(f"depth is {depth}", hint="give 1 or more, or None for no limit")
    given = [objects] if isinstance(objects, AtomicRedisModel | Reference) else list(objects)
    fetch = Fetch([_route(field) for field in fields])
    if not fields and not all(isinstance(one, Reference) for one in given):
        raise MissingParameterError(
            "rapyer.afetch_all requires the fields to follow", hint="name them as User.company"
        )
    for one in given:
        if not isinstance(one, AtomicRedisModel | Reference):
            raise UnsupportedArgumentTypeError(
                f"rapyer.afetch_all cannot use {one!r}", hint="give it models or references"
            )
    await fetch.run(given, depth)
    if on_dangling == "raise" and fetch.dangling:
        raise fetch.dangling[0][1]
    return fetch.result()


def _route(given: Any) -> Route:
    if not isinstance(given, FieldOperand | ModelOperand):
        raise UnsupportedArgumentTypeError(
            f"rapyer.afetch_all cannot follow {given!r}", hint="name a field as User.company"
        )
    root, path = place_of(given)
    stores = [
        edge.store for edge in edges_of(root) if edge.field == path or edge.field.startswith(f"{path}.")
    ]
    if not stores:
        raise UnsupportedArgumentTypeError(
            f"{root.__name__}.{path} holds no references that can be followed",
            model=root.__name__,
            field=path,
            hint="those in values that are stored as a whole are fetched one by one",
        )
    if set(stores) == {"queue"}:
        raise UnsupportedArgumentTypeError(
            f"{root.__name__}.{path} is a queue, whose items are not here",
            model=root.__name__,
            field=path,
            hint="give afetch_all the references that its aitems() returns",
        )
    return Route(root, tuple(path.split(".")))


@action(ActionGroup.READ, refreshes=False)
async def acheck_references(model: type[AtomicRedisModel], *, limit: int = 1000) -> ReferenceReport:
    """Look through all stored instances of a class for references that lead to nothing.

    It takes a few hundred instances at a time (SCAN, JSON.GET of the references, SMEMBERS, ZRANGE, TYPE), so
    their number does not matter; those that are stored or deleted meanwhile may be seen or not.

    Args:
        model: The class.
        limit: How many broken references to report one by one; all are counted.

    Returns:
        How many references there are, and which are broken.

    Raises:
        UnsupportedArgumentTypeError: It is no model class.
    """
    if not (isinstance(model, type) and issubclass(model, AtomicRedisModel)):
        raise UnsupportedArgumentTypeError(
            f"rapyer.acheck_references cannot check {model!r}", hint="give it a model class"
        )
    return await Check(model, limit).run()
